//! An act that has begun.

use super::entry::{Deed, Draft, Outcome};
use super::writer::Mailbox;
use super::{AuditError, AuditLog};
use crate::domain::AppId;

/// An act whose beginning is on disk. It ends as done or failed; dropped, it has failed.
#[must_use = "an act that is dropped is logged as failed"]
pub struct Act {
    mailbox: Mailbox,
    /// Taken when the end is written.
    deed: Option<Deed>,
}

impl Act {
    /// Only [`AuditLog::begin`] makes one.
    pub(super) const fn new(mailbox: Mailbox, deed: Deed) -> Self {
        Self {
            mailbox,
            deed: Some(deed),
        }
    }

    /// Names the App, where it was not known at the beginning.
    pub fn about(mut self, app_id: AppId) -> Self {
        if let Some(deed) = &mut self.deed {
            deed.app_id = Some(app_id);
        }
        self
    }

    /// # Errors
    /// When the entry is not surely on disk. The act itself has happened.
    pub async fn done(self) -> Result<(), AuditError> {
        self.end(Outcome::Done, None).await
    }

    /// # Errors
    /// When the entry is not surely on disk.
    pub async fn failed(self, code: &'static str) -> Result<(), AuditError> {
        self.end(Outcome::Failed, Some(code)).await
    }

    async fn end(mut self, outcome: Outcome, code: Option<&'static str>) -> Result<(), AuditError> {
        let Some(deed) = self.deed.take() else {
            return Ok(());
        };
        self.mailbox.append(Draft::of(&deed, outcome, code)).await
    }
}

impl Drop for Act {
    fn drop(&mut self) {
        if let Some(deed) = self.deed.take() {
            self.mailbox
                .post(Draft::of(&deed, Outcome::Failed, Some(ABANDONED)));
        }
    }
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditLog").finish_non_exhaustive()
    }
}

const ABANDONED: &str = "abandoned";
