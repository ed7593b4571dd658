//! Every spelling of a migration. There is no such thing: the answer is always 409.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;

use super::path::{AppParams, SomeApp};
use super::permission::{AskToMove, May};
use super::refusal::Refusal;
use super::state::Shared;
use crate::audit::Action;

macro_rules! spelling {
    ($name:ident, $path:literal) => {
        /// Always refused: an App never leaves its data centre.
        #[utoipa::path(
            method(put, post, patch, delete),
            path = $path,
            params(AppParams),
            responses((status = 409, description = "There is no migration, for no App and no role"))
        )]
        pub async fn $name(
            state: State<Arc<Shared>>,
            may: May<AskToMove>,
            app: SomeApp,
        ) -> Result<Infallible, Refusal> {
            refuse(state, may, app).await
        }
    };
}

spelling!(region, "/v1/apps/{app_id}/region");
spelling!(move_away, "/v1/apps/{app_id}/move");
spelling!(migrate, "/v1/apps/{app_id}/migrate");
spelling!(export, "/v1/apps/{app_id}/export");

/// Whatever the body, and whatever App it is or is not.
pub async fn refuse(
    State(shared): State<Arc<Shared>>,
    may: May<AskToMove>,
    SomeApp(app_id): SomeApp,
) -> Result<Infallible, Refusal> {
    shared.given.events.migration_attempt();
    let deed = may.deed(Action::Move, app_id);
    let refusal = Refusal::RegionImmutable;
    // Nothing is done, so nothing has to be held back when the log is out of order.
    if let Err(error) = shared.given.audit.refuse(&deed, refusal.code()).await {
        tracing::error!(%error, "a migration was refused and is not in the audit log");
    }
    Err(refusal)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use crate::admin::bench::Bench;
    use crate::registry::Role;

    /// Without the routes here, an App could be asked to move and the answer would be another (P2).
    #[tokio::test]
    async fn every_spelling_is_refused_to_every_role_and_audited() {
        let bench = Bench::new().await;
        let home = bench.app("chat").await;
        let before = bench.audited().len();
        let mut asked = 0;
        for app in [home.as_str(), "970CA35de60c44645bbae8a215061b33", "nothing"] {
            for role in [Role::Owner, Role::Registrar, Role::Issuer, Role::Auditor] {
                for (method, path, body) in [
                    ("PUT", "/region", r#"{"region": "virginia"}"#),
                    ("PATCH", "/region", "{"),
                    ("POST", "/move", ""),
                    ("POST", "/migrate", "{}"),
                    ("POST", "/export", ""),
                    ("PATCH", "", r#"{"region": "virginia"}"#),
                    ("PATCH", "", r#"{"plan": "basic", "Zone": "va1"}"#),
                ] {
                    let path = format!("/v1/apps/{app}{path}");
                    let answer = bench
                        .call_with(bench.key(role), method, &path, body, &[])
                        .await;
                    assert_eq!(
                        answer.code(),
                        (409, "region_immutable"),
                        "{role:?} {method} {path}"
                    );
                    asked += 1;
                }
            }
        }
        let entries = &bench.audited()[before..];
        assert_eq!(entries.len(), asked);
        assert!(
            entries
                .iter()
                .all(|e| e.code.as_deref() == Some("region_immutable"))
        );
        assert_eq!(
            bench.events.migrations.load(Ordering::Relaxed),
            asked as u64
        );
    }

    #[tokio::test]
    async fn the_app_stays_where_it_is() {
        let bench = Bench::new().await;
        let path = format!("/v1/apps/{}", bench.app("chat").await);
        let before = bench.call("GET", &path, "").await;
        bench
            .call(
                "PUT",
                &format!("{path}/region"),
                r#"{"region": "virginia"}"#,
            )
            .await;
        let after = bench.call("GET", &path, "").await;
        assert_eq!(after.json, before.json);
    }
}
