//! Who may do what. A handler demands a `May<P>`, and only a key whose role allows P makes one.
//!
//! A role may be bound: a registrar to orgs, an issuer to Apps and to the addresses that it calls
//! from. What the head of a request tells is decided here, before anything else is read; whether an
//! App is of the caller's orgs is known once it is found ([`Orgs`]).

use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::auth;
use super::path::SomeApp;
use super::refusal::Refusal;
use crate::audit::{Action, Actor, Deed};
use crate::domain::{AppId, AppKey};
use crate::registry::{Account, Role};

/// Who calls: an account whose key was shown.
#[derive(Debug, Clone)]
pub struct Caller(pub Arc<Account>);

/// A caller whose role allows `P`.
pub struct May<P> {
    caller: Caller,
    permission: PhantomData<P>,
}

/// Something that roles are allowed or not.
pub trait Permission {
    const ROLES: &'static [Role];

    /// Whether an issuer is held to its Apps and addresses.
    const BOUND: bool = true;
}

/// To list Apps.
pub struct ListApps;
/// To look at one App.
pub struct ReadApp;
/// To register, change, suspend, resume and retire Apps, and to revoke and erase their users.
pub struct ManageApps;
/// To look at certificates (never at their values).
pub struct ReadCertificates;
/// To issue tokens.
pub struct IssueTokens;
/// To look at the catalogue.
pub struct ReadRegions;
/// To look at accounts.
pub struct ReadAccounts;
/// To make and delete accounts.
pub struct ManageAccounts;
/// To look at the audit log.
pub struct ReadAudit;
/// To be told that Apps never move: anybody with a key.
pub struct AskToMove;

impl Permission for ListApps {
    const ROLES: &'static [Role] = &[Role::Owner, Role::Registrar, Role::Auditor];
}

impl Permission for ReadApp {
    const ROLES: &'static [Role] = &[Role::Owner, Role::Registrar, Role::Issuer, Role::Auditor];
}

impl Permission for ManageApps {
    const ROLES: &'static [Role] = &[Role::Owner, Role::Registrar];
}

impl Permission for ReadCertificates {
    const ROLES: &'static [Role] = &[Role::Owner, Role::Registrar, Role::Auditor];
}

impl Permission for IssueTokens {
    const ROLES: &'static [Role] = &[Role::Owner, Role::Issuer];
}

impl Permission for ReadRegions {
    const ROLES: &'static [Role] = &[Role::Owner, Role::Registrar, Role::Auditor];
}

impl Permission for ReadAccounts {
    const ROLES: &'static [Role] = &[Role::Owner, Role::Auditor];
}

impl Permission for ManageAccounts {
    const ROLES: &'static [Role] = &[Role::Owner];
}

impl Permission for ReadAudit {
    const ROLES: &'static [Role] = &[Role::Owner, Role::Auditor];
}

impl Permission for AskToMove {
    const ROLES: &'static [Role] = &[Role::Owner, Role::Registrar, Role::Issuer, Role::Auditor];
    const BOUND: bool = false;
}

/// The orgs that a caller is bound to; of Apps of others it is told nothing.
#[derive(Debug, Clone)]
pub struct Orgs(Arc<Account>);

impl Orgs {
    /// Orgs are matched exactly, as AppKeys are.
    pub fn contain(&self, app_key: &AppKey) -> bool {
        let Account { role, orgs, .. } = &*self.0;
        let bound = *role == Role::Registrar && !orgs.is_empty();
        !bound || orgs.iter().any(|org| org == app_key.org())
    }
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

    pub fn orgs(&self) -> Orgs {
        Orgs(Arc::clone(&self.caller.0))
    }
}

impl<S: Send + Sync, P: Permission> FromRequestParts<S> for May<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        // The caller is there behind `auth::require_key`; elsewhere nothing is allowed.
        let caller = parts.extensions.get::<Caller>();
        let caller = caller.ok_or(Refusal::Unauthenticated)?.clone();
        let SomeApp(app_id) = SomeApp::from_request_parts(parts, state).await?;
        let from = auth::peer(&parts.extensions);
        if !allows::<P>(&caller.0, app_id, from) {
            return Err(Refusal::Forbidden);
        }
        let permission = PhantomData;
        Ok(Self { caller, permission })
    }
}

fn allows<P: Permission>(account: &Account, app_id: Option<AppId>, from: IpAddr) -> bool {
    P::ROLES.contains(&account.role) && (!P::BOUND || is_within_bounds(account, app_id, from))
}

/// An issuer speaks for its Apps only, and from its addresses only; none named is none at all.
fn is_within_bounds(account: &Account, app_id: Option<AppId>, from: IpAddr) -> bool {
    if account.role != Role::Issuer {
        return true;
    }
    let from = from.to_canonical();
    let comes_from_home = account.allow_from.iter().any(|range| range.contains(&from));
    comes_from_home && app_id.is_some_and(|app_id| account.apps.contains(&app_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "970CA35de60c44645bbae8a215061b33";

    fn account(role: Role, orgs: &[&str]) -> Account {
        Account {
            id: "acct".to_owned(),
            name: "acct".to_owned(),
            role,
            apps: vec![AppId::parse(APP).unwrap()],
            orgs: orgs.iter().map(|org| (*org).to_owned()).collect(),
            allow_from: vec!["192.0.2.0/24".parse().unwrap()],
            key_hash: String::new(),
            created_at: 0,
            last_used_at: None,
            revision: 1,
        }
    }

    fn allowed<P: Permission>(role: Role, app_id: &str, from: &str) -> bool {
        let app_id = AppId::parse(app_id).ok();
        allows::<P>(&account(role, &[]), app_id, from.parse().unwrap())
    }

    #[test]
    fn an_issuer_is_held_to_its_apps_and_addresses() {
        let other = "970CA35de60c44645bbae8a215061b34";
        assert!(allowed::<IssueTokens>(Role::Issuer, APP, "192.0.2.7"));
        assert!(allowed::<IssueTokens>(
            Role::Issuer,
            APP,
            "::ffff:192.0.2.7"
        ));
        assert!(!allowed::<IssueTokens>(Role::Issuer, APP, "192.0.3.7"));
        assert!(!allowed::<IssueTokens>(Role::Issuer, other, "192.0.2.7"));
        assert!(!allowed::<IssueTokens>(Role::Issuer, "", "192.0.2.7"));
        assert!(!allowed::<ReadApp>(Role::Issuer, APP, "192.0.3.7"));
        assert!(allowed::<AskToMove>(Role::Issuer, other, "192.0.3.7"));
        assert!(allowed::<IssueTokens>(Role::Owner, other, "192.0.3.7"));
    }

    #[test]
    fn a_bound_registrar_sees_its_orgs_only() {
        let orgs = Orgs(Arc::new(account(Role::Registrar, &["acme"])));
        assert!(orgs.contain(&AppKey::parse("acme#chat").unwrap()));
        for other in ["ACME#chat", "acm#chat", "acmee#chat"] {
            assert!(!orgs.contain(&AppKey::parse(other).unwrap()), "{other}");
        }
        let all = Orgs(Arc::new(account(Role::Registrar, &[])));
        assert!(all.contain(&AppKey::parse("other#chat").unwrap()));
    }
}
