//! Calls of the admin API in the metrics. The API itself knows nothing of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::domain::Channel;
use crate::observe::{Metrics, Plane, Stopwatch};

/// The same calls, each counted when its answer is made.
pub fn counted(router: Router, metrics: &Arc<Metrics>) -> Router {
    router.layer(from_fn_with_state(Arc::clone(metrics), count))
}

async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let started = Stopwatch::start();
    let response = next.run(request).await;
    let (plane, channel) = (Plane::Admin, Channel::General);
    metrics.request(NO_ZONE, plane, channel, response.status().as_u16());
    metrics.request_took(plane, channel, started.elapsed());
    response
}

/// As in [`Metrics::zone_position`].
const NO_ZONE: usize = 0;
