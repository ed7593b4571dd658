//! `domicile datacenter`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::bail;

use super::exit::Outcome;
use super::output::Output;

/// Runs the reference data centre of a zone
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("door").required(true).args(["gateway_ca", "secret_file"]))]
pub struct Args {
    /// The region; only its gateways may connect
    #[arg(long)]
    region: String,
    /// The zone
    #[arg(long)]
    zone: String,
    /// The folder of its store
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where REST listens
    #[arg(long, value_name = "ADDR")]
    rest: SocketAddr,
    /// Where WebSocket listens (not served yet)
    #[arg(long, value_name = "ADDR")]
    websocket: Option<SocketAddr>,
    /// Where the private transport listens (not served yet)
    #[arg(long, value_name = "ADDR")]
    msync: Option<SocketAddr>,
    /// The CA of the gateways' client certificates
    #[arg(long, value_name = "FILE", requires = "certificate", requires = "key")]
    gateway_ca: Option<PathBuf>,
    /// This data centre's certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "gateway_ca")]
    certificate: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "gateway_ca")]
    key: Option<PathBuf>,
    /// On loopback, instead of certificates: file with the secret that gateways send
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Keys that seal the store (not built yet, and refused)
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// # Errors
/// When the data centre cannot start.
pub async fn run(_args: Args) -> Outcome {
    bail!("the data centre is not wired yet")
}
