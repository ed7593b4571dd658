//! `domicile serve`.

use std::path::PathBuf;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Exit, Outcome};
use super::logging;
use super::reloading::Reloading;
use super::service_manager;
use crate::app::{App, Options};
use crate::config;
use crate::domain::{Clock, SystemClock};

/// Runs gateways.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A gateway's configuration; several gateways share one registry and process
    #[arg(long, value_name = "FILE", required = true)]
    pub config: Vec<PathBuf>,
    /// Refuse to start without registry.anchor, instead of believing the registry once
    #[arg(long)]
    pub require_anchor: bool,
    /// Threads that serve traffic, by default one for each processor
    #[arg(long, value_name = "COUNT")]
    pub cores: Option<std::num::NonZeroUsize>,
}

/// # Errors
/// When a gateway cannot start: none does then.
pub async fn run(args: Args) -> Outcome {
    let (mut configs, mut warnings) = (Vec::new(), Vec::new());
    for path in &args.config {
        let loaded = config::load_checked(path, SystemClock.unix());
        let (config, more) = loaded.map_err(|report| anyhow::anyhow!("{report}"))?;
        configs.push(config);
        warnings.extend(more);
    }
    if let Some(config) = configs.first() {
        logging::start(config.log);
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let mut options = Options {
        require_anchor: args.require_anchor,
        ..Options::default()
    };
    if let Some(cores) = args.cores {
        options.cores = cores.get();
    }
    let ending = Ending::listen()?;
    let reloading = Reloading::listen(&args.config)?;
    let app = App::start(configs, options).await?;
    for gateway in app.gateways() {
        tracing::info!(region = %gateway.region, "serving");
    }
    service_manager::ready();
    tokio::select! {
        () = ending.told() => {}
        () = reloading.run(&app) => {}
    }
    tracing::info!("draining");
    service_manager::stopping();
    app.shutdown().await;
    Ok(Exit::Done)
}

/// Hears SIGTERM and SIGINT from when it is made: one that comes during the start is not lost.
pub struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    /// # Errors
    /// When signals cannot be listened for.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Returns when the process was told to end.
    pub async fn told(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
