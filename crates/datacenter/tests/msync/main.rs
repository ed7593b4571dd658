//! MSYNC over both transports and real sockets.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails its test")]

mod client;
mod door;
mod erasure;
mod groups;
mod harness;
mod login;
mod people;
mod rooms;
mod schema;
mod slow;
mod tls;
