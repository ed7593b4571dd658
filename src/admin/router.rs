//! The calls.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, delete, get, post};
use http::HeaderValue;
use http::header::CACHE_CONTROL;

use super::problem::RefusalCode;
use super::refusal::Refusal;
use super::state::{AdminState, Shared};
use super::{apps, audit, auth, migration, regions, register, standing, tokens};

/// The admin API. Whoever serves it over TLS puts a [`PeerAddr`](super::PeerAddr) into each request.
pub fn router(state: AdminState) -> Router {
    let shared = Arc::new(Shared::new(state));
    Router::new()
        .route("/v1/apps", get(apps::list).post(register::register))
        .route("/v1/apps/{app_id}", app())
        .route("/v1/apps/{app_id}/suspend", post(standing::suspend))
        .route("/v1/apps/{app_id}/resume", post(standing::resume))
        .route("/v1/apps/{app_id}/tokens", post(tokens::issue))
        .route("/v1/apps/{app_id}/region", any(migration::refuse))
        .route("/v1/apps/{app_id}/move", any(migration::refuse))
        .route("/v1/apps/{app_id}/migrate", any(migration::refuse))
        .route("/v1/apps/{app_id}/export", any(migration::refuse))
        .route("/v1/audit", get(audit::list))
        .route("/v1/audit/checkpoint", get(audit::checkpoint))
        .route("/v1/regions", get(regions::list))
        .route("/v1/regions/{region}", get(regions::show))
        .method_not_allowed_fallback(|| async { Refusal::MethodNotAllowed })
        .route_layer(from_fn_with_state(Arc::clone(&shared), auth::require_key))
        .fallback(|| async { Refusal::NoSuchRoute })
        .layer(from_fn_with_state(Arc::clone(&shared), finish))
        .with_state(shared)
}

fn app() -> axum::routing::MethodRouter<Arc<Shared>> {
    get(apps::show)
        .patch(migration::patch)
        .merge(delete(standing::retire))
}

/// What every answer gets: it is counted when it refuses, and never stored.
async fn finish(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(RefusalCode(code)) = response.extensions().get() {
        shared.given.events.refused(code);
    }
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
