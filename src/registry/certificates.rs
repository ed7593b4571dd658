//! Changes of an App's settings, certificates and revoked users.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::Registry;
use super::change::{ChangeError, Edited};
use super::known::{App, AppLimits, AuthMode, CertRole, Certificate, Plan};
use super::record::Record;
use crate::domain::AppId;

/// Settings to change; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    pub plan: Option<Plan>,
    /// Only for enterprise Apps; the caller has checked that. Left out while the plan changes, it
    /// becomes the new plan's default.
    pub retention_days: Option<u32>,
    pub auth_mode: Option<AuthMode>,
    pub limits: Option<AppLimits>,
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error("the App has no such certificate")]
    Unknown,
    #[error("an App has at most two certificates")]
    Limit,
    #[error("the last certificate cannot be deleted")]
    Last,
    #[error("the primary certificate cannot be deleted")]
    Primary,
    #[error(transparent)]
    Randomness(#[from] super::random::NoRandomness),
}

/// Why a user's tokens are not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error("too many users were revoked within two days")]
    TooMany,
}

const AT_MOST: usize = 2;

/// Users that an App can have revoked at a time: each makes the record longer.
const REVOKED: usize = 10_000;

/// Revocations older than this, in seconds, concern no token that could still be valid: tokens
/// live 24 hours at most.
const REVOCATION: u64 = 48 * 3600;

impl Registry {
    /// Changes settings.
    ///
    /// # Errors
    /// As [`Registry::suspend`].
    pub async fn patch(
        &self,
        id: &AppId,
        if_match: Option<u64>,
        patch: Patch,
    ) -> Result<Arc<App>, ChangeError> {
        let apply = |record: &mut Record| Ok(patch.apply(record));
        self.edit(id, if_match, apply).await
    }

    /// Adds a secondary certificate, and gives it with its value.
    ///
    /// # Errors
    /// When the App has two, or as [`Registry::suspend`].
    pub async fn create_certificate(
        &self,
        id: &AppId,
        if_match: Option<u64>,
    ) -> Result<(Arc<App>, Certificate), CertificateError> {
        let fresh = self.fresh_certificate(CertRole::Secondary)?;
        let add = |record: &mut Record| {
            if record.certificates.len() >= AT_MOST {
                return Err(CertificateError::Limit);
            }
            record.certificates.push(fresh.clone());
            Ok(Edited::Changed)
        };
        let app = self.edit(id, if_match, add).await?;
        Ok((app, fresh))
    }

    /// Makes a certificate the primary one, and the primary one secondary.
    ///
    /// # Errors
    /// When there is no such certificate, or as [`Registry::suspend`].
    pub async fn promote_certificate(
        &self,
        id: &AppId,
        if_match: Option<u64>,
        certificate: &str,
    ) -> Result<Arc<App>, CertificateError> {
        self.edit(id, if_match, |record| promote(record, certificate))
            .await
    }

    /// Deletes a secondary certificate.
    ///
    /// # Errors
    /// When it is the last or the primary one, or as [`Registry::suspend`].
    pub async fn delete_certificate(
        &self,
        id: &AppId,
        if_match: Option<u64>,
        certificate: &str,
    ) -> Result<Arc<App>, CertificateError> {
        self.edit(id, if_match, |record| delete(record, certificate))
            .await
    }

    /// Refuses the user's tokens issued up to and including this second.
    ///
    /// # Errors
    /// When 10,000 others were revoked within two days, or as [`Registry::suspend`].
    pub async fn revoke_user(
        &self,
        id: &AppId,
        if_match: Option<u64>,
        user: &str,
    ) -> Result<Arc<App>, RevokeError> {
        let now = self.clock.unix();
        let revoke = |record: &mut Record| {
            let revoked = &mut record.revoked_users;
            let before = revoked
                .iter()
                .find(|(u, _)| u == user)
                .map_or(0, |(_, t)| *t);
            revoked.retain(|(u, at)| u != user && at.saturating_add(REVOCATION) > now);
            if revoked.len() >= REVOKED {
                return Err(RevokeError::TooMany);
            }
            revoked.push((user.to_owned(), now.max(before)));
            Ok(Edited::Changed)
        };
        self.edit(id, if_match, revoke).await
    }
}

impl Patch {
    fn apply(&self, record: &mut Record) -> Edited {
        let plan = self.plan.unwrap_or(record.plan);
        let kept = if plan == record.plan {
            record.retention_days
        } else {
            plan.default_retention_days()
        };
        let days = self.retention_days.unwrap_or(kept);
        let mode = self.auth_mode.unwrap_or(record.auth_mode);
        let limits = self.limits.unwrap_or(record.limits);
        let was = (
            record.plan,
            record.retention_days,
            record.auth_mode,
            record.limits,
        );
        if was == (plan, days, mode, limits) {
            return Edited::Same;
        }
        record.plan = plan;
        record.retention_days = days;
        record.auth_mode = mode;
        record.limits = limits;
        Edited::Changed
    }
}

fn promote(record: &mut Record, id: &str) -> Result<Edited, CertificateError> {
    let role = find(record, id)?.role;
    if role == CertRole::Primary {
        return Ok(Edited::Same);
    }
    for certificate in &mut record.certificates {
        certificate.role = if certificate.id == id {
            CertRole::Primary
        } else {
            CertRole::Secondary
        };
    }
    Ok(Edited::Changed)
}

fn delete(record: &mut Record, id: &str) -> Result<Edited, CertificateError> {
    let role = find(record, id)?.role;
    if record.certificates.len() == 1 {
        return Err(CertificateError::Last);
    }
    if role == CertRole::Primary {
        return Err(CertificateError::Primary);
    }
    record.certificates.retain(|c| c.id != id);
    Ok(Edited::Changed)
}

fn find<'a>(record: &'a Record, id: &str) -> Result<&'a Certificate, CertificateError> {
    let found = record.certificates.iter().find(|c| c.id == id);
    found.ok_or(CertificateError::Unknown)
}

impl Certificate {
    /// The secret itself, for signing, verifying, and showing it once.
    pub fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}
