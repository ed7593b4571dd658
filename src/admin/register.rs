//! `POST /v1/apps`: an App is registered, for ever.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::body::Fields;
use super::permission::{ManageApps, May};
use super::refusal::Refusal;
use super::state::{About, Shared};
use super::view::{AppView, CertificateView, tagged};
use crate::audit::Action;
use crate::domain::{AppId, AppKey, AppKeyError, RegionId, ZoneId};
use crate::registry::{App, AuthMode, NewApp, Plan, RegisterError, Registered};

pub async fn register(
    State(shared): State<Arc<Shared>>,
    may: May<ManageApps>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let new = read(fields, &shared)?;
    let deed = may.deed(Action::Register, new.app_id);
    let registry = Arc::clone(&shared.given.registry);
    let home = Arc::clone(&shared);
    let effect = async move {
        let registered = registry.register(new).await;
        registered.map_err(|error| refusal(error, &home))
    };
    let registered = shared.act(deed, effect, about).await?;
    Ok(answer(&registered, shared.given.region.as_str()))
}

fn read(mut fields: Fields, shared: &Shared) -> Result<NewApp, Refusal> {
    let app_id = fields.optional("app_id", AppId::parse);
    let org = fields.required("org", half(AppKeyError::App));
    let app = fields.required("app", half(AppKeyError::Org));
    let region = fields.required("region", |text| region(text, shared));
    let zone = fields.optional("zone", ZoneId::parse);
    let plan = fields.optional("plan", plan);
    let auth_mode = fields.optional("auth_mode", auth_mode);
    fields.finish()?;
    // What was required is there once `finish` has found no fault.
    let (Some(org), Some(app), Some(region)) = (org, app, region) else {
        return Err(Refusal::Internal);
    };
    let app_key = AppKey::new(&org, &app).map_err(|e| Refusal::field("org", &e.to_string()))?;
    Ok(NewApp {
        app_id,
        app_key,
        region: Some(region),
        zone,
        plan,
        auth_mode,
    })
}

#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    app: AppView,
    certificate: CertificateView,
}

fn answer(registered: &Registered, region: &str) -> Response {
    let revision = app_of(registered).revision;
    let app = AppView::of(app_of(registered), region);
    match registered {
        Registered::Created { certificate, .. } => {
            let certificate = CertificateView::of(certificate);
            tagged(StatusCode::CREATED, revision, Created { app, certificate })
        }
        Registered::Existing(_) => tagged(StatusCode::OK, revision, app),
    }
}

fn about(registered: &Registered) -> About<'_> {
    let app_id = app_of(registered).app_id;
    let pins = match registered {
        Registered::Created { pins, .. } => Some(pins),
        Registered::Existing(_) => None,
    };
    About { app_id, pins }
}

fn app_of(registered: &Registered) -> &App {
    match registered {
        Registered::Created { app, .. } | Registered::Existing(app) => app,
    }
}

fn refusal(error: RegisterError, shared: &Shared) -> Refusal {
    match error {
        RegisterError::Retired => Refusal::AppRetired,
        RegisterError::AppKeyTaken => Refusal::AppKeyTaken,
        RegisterError::AppIdTaken => Refusal::AppIdTaken,
        RegisterError::RegionImmutable => Refusal::RegionImmutable,
        RegisterError::NotThisRegion { home } => shared.elsewhere(home),
        RegisterError::AlreadyRegistered => Refusal::AlreadyRegistered,
        RegisterError::UnknownZone => Refusal::field("zone", "this region has no such zone"),
        RegisterError::Unavailable => Refusal::RegistryUnavailable,
        RegisterError::Untrusted => Refusal::RegistryUntrusted,
        RegisterError::Degraded => Refusal::Degraded,
        RegisterError::Seal(error) => {
            tracing::error!(%error, "a new App's record cannot be sealed");
            Refusal::Internal
        }
    }
}

/// Reads one half of an AppKey, by putting it beside a half that is right.
fn half(other: AppKeyError) -> impl FnOnce(&str) -> Result<String, AppKeyError> {
    move |text| {
        let key = match other {
            AppKeyError::App => AppKey::new(text, "a"),
            _ => AppKey::new("a", text),
        };
        key.map(|_| text.to_owned())
    }
}

fn region(text: &str, shared: &Shared) -> Result<RegionId, String> {
    let catalogue = &shared.given.catalogue;
    let region = RegionId::parse(text).ok();
    let known = region.filter(|id| catalogue.region(id).is_some());
    known.ok_or_else(|| {
        let ids: Vec<_> = catalogue.regions.iter().map(|r| r.id.as_str()).collect();
        format!("must be one of {}", ids.join(", "))
    })
}

fn plan(text: &str) -> Result<Plan, &'static str> {
    match text {
        "free" => Ok(Plan::Free),
        "basic" => Ok(Plan::Basic),
        "advanced" => Ok(Plan::Advanced),
        "enterprise" => Ok(Plan::Enterprise),
        _ => Err("must be one of free, basic, advanced, enterprise"),
    }
}

fn auth_mode(text: &str) -> Result<AuthMode, &'static str> {
    match text {
        "secure" => Ok(AuthMode::Secure),
        "upstream" => Ok(AuthMode::Upstream),
        _ => Err("must be one of secure, upstream"),
    }
}

#[cfg(test)]
mod tests {
    use crate::admin::bench::Bench;

