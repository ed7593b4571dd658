//! Who may do what. A handler demands a `May<P>`, and only a key whose role allows P makes one.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::refusal::Refusal;
use crate::audit::{Action, Actor, Deed};
use crate::domain::AppId;
use crate::registry::Role;

/// Who calls: an account whose key was shown.
#[derive(Debug, Clone)]
pub struct Caller {
    pub account: String,
    pub role: Role,
}

/// A caller whose role allows `P`.
pub struct May<P> {
    caller: Caller,
    permission: PhantomData<P>,
}

/// Something that roles allow or not.
pub trait Permission {
    fn allows(role: Role) -> bool;
}

/// To look at Apps.
pub struct ReadApps;
/// To register, suspend, resume and retire Apps.
pub struct ManageApps;
/// To issue tokens.
pub struct IssueTokens;
/// To look at the catalogue.
pub struct ReadRegions;
/// To be told that Apps never move: anybody with a key.
pub struct AskToMove;

impl Permission for ReadApps {
    fn allows(role: Role) -> bool {
        match role {
            Role::Owner | Role::Registrar | Role::Auditor => true,
            // Of its own Apps only, and no account has any yet.
            Role::Issuer => false,
        }
    }
}

impl Permission for ManageApps {
    fn allows(role: Role) -> bool {
        match role {
            Role::Owner | Role::Registrar => true,
            Role::Issuer | Role::Auditor => false,
        }
    }
}

impl Permission for IssueTokens {
    fn allows(role: Role) -> bool {
        match role {
            Role::Owner => true,
            // For its own Apps and from its own addresses only, and no account has any yet.
            Role::Issuer => false,
            Role::Registrar | Role::Auditor => false,
        }
    }
}

impl Permission for ReadRegions {
    fn allows(role: Role) -> bool {
        match role {
            Role::Owner | Role::Registrar | Role::Auditor => true,
            Role::Issuer => false,
        }
    }
}

impl Permission for AskToMove {
    fn allows(role: Role) -> bool {
        match role {
            Role::Owner | Role::Registrar | Role::Issuer | Role::Auditor => true,
        }
    }
}

impl<P> May<P> {
    /// The caller's act, for the audit log.
    pub fn deed(&self, action: Action, app_id: Option<AppId>) -> Deed {
        Deed {
            actor: Actor::Account(self.caller.account.clone()),
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
        if !P::allows(caller.role) {
            return Err(Refusal::Forbidden);
        }
        let permission = PhantomData;
        Ok(Self { caller, permission })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_as_documented() {
        let roles = [Role::Owner, Role::Registrar, Role::Issuer, Role::Auditor];
        assert_eq!(roles.map(ReadApps::allows), [true, true, false, true]);
        assert_eq!(roles.map(ManageApps::allows), [true, true, false, false]);
        assert_eq!(roles.map(IssueTokens::allows), [true, false, false, false]);
        assert_eq!(roles.map(ReadRegions::allows), [true, true, false, true]);
        assert_eq!(roles.map(AskToMove::allows), [true, true, true, true]);
    }
}
