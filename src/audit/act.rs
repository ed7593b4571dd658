//! An act that has begun.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::entry::{Deed, Draft, Outcome, Pins};
use super::writer::Mailbox;
use super::{AuditError, AuditLog};
use crate::domain::AppId;

/// An act whose beginning is on disk. It ends as done or failed; dropped, it has failed.
#[must_use = "an act that is dropped is logged as failed"]
pub struct Act {
    mailbox: Mailbox,
    /// Taken when the end is written.
    deed: Option<Deed>,
    pins: Option<Pins>,
    count: Option<u64>,
}

impl Act {
    /// Only [`AuditLog::begin`] makes one.
    pub(super) const fn new(mailbox: Mailbox, deed: Deed) -> Self {
        Self {
            mailbox,
            deed: Some(deed),
            pins: None,
            count: None,
        }
    }

    /// Names the App, where it was not known at the beginning.
    pub fn about(mut self, app_id: AppId) -> Self {
        if let Some(deed) = &mut self.deed {
            deed.app_id = Some(app_id);
        }
        self
    }

    /// Keeps the pins that the act made, as they are stored.
    pub fn pinned(mut self, id: &[u8], key: &[u8]) -> Self {
        self.pins = Some(Pins {
            id: STANDARD.encode(id),
            key: STANDARD.encode(key),
        });
        self
    }

    /// Of how many things it was.
    pub const fn counted(mut self, count: u64) -> Self {
        self.count = Some(count);
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
        let mut draft = Draft::of(&deed, outcome, code);
        draft.pins = self.pins.take();
        draft.count = self.count;
        self.mailbox.append(draft).await
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