    const APP: &str = "970CA35de60c44645bbae8a215061b33";

    fn body(rest: &str) -> String {
        format!(
            r#"{{"app_id": "{APP}", "org": "acme", "app": "chat", "region": "frankfurt"{rest}}}"#
        )
    }

    #[tokio::test]
    async fn a_registration_answers_the_app_and_its_certificate_once() {
        let bench = Bench::new().await;
        let first = bench.call("POST", "/v1/apps", &body("")).await;
        assert_eq!(first.status, 201, "{first:?}");
        assert_eq!(first.text("app_id"), APP);
        assert_eq!(first.text("app_key"), "acme#chat");
        assert_eq!(
            (first.text("region"), first.text("zone")),
            ("frankfurt", "fra1")
        );
        assert_eq!(
            (first.text("status"), first.text("auth_mode")),
            ("active", "secure")
        );
        assert_eq!(first.text("created_at"), "2025-10-09T08:53:20Z");
        assert_eq!(
            first.header("etag"),
            format!("\"{}\"", first.json["revision"])
        );
        assert_eq!(first.json["certificate"]["role"], "primary");
        let value = first.json["certificate"]["value"].as_str().unwrap();
        assert_eq!(value.len(), 32);
        let again = bench.call("POST", "/v1/apps", &body("")).await;
        assert_eq!(again.status, 200);
        assert!(!again.json.to_string().contains(value));
        assert_eq!(again.json["revision"], first.json["revision"]);
    }

    #[tokio::test]
    async fn each_contradiction_has_its_answer() {
        let bench = Bench::new().await;
        bench.call("POST", "/v1/apps", &body("")).await;
        let other = "970CA35de60c44645bbae8a215061b34";
        for (text, expected) in [
            (body("").replace(APP, other), (409, "app_key_taken")),
            (body("").replace("chat", "chat2"), (409, "app_id_taken")),
            (
                body("").replace("frankfurt", "virginia"),
                (409, "region_immutable"),
            ),
            (body(r#", "zone": "va1""#), (409, "region_immutable")),
            (
                body(r#", "plan": "enterprise""#),
                (409, "already_registered"),
            ),
            (body(r#", "zone": "fra1""#), (200, "")),
        ] {
            let answer = bench.call("POST", "/v1/apps", &text).await;
            assert_eq!(answer.code(), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn another_region_is_named_with_its_endpoints() {
        let bench = Bench::new().await;
        let answer = bench
            .call(
                "POST",
                "/v1/apps",
                &body("").replace("frankfurt", "virginia"),
            )
            .await;
        assert_eq!(answer.code(), (421, "app_lives_elsewhere"));
        assert_eq!(answer.text("home_region"), "virginia");
        let admin = &answer.json["home_endpoints"]["admin"];
        assert_eq!(
            *admin,
            serde_json::json!(["https://admin.virginia.example"])
        );
    }

    #[tokio::test]
    async fn wrong_fields_are_named() {
        let bench = Bench::new().await;
        let short = &APP[..31];
        for (text, fields) in [
            (body("").replace(APP, short), vec!["app_id"]),
            (body("").replace("frankfurt", "Frankfurt"), vec!["region"]),
            (body("").replace("frankfurt", "atlantis"), vec!["region"]),
            (body("").replace("acme", "api"), vec!["org"]),
            (body("").replace("chat", "ch at"), vec!["app"]),
            (body(r#", "zone": "fra9""#), vec!["zone"]),
            (
                body(r#", "plan": "gold", "auth_mode": 1"#),
                vec!["plan", "auth_mode"],
            ),
            (body(r#", "limits": {}"#), vec!["limits"]),
            (body(r#", "region": "virginia""#), vec!["region"]),
            ("{}".to_owned(), vec!["org", "app", "region"]),
            ("[]".to_owned(), vec![""]),
        ] {
            let answer = bench.call("POST", "/v1/apps", &text).await;
            assert_eq!(answer.code(), (422, "invalid"), "{text}");
            assert_eq!(answer.fields(), fields, "{text}");
        }
        let answer = bench.call("POST", "/v1/apps", "org=acme").await;
        assert_eq!(answer.code(), (400, "bad_request"));
        let answer = bench.call("POST", "/v1/apps", &" ".repeat(65 * 1024)).await;
        assert_eq!(answer.code(), (413, "too_large"));
    }

    #[tokio::test]
    async fn it_is_audited_before_and_after() {
        let bench = Bench::new().await;
        bench
            .call(
                "POST",
                "/v1/apps",
                &body("").replace(APP, "").replace("\"app_id\": \"\",", ""),
            )
            .await;
        let entries = bench.audited();
        let entries: Vec<_> = entries
            .iter()
            .map(|e| serde_json::to_value(e).unwrap())
            .collect();
        assert_eq!(entries.len(), 2);
        assert_eq!(
            (&entries[0]["outcome"], &entries[1]["outcome"]),
            (&"begun".into(), &"done".into())
        );
        assert!(
            entries
                .iter()
                .all(|e| e["actor"] == entries[0]["actor"] && e["action"] == "app.register")
        );
        assert_eq!(entries[1]["app_id"].as_str().map(str::len), Some(32));
        assert!(entries[1]["pins"]["id"].is_string() && entries[1]["pins"]["key"].is_string());
    }
}
