//! `GET /v1/audit` and `GET /v1/audit/checkpoint`: this gateway's audit log.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use utoipa::ToSchema;

use super::page::{Page, PageQuery, Parameters};
use super::permission::{May, ReadAudit};
use super::refusal::Refusal;
use super::schema;
use super::state::Shared;
use crate::audit::Entry;

/// An entry of the log. It holds no personal data: administrators appear by account id.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "for the OpenAPI document; `Entry` is what is written"
)]
#[schema(as = AuditEntry)]
pub struct EntryView {
    /// From 0, without gaps.
    index: u64,
    #[schema(schema_with = schema::time)]
    time: String,
    /// The gateway's id.
    gateway: String,
    /// An account id, `client` or `gateway`.
    actor: String,
    action: String,
    #[schema(schema_with = schema::app_id, required = false)]
    app_id: Option<String>,
    region: String,
    #[schema(schema_with = schema::outcome)]
    outcome: String,
    /// Why it was refused or failed.
    code: Option<String>,
    /// How many refusals the entry stands for.
    count: Option<u64>,
}

/// The entries of the gateway that answers, oldest first.
#[utoipa::path(
    get,
    path = "/v1/audit",
    params(PageQuery, ("cursor" = Option<String>, Query, description = "The next_cursor of an earlier page", pattern = "^(0|[1-9][0-9]{0,18})$")),
    responses((status = 200, description = "A page of entries", body = Page<EntryView>))
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    _: May<ReadAudit>,
    mut parameters: Parameters,
) -> Result<Json<Page<Entry>>, Refusal> {
    let limit = parameters.limit();
    let after = parameters.index();
    parameters.finish()?;
    let audit = Arc::clone(&shared.given.audit);
    // One more shows whether there is a next page.
    let read = tokio::task::spawn_blocking(move || audit.read(after, limit + 1)).await;
    let mut items = read
        .map_err(|_| Refusal::Internal)?
        .map_err(|_| Refusal::Internal)?;
    let is_last = items.len() <= limit;
    items.truncate(limit);
    for entry in &mut items {
        // For whoever restores a registry from the log itself.
        entry.pins = None;
    }
    let last = items.last().filter(|_| !is_last);
    let next_cursor = last.map(|entry| entry.index.to_string());
    Ok(Json(Page { items, next_cursor }))
}

/// The log's signed head: a C2SP checkpoint, as it is in the log's folder.
#[utoipa::path(
    get,
    path = "/v1/audit/checkpoint",
    responses((status = 200, description = "The signed note", body = String, content_type = "text/plain"))
)]
pub async fn checkpoint(State(shared): State<Arc<Shared>>, _: May<ReadAudit>) -> impl IntoResponse {
    let note = shared.given.audit.checkpoint();
    (
        [(CONTENT_TYPE, "text/plain; charset=utf-8")],
        note.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use crate::admin::bench::Bench;
    use crate::registry::Role;

    #[tokio::test]
    async fn pages_hold_every_entry_once() {
        let bench = Bench::new().await;
        for number in 0..4 {
            bench.app(&format!("chat{number}")).await;
        }
        let (mut indices, mut path) = (Vec::new(), "/v1/audit?limit=3".to_owned());
        loop {
            let page = bench.call("GET", &path, "").await;
            assert_eq!(page.status, 200);
            let items = page.json["items"].as_array().unwrap();
            assert!((1..=3).contains(&items.len()));
            indices.extend(items.iter().map(|entry| entry["index"].as_u64().unwrap()));
            let Some(cursor) = page.json["next_cursor"].as_str() else {
                break;
            };
            path = format!("/v1/audit?limit=3&cursor={cursor}");
        }
        assert_eq!(indices, (0..8).collect::<Vec<_>>());
        let whole = bench.call("GET", "/v1/audit?limit=8", "").await;
        assert!(whole.json["next_cursor"].is_null());
        let beyond = bench.call("GET", "/v1/audit?cursor=8", "").await;
        assert_eq!(beyond.json["items"], serde_json::json!([]));
    }

    #[tokio::test]
    async fn an_entry_has_the_documented_members() {
        let bench = Bench::new().await;
        bench.app("chat").await;
        let page = bench.call("GET", "/v1/audit", "").await;
        let done = page.json["items"][1].as_object().unwrap();
        let mut members: Vec<_> = done.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(
            members,
            [
                "action", "actor", "app_id", "gateway", "index", "outcome", "region", "time"
            ]
        );
    }

    #[tokio::test]
    async fn the_checkpoint_is_the_logs() {
        let bench = Bench::new().await;
        bench.app("chat").await;
        let key = bench.key(Role::Auditor);
        let answer = bench
            .call_with(key, "GET", "/v1/audit/checkpoint", "", &[])
            .await;
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        let file = std::fs::read_to_string(bench.region.path("audit/checkpoint")).unwrap();
        assert_eq!(answer.body, file);
        assert_eq!(file.lines().nth(1), Some("2"));
    }

    #[tokio::test]
    async fn owners_and_auditors_read_it() {
        let bench = Bench::new().await;
        for (role, status) in [
            (Role::Owner, 200),
            (Role::Auditor, 200),
            (Role::Registrar, 403),
            (Role::Issuer, 403),
        ] {
            for path in ["/v1/audit", "/v1/audit/checkpoint"] {
                let answer = bench.call_with(bench.key(role), "GET", path, "", &[]).await;
                assert_eq!(answer.status, status, "{role:?} {path}");
            }
        }
    }

    #[tokio::test]
    async fn wrong_parameters_are_named() {
        let bench = Bench::new().await;
        for (query, field) in [
            ("limit=1001", "limit"),
            ("cursor=-1", "cursor"),
            ("cursor=01", "cursor"),
            ("cursor=x", "cursor"),
            ("after=3", "after"),
        ] {
            let answer = bench.call("GET", &format!("/v1/audit?{query}"), "").await;
            assert_eq!(
                (answer.code(), answer.fields()),
                ((422, "invalid"), vec![field])
            );
        }
    }
}
