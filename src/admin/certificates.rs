//! `/v1/apps/{app_id}/certificates`: the secrets that sign an App's tokens, and their rotation.
//!
//! Create a secondary one, hand it to the App's backend, promote it, revoke the old one: tokens of
//! both verify until then.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::etag::IfMatch;
use super::page::{Page, Parameters};
use super::path::{AppParams, AppPath};
use super::permission::{ManageApps, May, ReadCertificates};
use super::refusal::Refusal;
use super::schema;
use super::state::{About, Shared};
use super::view::{CertificateView, rfc3339, tagged};
use crate::audit::Action;
use crate::domain::AppId;
use crate::registry::{App, CertRole, Certificate, CertificateError};

/// A certificate, without its value.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedCertificate {
    id: String,
    #[schema(schema_with = schema::certificate_role)]
    role: CertRole,
    #[schema(schema_with = schema::time)]
    created_at: String,
}

/// The certificates of an App, the primary one first. A retired App has none.
#[utoipa::path(
    get,
    path = "/v1/apps/{app_id}/certificates",
    params(AppParams),
    responses((status = 200, description = "At most two", body = Page<ListedCertificate>))
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    may: May<ReadCertificates>,
    AppPath(app_id): AppPath,
    parameters: Parameters,
) -> Result<Json<Page<ListedCertificate>>, Refusal> {
    parameters.finish()?;
    let app = shared.app(&may.orgs(), &app_id).await?;
    let (primary, secondary): (Vec<_>, Vec<_>) = app
        .certificates
        .iter()
        .partition(|certificate| certificate.role == CertRole::Primary);
    let items = primary.into_iter().chain(secondary);
    Ok(Json(Page {
        items: items.map(ListedCertificate::of).collect(),
        next_cursor: None,
    }))
}

/// Adds a secondary certificate, and shows its value this once.
#[utoipa::path(
    post,
    path = "/v1/apps/{app_id}/certificates",
    params(AppParams),
    responses((status = 201, description = "The certificate with its value", body = CertificateView),
              (status = 409, description = "The App has two"))
)]
pub async fn create(
    State(shared): State<Arc<Shared>>,
    may: May<ManageApps>,
    AppPath(app_id): AppPath,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let if_match = IfMatch::read(&headers)?;
    let deed = may.deed(Action::CreateCertificate, Some(app_id));
    let (context, orgs) = (Arc::clone(&shared), may.orgs());
    let effect = async move {
        let app = context.app(&orgs, &app_id).await?;
        let expected = if_match.expect(app.revision)?;
        let created = context.given.registry.create_certificate(&app_id, expected);
        created.await.map_err(|error| refusal(error, &context))
    };
    let created = shared.act(deed, effect, |_| About::same()).await?;
    let (app, certificate): (Arc<App>, Certificate) = created;
    let view = CertificateView::of(&certificate);
    Ok(tagged(StatusCode::CREATED, app.revision, view))
}

/// Makes a certificate the primary one, which signs new tokens. Both go on verifying.
#[utoipa::path(
    post,
    path = "/v1/apps/{app_id}/certificates/{id}/promote",
    params(AppParams, ("id" = String, Path, description = "The certificate's id")),
    responses((status = 200, description = "The certificate as it is now", body = ListedCertificate),
              (status = 404, description = "No such App or certificate"))
)]
pub async fn promote(
    State(shared): State<Arc<Shared>>,
    may: May<ManageApps>,
    AppPath(app_id): AppPath,
    which: CertificatePath,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    change(&shared, &may, app_id, which, &headers, Change::Promote).await
}

/// Revokes a certificate: its tokens are refused everywhere within 1 s, sessions included.
#[utoipa::path(
    delete,
    path = "/v1/apps/{app_id}/certificates/{id}",
    params(AppParams, ("id" = String, Path, description = "The certificate's id")),
    responses((status = 200, description = "The certificate as it was", body = ListedCertificate),
              (status = 404, description = "No such App or certificate"),
              (status = 409, description = "The last one, or the primary one"))
)]
pub async fn revoke(
    State(shared): State<Arc<Shared>>,
    may: May<ManageApps>,
    AppPath(app_id): AppPath,
    which: CertificatePath,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    change(&shared, &may, app_id, which, &headers, Change::Revoke).await
}

/// The certificate of a path.
pub struct CertificatePath(String);

#[derive(Clone, Copy)]
enum Change {
    Promote,
    Revoke,
}

async fn change(
    shared: &Arc<Shared>,
    may: &May<ManageApps>,
    app_id: AppId,
    CertificatePath(id): CertificatePath,
    headers: &HeaderMap,
    change: Change,
) -> Result<Response, Refusal> {
    let if_match = IfMatch::read(headers)?;
    let action = match change {
        Change::Promote => Action::PromoteCertificate,
        Change::Revoke => Action::RevokeCertificate,
    };
    let deed = may.deed(action, Some(app_id));
    let (context, orgs) = (Arc::clone(shared), may.orgs());
    let effect = async move {
        let before = context.app(&orgs, &app_id).await?;
        let expected = if_match.expect(before.revision)?;
        let registry = &context.given.registry;
        let after = match change {
            Change::Promote => registry.promote_certificate(&app_id, expected, &id).await,
            Change::Revoke => registry.delete_certificate(&app_id, expected, &id).await,
        };
        let after = after.map_err(|error| refusal(error, &context))?;
        let shown = match change {
            Change::Promote => find(&after, &id),
            Change::Revoke => find(&before, &id),
        };
        Ok((after.revision, shown.ok_or(Refusal::CertificateUnknown)?))
    };
    let (revision, view) = shared.act(deed, effect, |_| About::same()).await?;
    Ok(tagged(StatusCode::OK, revision, view))
}

