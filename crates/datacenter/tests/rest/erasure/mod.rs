//! `POST /management/erasures`.

mod app;
mod kit;
mod refused;
mod traces;
mod user;
