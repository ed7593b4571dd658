//! What a data centre says of its sweeps, read strictly: it goes into the audit log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;

use crate::registry::App;
use crate::zone::EraseError;

/// The answer for a page of Apps.
#[derive(Debug)]
pub struct Swept {
    /// Of the Apps that have any, oldest first; at most 512 in all.
    pub reports: Vec<(Arc<App>, Vec<Sweep>)>,
    /// Whether more wait to be told of these Apps.
    pub more: bool,
}

/// One sweep, as the data centre tells of it. It names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// 16 lower-case hexadecimal digits, made by the data centre. Later ones are higher.
    pub sweep_id: String,
    /// Unix milliseconds, by the data centre's clock.
    pub began_at: u64,
    /// What is older was deleted.
    pub older_than: u64,
    /// By channel and kind.
    pub deleted: BTreeMap<String, BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(rename = "complete")]
    _complete: bool,
    more: bool,
    apps: Vec<OfApp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfApp {
    app_key_sha256: String,
    sweeps: Vec<Sweep>,
}

impl Swept {
    /// Reports of other Apps than these, of one App twice, or too many, are none.
    pub(super) fn read(body: &[u8], asked: &[Arc<App>]) -> Result<Self, EraseError> {
        let answer: Answer = serde_json::from_slice(body).map_err(|_| EraseError::Protocol)?;
        let hash = |app: &Arc<App>| hex::encode(digest(&SHA256, app.app_key.as_str().as_bytes()));
        let mut known: HashMap<String, &Arc<App>> =
            asked.iter().map(|app| (hash(app), app)).collect();
        let mut reports = Vec::new();
        let mut count = 0;
        for told in answer.apps {
            let app = known.remove(&told.app_key_sha256);
            count += told.sweeps.len();
            let is_sound = count <= SWEEPS && told.sweeps.iter().all(Sweep::is_sound);
            let app = app.filter(|_| is_sound).ok_or(EraseError::Protocol)?;
            reports.push((Arc::clone(app), told.sweeps));
        }
        Ok(Self {
            reports,
            more: answer.more,
        })
    }
}

impl Sweep {
    pub(super) fn is_sound(&self) -> bool {
        let digits = |b| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let of = |names: &[&str], name: &String| names.contains(&name.as_str());
        self.sweep_id.len() == 16
            && self.sweep_id.bytes().all(digits)
            && self.deleted.iter().all(|(channel, kinds)| {
                of(&CHANNELS, channel) && kinds.keys().all(|kind| of(&KINDS, kind))
            })
    }
}

const CHANNELS: [&str; 4] = ["one_to_one", "group", "room", "general"];
const KINDS: [&str; 4] = ["messages", "waiting", "files", "bytes"];
/// In one answer, at most.
const SWEEPS: usize = 512;
