//! The REST part over real sockets.

mod apps;
mod door;
mod files;
mod harness;
mod history;
mod messages;
mod paths;
mod restart;
mod rosters;
mod tokens;
mod users;
