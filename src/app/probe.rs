//! The gateway's own canary: asked for again and again, counted, and told when it is let in.

use std::sync::Arc;
use std::time::Duration;

use super::StartError;
use super::client_tls;
use crate::audit::{Action, Actor, Deed};
use crate::config::{self, Config};
use crate::gateway::Shared;
use crate::observe::Violation;
use crate::probe::{Canary, Dialler, Finding, Matrix, Prober, Verdict};
use crate::registry::SystemRandomness;

/// For one question.
const PATIENCE: Duration = Duration::from_secs(10);

/// Of each violation in the audit log.
const LET_IN: &str = "probe_let_in";

/// What the configuration asks for: without `probe`, nothing.
///
/// # Errors
/// When TLS cannot be set up with `probe.ca`.
pub fn of(
    config: &Config,
    shared: &Arc<Shared>,
) -> Result<impl Future<Output = ()> + Send + use<>, StartError> {
    let probe = config.probe.clone();
    let prober = probe.as_ref().map(prober).transpose()?;
    let ready = prober.zip(probe);
    let shared = Arc::clone(shared);
    Ok(async move {
        if let Some((prober, probe)) = ready {
            forever(prober, probe, shared).await;
        }
    })
}

fn prober(probe: &config::Probe) -> Result<Prober, StartError> {
    let roots = client_tls::roots(probe.ca.as_deref()).map_err(StartError::ProbeTls)?;
    Ok(Prober {
        dialler: Dialler::new(roots)?,
        randomness: Arc::new(SystemRandomness),
        patience: PATIENCE,
    })
}

async fn forever(prober: Prober, probe: config::Probe, shared: Arc<Shared>) {
    let canaries = probe.apps.iter().map(|app| Canary {
        app_key: &app.app_key,
        home: &app.region,
    });
    let canaries: Vec<_> = canaries.collect();
    let mut ticks = tokio::time::interval(probe.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let matrix = prober.run(&shared.catalogue, &canaries).await;
        note(&matrix, &shared).await;
    }
}

async fn note(matrix: &Matrix, shared: &Shared) {
    measure(matrix, shared);
    for finding in &matrix.findings {
        match &finding.verdict {
            Verdict::Refused | Verdict::Answered => {}
            Verdict::LetIn(evidence) => {
                tracing::error!(home = %finding.home, region = %finding.region,
                    transport = finding.way.as_str(), %evidence, "a canary was let in abroad");
                tell(shared).await;
            }
            Verdict::Unclear(problem) => {
                tracing::warn!(home = %finding.home, region = %finding.region,
                    transport = finding.way.as_str(), %problem, "a probe has shown nothing");
            }
        }
    }
}

fn measure(matrix: &Matrix, shared: &Shared) {
    let metrics = &shared.metrics;
    for (cell, good) in matrix.cells() {
        let (home, region, way) = (cell.home.as_str(), cell.region.as_str(), cell.way.as_str());
        let gauge = if home == region {
            metrics.probe_answered.with_label_values(&[region, way])
        } else {
            let labels = [home, region, way];
            metrics.probe_refused.with_label_values(&labels)
        };
        gauge.set(good.into());
    }
    for _ in matrix.findings.iter().filter(|f| Finding::is_violation(f)) {
        metrics.violated(Violation::Probe);
    }
    let now = i64::try_from(shared.clock.unix()).unwrap_or(i64::MAX);
    metrics.probe_last_run.set(now);
}

async fn tell(shared: &Shared) {
    let deed = Deed {
        actor: Actor::Gateway,
        action: Action::Probe,
        app_id: None,
    };
    if let Err(error) = shared.audit.found(&deed, LET_IN).await {
        tracing::error!(%error, "a canary that was let in is not in the audit log");
    }
}