fn find(app: &App, id: &str) -> Option<ListedCertificate> {
    let found = app.certificates.iter().find(|c| c.id == id);
    found.map(ListedCertificate::of)
}

fn refusal(error: CertificateError, shared: &Shared) -> Refusal {
    match error {
        CertificateError::Change(error) => shared.unchanged(error),
        CertificateError::Unknown => Refusal::CertificateUnknown,
        CertificateError::Limit => Refusal::CertificateLimit,
        CertificateError::Last => Refusal::LastCertificate,
        CertificateError::Primary => Refusal::PrimaryCertificate,
        CertificateError::Randomness(error) => {
            tracing::error!(%error, "a certificate cannot be made");
            Refusal::Internal
        }
    }
}

impl ListedCertificate {
    fn of(certificate: &Certificate) -> Self {
        Self {
            id: certificate.id.clone(),
            role: certificate.role,
            created_at: rfc3339(certificate.created_at),
        }
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for CertificatePath {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        state: &S,
    ) -> Result<Self, Refusal> {
        let names: Result<Path<HashMap<String, String>>, PathRejection> =
            Path::from_request_parts(parts, state).await;
        let id = names.ok().and_then(|Path(mut names)| names.remove("id"));
        id.map(Self).ok_or(Refusal::CertificateUnknown)
    }
}

#[cfg(test)]
mod tests {
    use crate::admin::bench::{Answer, Bench};

    async fn certificates(bench: &Bench, app: &str) -> Vec<(String, String)> {
        let list = bench.call("GET", &format!("{app}/certificates"), "").await;
        let items = list.json["items"].as_array().unwrap();
        let text =
            |item: &serde_json::Value, member: &str| item[member].as_str().unwrap().to_owned();
        assert!(items.iter().all(|item| item.get("value").is_none()));
        let pairs = items
            .iter()
            .map(|item| (text(item, "id"), text(item, "role")));
        pairs.collect()
    }

    async fn create(bench: &Bench, app: &str) -> Answer {
        bench.call("POST", &format!("{app}/certificates"), "").await
    }

    #[tokio::test]
    async fn a_certificate_is_rotated() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        let old = certificates(&bench, &app).await[0].0.clone();
        let created = create(&bench, &app).await;
        assert_eq!(
            (created.status.as_u16(), created.text("role")),
            (201, "secondary")
        );
        assert_eq!(created.text("value").len(), 32);
        let new = created.text("id").to_owned();
        let third = create(&bench, &app).await;
        assert_eq!(third.code(), (409, "certificate_limit"));
        let path = format!("{app}/certificates/{new}/promote");
        let promoted = bench.call("POST", &path, "").await;
        assert_eq!(
            (promoted.status.as_u16(), promoted.text("role")),
            (200, "primary")
        );
        assert!(promoted.json.get("value").is_none());
        let roles = certificates(&bench, &app).await;
        assert_eq!(
            roles,
            [
                (new.clone(), "primary".to_owned()),
                (old.clone(), "secondary".to_owned())
            ]
        );
        let revoked = bench
            .call("DELETE", &format!("{app}/certificates/{old}"), "")
            .await;
        assert_eq!((revoked.status.as_u16(), revoked.text("id")), (200, &*old));
        assert_eq!(
            certificates(&bench, &app).await,
            [(new, "primary".to_owned())]
        );
    }

    #[tokio::test]
    async fn an_app_is_never_left_without_a_primary_certificate() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        let primary = certificates(&bench, &app).await[0].0.clone();
        let path = format!("{app}/certificates/{primary}");
        assert_eq!(
            bench.call("DELETE", &path, "").await.code(),
            (409, "last_certificate")
        );
        create(&bench, &app).await;
        assert_eq!(
            bench.call("DELETE", &path, "").await.code(),
            (409, "primary_certificate")
        );
        for path in ["nothing", "nothing/promote"] {
            let method = if path.ends_with("promote") {
                "POST"
            } else {
                "DELETE"
            };
            let answer = bench
                .call(method, &format!("{app}/certificates/{path}"), "")
                .await;
            assert_eq!(answer.code(), (404, "certificate_unknown"));
        }
    }

    #[tokio::test]
    async fn a_retired_app_has_none_and_gets_none() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        bench.call("DELETE", &app, "").await;
        assert!(certificates(&bench, &app).await.is_empty());
        assert_eq!(create(&bench, &app).await.code(), (410, "app_retired"));
    }

    #[tokio::test]
    async fn no_value_is_in_the_audit_log() {
        let bench = Bench::new().await;
        let app = format!("/v1/apps/{}", bench.app("chat").await);
        let value = create(&bench, &app).await.text("value").to_owned();
        let entries = bench.audited();
        let text = serde_json::to_string(&entries).unwrap();
        assert!(text.contains("certificate.create") && !text.contains(&value));
    }
}
