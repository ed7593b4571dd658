//! Accounts that nobody uses are deleted (SPEC 1, layer 3): each between its entries in the audit log.

use std::time::Duration;

use crate::audit::{Action, Actor, AuditError, AuditLog, Deed};
use crate::registry::{AccountError, Registry};

/// How long an account may go without use.
pub const UNUSED: Duration = Duration::from_secs(180 * 24 * 3_600);

/// Why a sweep stopped. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error("the accounts cannot be read or changed")]
    Account(#[from] AccountError),
    #[error("no account is deleted without the audit log")]
    Audit(#[from] AuditError),
}

/// Deletes the accounts that were not used for 180 days, never the last owner. Gives their ids.
///
/// # Errors
/// See [`SweepError`].
pub async fn sweep_accounts(
    registry: &Registry,
    audit: &AuditLog,
) -> Result<Vec<String>, SweepError> {
    let mut deleted = Vec::new();
    for id in registry.unused_accounts(UNUSED).await? {
        let deed = Deed {
            actor: Actor::Gateway,
            action: Action::DeleteAccount,
            app_id: None,
        };
        let act = audit.begin(deed).await?;
        match registry.delete_unused_account(&id, UNUSED).await {
            Ok(()) => {
                act.done().await?;
                deleted.push(id);
            }
            // Another gateway was faster, or another owner went meanwhile.
            Err(AccountError::LastOwner) => act.failed("last_owner").await?,
            Err(AccountError::Unknown) => act.failed("account_unknown").await?,
            Err(AccountError::InUse) => act.failed("account_in_use").await?,
            Err(error) => {
                act.failed("registry_unavailable").await?;
                return Err(error.into());
            }
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{UNUSED, sweep_accounts};
    use crate::admin::bench::Bench;
    use crate::registry::Role;

    /// Without the sweep an unused account stays, and with it a key that somebody may find.
    #[tokio::test]
    async fn accounts_unused_for_180_days_go_and_the_last_owner_stays() {
        let bench = Bench::new().await;
        let (registry, audit) = (&bench.region.registry, &bench.region.audit);
        let sweep = || sweep_accounts(registry, audit);
        bench.region.clock.advance(UNUSED - Duration::from_secs(60));
        assert!(sweep().await.unwrap().is_empty());
        let auditor = bench.key(Role::Auditor).to_owned();
        let accounts = registry.accounts().await.unwrap();
        let used = accounts.iter().find(|a| a.role == Role::Auditor).unwrap();
        registry.touch_account(&used.id).await.unwrap();
        bench.region.clock.advance(Duration::from_secs(120));
        assert_eq!(sweep().await.unwrap().len(), 2);
        let left = registry.accounts().await.unwrap();
        let mut roles: Vec<_> = left.iter().map(|a| format!("{:?}", a.role)).collect();
        roles.sort();
        assert_eq!(roles, ["Auditor", "Owner"]);
        assert_eq!(
            bench
                .call_with(&auditor, "GET", "/v1/apps", "", &[])
                .await
                .status,
            200
        );
        let registrar = bench.key(Role::Registrar);
        assert_eq!(
            bench
                .call_with(registrar, "GET", "/v1/apps", "", &[])
                .await
                .status,
            401
        );
        let log = serde_json::to_string(&bench.audited()).unwrap();
        assert_eq!(log.matches("account.delete").count(), 4);
    }
}
