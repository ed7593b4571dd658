//! `GET /v1/apps` and `GET /v1/apps/{app_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::page::{Page, PageQuery, Parameters};
use super::path::{AppParams, AppPath};
use super::permission::{ListApps, May, ReadApp};
use super::refusal::Refusal;
use super::schema;
use super::state::Shared;
use super::view::{AppView, tagged};
use super::words::STATUSES;
use crate::domain::AppKey;
use crate::registry::Status;

/// Of which standing.
#[derive(utoipa::IntoParams)]
#[expect(dead_code, reason = "for the OpenAPI document; `list` reads it")]
#[into_params(parameter_in = Query)]
pub struct StatusQuery {
    #[param(schema_with = schema::status, required = false)]
    status: Option<Status>,
}

/// The Apps that live here, a page at a time; a registrar's own orgs' only.
#[utoipa::path(
    get,
    path = "/v1/apps",
    params(PageQuery, StatusQuery, ("cursor" = Option<String>, Query, description = "The next_cursor of an earlier page", pattern = "^[0-9a-f]{64}$")),
    responses((status = 200, description = "A page; it may be short although there is more", body = Page<AppView>))
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    may: May<ListApps>,
    mut parameters: Parameters,
) -> Result<Json<Page<AppView>>, Refusal> {
    let limit = parameters.limit();
    let after = parameters.cursor();
    let status = parameters.word("status", &STATUSES);
    parameters.finish()?;
    let orgs = may.orgs();
    let wanted = |app_key: &AppKey, standing: Status| {
        orgs.contain(app_key) && status.is_none_or(|status| status == standing)
    };
    let page = shared.given.registry.list(after, limit, &wanted).await?;
    let region = shared.given.region.as_str();
    let items = page
        .items
        .iter()
        .map(|app| AppView::of(app, region))
        .collect();
    let next_cursor = page.next_cursor;
    Ok(Json(Page { items, next_cursor }))
}

/// An App that lives here.
#[utoipa::path(
    get,
    path = "/v1/apps/{app_id}",
    params(AppParams),
    responses((status = 200, description = "The App", body = AppView, headers(("ETag" = String, description = "Its revision"))))
)]
pub async fn show(
    State(shared): State<Arc<Shared>>,
    may: May<ReadApp>,
    AppPath(app_id): AppPath,
) -> Result<Response, Refusal> {
    let app = shared.app(&may.orgs(), &app_id).await?;
    let view = AppView::of(&app, shared.given.region.as_str());
    Ok(tagged(StatusCode::OK, app.revision, view))
}

#[cfg(test)]
mod tests {
    use crate::admin::bench::Bench;

    #[tokio::test]
    async fn an_app_is_shown_with_its_revision_and_without_secrets() {
        let bench = Bench::new().await;
        let app_id = bench.app("chat").await;
        let answer = bench.call("GET", &format!("/v1/apps/{app_id}"), "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text("app"), "chat");
        assert_eq!(
            answer.header("etag"),
            format!("\"{}\"", answer.json["revision"])
        );
        assert!(answer.json.get("certificate").is_none());
        let members = answer.json.as_object().unwrap().keys();
        assert_eq!(members.count(), 13);
    }

    #[tokio::test]
    async fn an_id_that_is_none_is_told_from_an_unknown_one() {
        let bench = Bench::new().await;
        let unknown = bench
            .call("GET", "/v1/apps/970CA35de60c44645bbae8a215061b33", "")
            .await;
        assert_eq!(unknown.code(), (404, "app_unknown"));
        let none = bench
            .call("GET", "/v1/apps/970CA35de60c44645bbae8a215061b3", "")
            .await;
        assert_eq!(
            (none.code(), none.fields()),
            ((422, "invalid"), vec!["app_id"])
        );
    }

    #[tokio::test]
    async fn pages_hold_every_app_once() {
        let bench = Bench::new().await;
        let mut registered = Vec::new();
        for number in 0..7 {
            registered.push(bench.app(&format!("chat{number}")).await);
        }
        let mut seen = Vec::new();
        let mut path = "/v1/apps?limit=3".to_owned();
        loop {
            let page = bench.call("GET", &path, "").await;
            let items = page.json["items"].as_array().unwrap();
            assert!(items.len() <= 3, "{page:?}");
            seen.extend(
                items
                    .iter()
                    .map(|app| app["app_id"].as_str().unwrap().to_owned()),
            );
            let Some(cursor) = page.json["next_cursor"].as_str() else {
                break;
            };
            path = format!("/v1/apps?limit=3&cursor={cursor}");
        }
        registered.sort();
        seen.sort();
        assert_eq!(seen, registered);
    }

    #[tokio::test]
    async fn a_list_can_be_of_one_status() {
        let bench = Bench::new().await;
        bench.app("chat1").await;
        let app_id = bench.app("chat2").await;
        bench
            .call("POST", &format!("/v1/apps/{app_id}/suspend"), "")
            .await;
        let page = bench.call("GET", "/v1/apps?status=suspended", "").await;
        let items = page.json["items"].as_array().unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!(items[0]["app_id"], app_id);
    }

    #[tokio::test]
    async fn wrong_parameters_are_named() {
        let bench = Bench::new().await;
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("status=gone", "status"),
            ("cursor=%00", "cursor"),
            ("offset=3", "offset"),
            ("limit=3&limit=4", "limit"),
        ] {
            let answer = bench.call("GET", &format!("/v1/apps?{query}"), "").await;
            assert_eq!(
                (answer.code(), answer.fields()),
                ((422, "invalid"), vec![field])
            );
        }
    }
}
