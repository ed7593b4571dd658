//! `POST /management/erasures`.

mod app;
pub mod kit;
mod refused;
mod traces;
mod user;
