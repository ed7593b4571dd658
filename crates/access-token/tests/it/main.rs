//! The crate from outside: vectors, tables of faults, properties.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

mod build;
mod check;
mod inspect;
mod parse;
mod properties;
mod support;
mod vectors;
