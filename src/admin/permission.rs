//! Who may do what. A handler demands a `May<P>`, and only a key whose role allows P makes one.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::refusal::Refusal;
use crate::audit::{Action, Actor, Deed};
use crate::domain::AppId;
use crate::registry::{Account, Role};

/// Who calls: an account whose key was shown.
#[derive(Debug, Clone)]
pub struct Caller(pub Arc<Account>);

/// A caller whose role allows `P`.
pub struct May<P> {
    caller: Caller,
    permission: PhantomData<P>,
}

/// Something that accounts are allowed or not.
pub trait Permission {
    fn allows(account: &Account) -> bool;
}

/// To look at Apps.
pub struct ReadApps;
/// To register, suspend, resume and retire Apps.
pub struct ManageApps;
/// To issue tokens.
pub struct IssueTokens;
/// To look at the catalogue.
pub struct ReadRegions;
/// To look at the audit log.
pub struct ReadAudit;
/// To be told that Apps never move: anybody with a key.
pub struct AskToMove;

impl Permission for ReadApps {
    fn allows(account: &Account) -> bool {
        match account.role {
            Role::Owner | Role::Auditor => true,
            Role::Registrar => is_for_all_orgs(account),
            // Of its own Apps only; they are not told apart yet, so of none.
            Role::Issuer => false,
        }
    }
}

impl Permission for ManageApps {
    fn allows(account: &Account) -> bool {
        match account.role {
            Role::Owner => true,
            Role::Registrar => is_for_all_orgs(account),
            Role::Issuer | Role::Auditor => false,
        }
    }
}

impl Permission for IssueTokens {
    fn allows(account: &Account) -> bool {
        match account.role {
            Role::Owner => true,
            // For its own Apps, from its own addresses; they are not told apart yet, so for none.
            Role::Issuer => false,
            Role::Registrar | Role::Auditor => false,
        }
    }
}

impl Permission for ReadRegions {
    fn allows(account: &Account) -> bool {
        match account.role {
            Role::Owner | Role::Registrar | Role::Auditor => true,
            Role::Issuer => false,
        }
    }
}

impl Permission for ReadAudit {
    fn allows(account: &Account) -> bool {
        match account.role {
            Role::Owner | Role::Auditor => true,
            Role::Registrar | Role::Issuer => false,
        }
    }
}

impl Permission for AskToMove {
    fn allows(account: &Account) -> bool {
        match account.role {
            Role::Owner | Role::Registrar | Role::Issuer | Role::Auditor => true,
        }
    }
}

/// Orgs are not told apart yet: whoever is bound to some gets none.
fn is_for_all_orgs(account: &Account) -> bool {
    account.orgs.is_empty()
}

impl<P> May<P> {
    /// The caller's act, for the audit log.
    pub fn deed(&self, action: Action, app_id: Option<AppId>) -> Deed {
        Deed {
            actor: Actor::Account(self.caller.0.id.clone()),
            action,
            app_id,
        }
    }
}

impl<S: Send + Sync, P: Permission> FromRequestParts<S> for May<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // The caller is there behind `auth::require_key`; elsewhere nothing is allowed.
        let caller = parts.extensions.get::<Caller>();
        let caller = caller.ok_or(Refusal::Unauthenticated)?.clone();
        if !P::allows(&caller.0) {
            return Err(Refusal::Forbidden);
        }
        let permission = PhantomData;
        Ok(Self { caller, permission })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(role: Role, orgs: &[&str]) -> Account {
        Account {
            id: "acct".to_owned(),
            name: "acct".to_owned(),
            role,
            apps: Vec::new(),
            orgs: orgs.iter().map(|org| (*org).to_owned()).collect(),
            allow_from: Vec::new(),
            key_hash: String::new(),
            created_at: 0,
            last_used_at: None,
            revision: 1,
        }
    }

    #[test]
    fn roles_are_as_documented() {
        let roles = [Role::Owner, Role::Registrar, Role::Issuer, Role::Auditor];
        let accounts = roles.map(|role| account(role, &[]));
        let allowed = |allows: fn(&Account) -> bool| accounts.each_ref().map(allows);
        assert_eq!(allowed(ReadApps::allows), [true, true, false, true]);
        assert_eq!(allowed(ManageApps::allows), [true, true, false, false]);
        assert_eq!(allowed(IssueTokens::allows), [true, false, false, false]);
        assert_eq!(allowed(ReadRegions::allows), [true, true, false, true]);
        assert_eq!(allowed(ReadAudit::allows), [true, false, false, true]);
        assert_eq!(allowed(AskToMove::allows), [true, true, true, true]);
    }

    #[test]
    fn a_bound_registrar_is_not_let_loose_on_all_orgs() {
        let bound = account(Role::Registrar, &["acme"]);
        assert!(!ReadApps::allows(&bound) && !ManageApps::allows(&bound));
    }
}
