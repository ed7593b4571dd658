//! What a sweep has deleted: counts for each channel, written in the transactions that delete.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app_key::AppKey;
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Edit, Order, StoreError, View};

/// One sweep of one App. It is stored with the first deletion, and grows with each.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Report {
    /// 0 until something was deleted.
    id: u64,
    /// Unix milliseconds.
    began: u64,
    /// What is older was deleted, in Unix milliseconds.
    older_than: u64,
    deleted: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Report {
    pub(super) fn new(began: u64, older_than: u64) -> Report {
        Report {
            id: 0,
            began,
            older_than,
            deleted: BTreeMap::new(),
        }
    }

    pub(super) fn count(&mut self, channel: &str, kind: &str, more: u64) {
        let channel = self.deleted.entry(channel.to_owned()).or_default();
        *channel.entry(kind.to_owned()).or_default() += more;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deleted.is_empty()
    }

    /// Stores it with what it tells of.
    pub(super) fn keep(&mut self, edit: &Edit<'_>, app: &AppKey) -> Result<(), StoreError> {
        if self.id == 0 {
            self.id = edit.next_id(self.began)?;
        }
        edit.put(Keyspace::Sweeps, &Key::of(app).id(self.id), self)
    }

    pub(super) fn log(&self, app: &AppKey) {
        let deleted = json!(self.deleted).to_string();
        let (sweep_id, app) = (self.name(), hash(app));
        tracing::info!(
            sweep_id,
            app_key_sha256 = app,
            deleted,
            "what was past its retention was deleted"
        );
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "sweep_id": self.name(),
            "began_at": self.began,
            "older_than": self.older_than,
            "deleted": self.deleted,
        })
    }

    fn name(&self) -> String {
        format!("{:016x}", self.id)
    }
}

/// The oldest reports that no gateway has acknowledged.
pub(super) fn waiting(view: &View<'_>, app: &AppKey) -> Result<Vec<Report>, StoreError> {
    view.scan(
        Keyspace::Sweeps,
        &Key::of(app).below(),
        Order::Rising,
        REPORTS,
    )
}

/// Lets go of the reports up to and including this one.
pub(super) fn acknowledge(edit: &Edit<'_>, app: &AppKey, id: u64) -> Result<(), StoreError> {
    let front = Key::of(app);
    let span = front.below_ids(0..id.saturating_add(1));
    let gone: Vec<Report> = edit.first(Keyspace::Sweeps, &span, REPORTS)?;
    let mut gone = gone.iter();
    gone.try_for_each(|report| edit.remove(Keyspace::Sweeps, &front.clone().id(report.id)))
}

pub(super) fn hash(app: &AppKey) -> String {
    hex::encode(digest(&SHA256, app.to_string().as_bytes()))
}

/// Of one App in an answer, at most.
pub(super) const REPORTS: usize = 64;
