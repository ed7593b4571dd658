//! `/metrics`, `/healthz` and `/readyz`: plain HTTP by design, nothing personal in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;

use super::edges::Edges;
use super::generation::{Current, Generation};
use super::renewal::Renewal;
use crate::config::NEAR_END;
use crate::domain::ZoneId;
use crate::gateway::Shared;
use crate::observe::Metrics;
use crate::registry::{Health, Reason, Registry};
use crate::serve::Certificates;
use crate::zone::Secured;

/// What the ops listener looks at.
pub struct Ops {
    pub current: Arc<Current>,
    /// Whether the traffic listeners are up.
    pub listening: AtomicBool,
    /// Whether the configuration on disk was refused, so that it is not what serves.
    pub refused: AtomicBool,
}

/// What may expire.
pub struct Expiry {
    /// Those with TLS.
    listeners: Vec<&'static str>,
    certificates: Arc<Certificates>,
    zones: Vec<(ZoneId, Arc<Secured>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ready,
    Degraded,
    Unready,
}

#[derive(Debug, Serialize)]
struct Readiness {
    status: Status,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
    #[serde(skip)]
    needed: bool,
}

pub fn router(ops: Arc<Ops>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(ops)
}

async fn metrics(State(ops): State<Arc<Ops>>) -> impl IntoResponse {
    let generation = ops.current.generation();
    let shared = generation.shared();
    let metrics = &shared.metrics;
    shared.homes.gauge(metrics);
    generation.expiry.gauge(metrics);
    metrics
        .registry_up
        .set(i64::from(shared.registry.state().up));
    let stats = shared.registry.stats();
    for (kind, count) in [
        ("home", stats.home_entries),
        ("elsewhere", stats.elsewhere_entries),
        ("absent", stats.absent_entries),
    ] {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let gauge = metrics.registry_cache_entries.with_label_values(&[kind]);
        gauge.set(count);
    }
    let behind = shared
        .audit
        .entries()
        .saturating_sub(metrics.audit_entries.get());
    metrics.audit_entries.inc_by(behind);
    let checkpoint = i64::try_from(shared.audit.checkpoint_time()).unwrap_or(i64::MAX);
    metrics.audit_checkpoint.set(checkpoint);
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        metrics.render(),
    )
}

async fn readyz(State(ops): State<Arc<Ops>>) -> impl IntoResponse {
    let readiness = ops.readiness();
    let status = match readiness.status {
        Status::Ready | Status::Degraded => StatusCode::OK,
        Status::Unready => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, axum::Json(readiness))
}

impl Ops {
    fn readiness(&self) -> Readiness {
        let generation = self.current.generation();
        let checks = vec![
            registry(&generation.shared().registry),
            Check::needed("keys", true, "open"),
            self.listeners(),
            self.draining(),
            upstreams(generation.shared()),
            certificate(&generation),
            self.configuration(),
        ];
        let failing = |needed| checks.iter().any(|c| !c.ok && c.needed == needed);
        let status = if failing(true) {
            Status::Unready
        } else if failing(false) {
            Status::Degraded
        } else {
            Status::Ready
        };
        Readiness { status, checks }
    }

    fn listeners(&self) -> Check {
        let up = self.listening.load(Ordering::Relaxed);
        Check::needed("listeners", up, if up { "up" } else { "not up" })
    }

    fn draining(&self) -> Check {
        let leaving = self.current.shared().is_leaving();
        let detail = if leaving { "draining" } else { "no" };
        Check::needed("draining", !leaving, detail)
    }

    fn configuration(&self) -> Check {
        let refused = self.refused.load(Ordering::Relaxed);
        let detail = if refused {
            "the one on disk is refused, see the log; the one before serves"
        } else {
            "as it was loaded"
        };
        Check::wanted("configuration", !refused, detail)
    }
}

fn registry(registry: &Registry) -> Check {
    let detail = |reason: Reason| match registry.trouble() {
        Some(trouble) => format!("{reason}: {trouble}"),
        None => reason.to_string(),
    };
    match registry.state().health {
        Health::Ready => Check::needed("registry", true, "answers and verifies"),
        Health::Degraded { reason } => Check::wanted("registry", false, &detail(reason)),
        Health::Unready { reason } => Check::needed("registry", false, &detail(reason)),
    }
}

fn upstreams(shared: &Shared) -> Check {
    let homes = shared.homes.homes().iter();
    let targets = homes.flat_map(|h| h.all_targets());
    let sick = targets.filter(|t| !t.health().is_well()).count();
    let detail = if sick == 0 {
        "all well".to_owned()
    } else {
        format!("{sick} not in use")
    };
    Check::wanted("upstreams", sick == 0, &detail)
}

fn certificate(generation: &Generation) -> Check {
    let Some((whose, ends)) = generation.expiry.first() else {
        return Check::wanted("certificate", true, "none in use");
    };
    let left = ends.saturating_sub(generation.shared().clock.unix());
    let detail = format!("{whose} ends in {} days", left / 86_400);
    Check::wanted("certificate", left > NEAR_END, &detail)
}

impl Expiry {
    pub fn new(edges: &Edges, renewal: &Renewal) -> Self {
        let zones = renewal.secured();
        Self {
            listeners: edges.listeners(),
            certificates: Arc::clone(renewal.certificates()),
            zones: zones
                .map(|(id, secured)| (id.clone(), Arc::clone(secured)))
                .collect(),
        }
    }

    /// The certificate that ends first: whose it is, and when in unix seconds.
    fn first(&self) -> Option<(String, u64)> {
        let edge = self
            .certificates
            .end()
            .filter(|_| !self.listeners.is_empty());
        let edge = edge.map(|ends| ("that of the listeners".to_owned(), ends));
        let zones = self.zones.iter().filter_map(|(id, secured)| {
            let whose = format!("that for zone {id}");
            Some((whose, secured.ends()?))
        });
        edge.into_iter().chain(zones).min_by_key(|(_, ends)| *ends)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "unix seconds are far below 2^53"
    )]
    fn gauge(&self, metrics: &Metrics) {
        if let Some(ends) = self.certificates.end() {
            for listener in &self.listeners {
                let gauge = metrics.certificate_expiry.with_label_values(&[*listener]);
                gauge.set(ends as f64);
            }
        }
        for (zone, secured) in &self.zones {
            if let Some(ends) = secured.ends() {
                let labels = [zone.as_str()];
                let gauge = metrics
                    .upstream_certificate_expiry
                    .with_label_values(&labels);
                gauge.set(ends as f64);
            }
        }
    }
}

impl Check {
    /// Without it the gateway is not ready.
    fn needed(name: &'static str, ok: bool, detail: &str) -> Self {
        Self {
            name,
            ok,
            detail: detail.to_owned(),
            needed: true,
        }
    }

    /// Without it the gateway is degraded.
    fn wanted(name: &'static str, ok: bool, detail: &str) -> Self {
        Self {
            needed: false,
            ..Self::needed(name, ok, detail)
        }
    }
}
