//! The crate from outside: real traffic, tables, edits, and prost as the judge.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

mod agree;
mod answers;
mod edits;
mod golden;
mod make;
mod oracle;
mod properties;
mod support;
mod tables;
