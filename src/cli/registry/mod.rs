//! `domicile registry`: what is done to a registry beside its gateways.

mod init_etcd;
mod logs;
mod reconcile;

use clap::Subcommand;

use super::exit::Outcome;

/// Prepares an etcd, or repairs a stopped gateway's registry.
#[derive(Debug, Subcommand)]
pub enum Command {
    InitEtcd(init_etcd::Args),
    Reconcile(reconcile::Args),
}

/// # Errors
/// When it cannot be done.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::InitEtcd(args) => init_etcd::run(&args).await,
        Command::Reconcile(args) => reconcile::run(&args).await,
    }
}
