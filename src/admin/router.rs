//! The calls.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::openapi::{self, Served};
use super::problem::RefusalCode;
use super::refusal::Refusal;
use super::state::{AdminState, Shared};
use super::{
    accounts, apps, audit, auth, certificates, migration, regions, register, settings, standing,
    tokens, users,
};

/// The admin API. Whoever serves it over TLS puts a [`PeerAddr`](super::PeerAddr) into each request.
pub fn router(state: AdminState) -> Router {
    let shared = Arc::new(Shared::new(state));
    let (calls, document) = calls().split_for_parts();
    let document = Served::new(document, &shared.given);
    calls
        .method_not_allowed_fallback(|| async { Refusal::MethodNotAllowed })
        .route_layer(from_fn_with_state(Arc::clone(&shared), auth::require_key))
        .fallback(|| async { Refusal::NoSuchRoute })
        .with_state(Arc::clone(&shared))
        .route("/openapi.json", get(openapi::serve).with_state(document))
        .layer(from_fn_with_state(shared, finish))
}

/// Every call that needs a key, each with what it says of itself.
fn calls() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(apps::list, register::register))
        .routes(routes!(apps::show, settings::patch, standing::retire))
        .routes(routes!(standing::suspend))
        .routes(routes!(standing::resume))
        .routes(routes!(certificates::list, certificates::create))
        .routes(routes!(certificates::promote))
        .routes(routes!(certificates::revoke))
        .routes(routes!(tokens::issue))
        .routes(routes!(users::revoke))
        .routes(routes!(users::erase))
        .routes(routes!(migration::region))
        .routes(routes!(migration::move_away))
        .routes(routes!(migration::migrate))
        .routes(routes!(migration::export))
        .routes(routes!(regions::list))
        .routes(routes!(regions::show))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::delete))
        .routes(routes!(audit::list))
        .routes(routes!(audit::checkpoint))
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
