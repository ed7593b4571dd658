//! The command line, one subcommand a file.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 failed,
//! 2 wrong use, 3 refused by policy.

pub mod accounts;
pub mod apps;
pub mod audit;
pub mod backup;
pub(crate) mod centre_keys;
pub mod certificates;
pub mod check;
mod client;
pub mod completions;
mod confirm;
pub mod datacenter;
pub mod demo;
mod exit;
pub mod init;
pub mod install_secrets;
pub mod keys;
mod logging;
mod output;
mod paging;
pub mod probe;
pub mod registry;
mod reloading;
pub mod restore;
mod secret_file;
pub mod serve;
mod service_manager;
mod span;
mod stopped;
pub mod tokens;

pub use client::http as http_client;
pub use exit::{Exit, Outcome, Stop, finish};
pub use output::{Format, Output};

#[cfg(test)]
mod control_tests;
#[cfg(test)]
mod gateway;
