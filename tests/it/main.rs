//! Domicile from the outside, one module a capability.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

mod demo;
mod documents;
mod layering;
