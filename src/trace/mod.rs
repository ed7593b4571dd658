//! Traces, to a collector by OTLP: off unless configured, and not in every build (feature `otel`).
//!
//! Requests put what is told of them into a bounded queue (`observe/tracer.rs`) and never wait. One task
//! empties it: a collector that is slow, down or refused costs spans, which are counted, and nothing else.

mod collector;
mod otlp;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use crate::domain::{RegionId, ZoneId};
use crate::observe::{Exported, Finished, Metrics};
use crate::zone::Target;
use collector::Collector;
use otlp::Encoder;

/// What the collector is told of the gateway itself.
#[derive(Debug, Clone)]
pub struct Source {
    pub region: RegionId,
    /// In the order of their positions in the metrics.
    pub zones: Vec<ZoneId>,
    pub gateway_id: String,
}

/// Sends finished requests to the collector.
pub struct Exporter {
    finished: Receiver<Finished>,
    encoder: Encoder,
    collector: Collector,
    metrics: Arc<Metrics>,
    /// So that each change is logged once.
    works: bool,
}

/// Requests of which the collector is told at once.
const BATCH: usize = 512;
/// How long a batch gathers.
const GATHERS: Duration = Duration::from_secs(1);
/// For one batch, the connection and its answer included.
const PATIENCE: Duration = Duration::from_secs(10);
/// For what is left at the end.
const FAREWELL: Duration = Duration::from_secs(2);

impl Exporter {
    pub fn new(
        finished: Receiver<Finished>,
        source: &Source,
        target: Target,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            finished,
            encoder: Encoder::new(source),
            collector: Collector::new(target),
            metrics,
            works: true,
        }
    }

    /// Until it is told to stop; then once more, for a moment.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::new();
        while let Some(true) = stop.run_until_cancelled(self.gather(&mut batch)).await {
            let mut sending = std::pin::pin!(self.send(std::mem::take(&mut batch), PATIENCE));
            if stop.run_until_cancelled(&mut sending).await.is_none() {
                let _ = tokio::time::timeout(FAREWELL, sending).await;
                break;
            }
        }
        self.finished.close();
        while let Ok(finished) = self.finished.try_recv() {
            batch.push(finished);
        }
        self.send(batch, FAREWELL).await;
    }

    /// Fills the batch; whether there will be another.
    async fn gather(&mut self, batch: &mut Vec<Finished>) -> bool {
        if self.finished.recv_many(batch, BATCH).await == 0 {
            return false;
        }
        if batch.len() < BATCH {
            tokio::time::sleep(GATHERS).await;
        }
        while batch.len() < BATCH
            && let Ok(finished) = self.finished.try_recv()
        {
            batch.push(finished);
        }
        true
    }

    async fn send(&mut self, batch: Vec<Finished>, patience: Duration) {
        if batch.is_empty() {
            return;
        }
        let request = self.encoder.request(&batch);
        let sent = tokio::time::timeout(patience, self.collector.send(request)).await;
        let sent = sent.unwrap_or(Err(collector::SendError::Timeout));
        let what = match &sent {
            Ok(()) => Exported::Sent,
            Err(_) => Exported::Failed,
        };
        self.metrics
            .spans(what, batch.iter().map(Finished::spans).sum());
        self.say(sent.as_ref().err());
    }

    fn say(&mut self, error: Option<&collector::SendError>) {
        match error {
            Some(error) if self.works => {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "the collector takes no traces: they are dropped");
            }
            None if !self.works => tracing::info!("the collector takes traces again"),
            Some(_) | None => {}
        }
        self.works = error.is_none();
    }
}
