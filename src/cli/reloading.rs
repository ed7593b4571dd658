//! Other configurations for gateways that run: at SIGHUP, and when their files change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::service_manager;
use crate::app::{App, Running, Watched};
use crate::config::{self, Config};
use crate::domain::{Clock, SystemClock};

/// The files of the gateways, in their order, and what says that they are to be read anew.
pub struct Reloading {
    files: Vec<ConfigFile>,
    hangup: Signal,
}

struct ConfigFile {
    path: PathBuf,
    watched: Watched,
}

/// How often the files are looked at. What changed is taken when it was seen twice.
const PERIOD: Duration = Duration::from_secs(1);

impl Reloading {
    /// Hears SIGHUP from now on.
    ///
    /// # Errors
    /// When signals cannot be listened for.
    pub fn listen(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let file = |path: &PathBuf| ConfigFile {
            path: path.clone(),
            watched: Watched::new([Some(path)]),
        };
        Ok(Self {
            files: paths.iter().map(file).collect(),
            hangup: signal(SignalKind::hangup()).context("cannot listen for signals")?,
        })
    }

    /// Reloads for as long as it is polled.
    pub async fn run(mut self, app: &App) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let told = tokio::select! {
                heard = self.hangup.recv() => heard.is_some(),
                _ = ticks.tick() => false,
            };
            let mut due = Vec::new();
            for (n, file) in self.files.iter_mut().enumerate() {
                if file.watched.has_changed() || told {
                    file.watched.took();
                    due.push(n);
                }
            }
            if !due.is_empty() {
                service_manager::reloading();
                self.reload(app, due).await;
                service_manager::ready();
            }
        }
    }

    async fn reload(&self, app: &App, due: Vec<usize>) {
        for n in due {
            if let (Some(file), Some(running)) = (self.files.get(n), app.gateways().get(n)) {
                reload(app, n, running, &file.path).await;
            }
        }
    }
}

/// Puts the configuration of a file in place, or keeps the one that serves, and says so.
async fn reload(app: &App, gateway: usize, running: &Running, path: &Path) {
    let region = &running.region;
    let outcome = match load(path).await {
        Ok(config) => app
            .reload(gateway, config)
            .await
            .map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match &outcome {
        Ok(()) => tracing::info!(%region, "the configuration was reloaded"),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::error!(%region, error, "the configuration on disk is not used: the one before serves");
        }
    }
    running.reloaded(outcome);
}

async fn load(path: &Path) -> anyhow::Result<Config> {
    let path = path.to_owned();
    let loaded = tokio::task::spawn_blocking(move || {
        let loaded = config::load_checked(&path, SystemClock.unix());
        loaded.map_err(|report| anyhow::anyhow!("{report}"))
    });
    let (config, warnings) = loaded.await??;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}
