//! The REST part over real sockets.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails its test")]

mod apps;
mod door;
mod erasure;
mod files;
mod harness;
mod history;
mod keys;
mod messages;
mod paths;
mod restart;
mod retention;
mod rosters;
mod tokens;
mod users;
