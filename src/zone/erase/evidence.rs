//! What a data centre says of an erasure, read strictly: it goes into the audit log.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;

use super::EraseError;
use crate::registry::App;

/// A data centre's evidence that nothing remains of what was to be erased. No text in it can name
/// anybody: hexadecimal digits, and names of what was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// 32 lower-case hexadecimal digits, made by the data centre.
    pub erasure_id: String,
    /// How much of what was erased, such as `messages`; at most 32 names of at most 32 letters each.
    pub erased: BTreeMap<String, u64>,
    /// Always 0.
    pub remaining: u64,
    /// `sha256:` and 64 lower-case hexadecimal digits, over what was erased.
    pub digest: String,
    /// Unix milliseconds, by the data centre's clock.
    pub completed_at: u64,
}

/// The answer as it stands on the wire.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    erasure_id: String,
    app_key_sha256: String,
    erased: BTreeMap<String, u64>,
    remaining: u64,
    digest: String,
    started_at: u64,
    completed_at: u64,
}

impl Evidence {
    /// Reads evidence of an erasure for this App.
    pub(super) fn read(body: &[u8], app: &App) -> Result<Self, EraseError> {
        let answer: Answer = serde_json::from_slice(body).map_err(|_| EraseError::Protocol)?;
        if !answer.is_sound() || answer.app_key_sha256 != hash(app) {
            return Err(EraseError::Protocol);
        }
        if answer.remaining != 0 {
            return Err(EraseError::Incomplete);
        }
        Ok(Self {
            erasure_id: answer.erasure_id,
            erased: answer.erased,
            remaining: answer.remaining,
            digest: answer.digest,
            completed_at: answer.completed_at,
        })
    }
}

impl Answer {
    fn is_sound(&self) -> bool {
        let digest = self.digest.strip_prefix("sha256:");
        is_hex(&self.erasure_id, 32)
            && digest.is_some_and(|digest| is_hex(digest, 64))
            && self.erased.len() <= NAMES
            && self.erased.keys().all(|name| is_name(name))
            && self.started_at <= self.completed_at
    }
}

fn hash(app: &App) -> String {
    hex::encode(digest(&SHA256, app.app_key.as_str().as_bytes()))
}

fn is_hex(text: &str, length: usize) -> bool {
    let digits = |b| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    text.len() == length && text.bytes().all(digits)
}

fn is_name(text: &str) -> bool {
    let letters = |b| matches!(b, b'a'..=b'z' | b'_');
    (1..=NAME).contains(&text.len()) && text.bytes().all(letters)
}

/// Names of what is counted, at most.
const NAMES: usize = 32;
/// Letters of one, at most.
const NAME: usize = 32;
