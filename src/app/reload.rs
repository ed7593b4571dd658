//! Another configuration for a gateway that serves: whole, or not at all.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::generation::Generation;
use super::{App, Running, StartError};
use crate::config::Config;
use crate::gateway::Shared;

/// Why the configuration that serves was kept.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("{} cannot change while the gateway runs: restart it, or put back what was there", .0.join(", "))]
    NeedsRestart(Vec<&'static str>),
    #[error(transparent)]
    Unusable(#[from] StartError),
}

impl App {
    /// Switches the gateway, counted from 0 as they were started, to another configuration. From its
    /// return on, connections and requests meet that one; those under way end as they began, and
    /// sessions go on.
    ///
    /// # Errors
    /// When it cannot be used, or not without a restart. Nothing is changed then.
    pub async fn reload(&self, gateway: usize, config: Config) -> Result<(), ReloadError> {
        let Some(running) = self.gateways.get(gateway) else {
            return Ok(());
        };
        let generation = self.next(running, config)?;
        let setting = Arc::clone(&generation.setting);
        running.current.replace(Arc::new(generation));
        self.cores.switch(gateway, &setting).await;
        let metrics = &running.lasting.metrics;
        // Those that are still there come again with the next scrape.
        metrics.upstream_healthy.reset();
        Ok(())
    }

    fn next(&self, running: &Running, config: Config) -> Result<Generation, ReloadError> {
        let fixed = running.current.generation().config.fixed(&config);
        if !fixed.is_empty() {
            return Err(ReloadError::NeedsRestart(fixed));
        }
        let tasks = (&self.tasks, &self.stop);
        Ok(Generation::new(config, &running.lasting, tasks)?)
    }
}

impl Running {
    /// What its configuration makes of it now.
    pub fn shared(&self) -> Arc<Shared> {
        self.current.shared()
    }

    /// Counts and tells whether a configuration from disk was put in place.
    pub fn reloaded<E>(&self, outcome: Result<(), E>) {
        self.ops.refused.store(outcome.is_err(), Ordering::Relaxed);
        self.lasting.metrics.reloaded(outcome.map_err(drop));
    }
}
