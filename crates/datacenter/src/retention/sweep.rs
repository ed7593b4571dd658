//! One sweep of one App: history, then what waits, then files. A batch at a time, each durably and with
//! its part of the report; others read and write in between.

use std::collections::HashMap;

use uuid::Uuid;

use super::clocks::is_believed;
use super::oldest;
use super::report::Report;
use crate::app_key::AppKey;
use crate::centre::Centre;
use crate::chatfiles;
use crate::messages::{self, Pointer};
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::{Key, Span};
use crate::store::{Edit, StoreError, View, first_id_at};

/// Whether a sweep came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swept {
    Whole,
    /// The next one goes on.
    Part,
    /// The clock can't be believed, so nothing was deleted.
    Not,
}

/// Deletes what is past the retention, up to the budget of one run.
pub(super) async fn sweep(centre: &Centre, app: &AppKey, days: u64) -> Result<Swept, Fault> {
    let mut positions = centre.retention.sweeping.lock().await;
    let now = centre.clock.unix_millis();
    if !is_believed(centre, now).await? {
        return Ok(Swept::Not);
    }
    let limit = oldest(now, days);
    let mut run = Run {
        centre,
        app,
        limit,
        left: BUDGET,
        report: Report::new(now, limit),
    };
    let swept = run.all(&mut positions).await;
    if !run.report.is_empty() {
        run.report.log(app);
    }
    swept
}

struct Run<'a> {
    centre: &'a Centre,
    app: &'a AppKey,
    /// What is older goes, in Unix milliseconds.
    limit: u64,
    /// Entries that may still be looked at.
    left: usize,
    report: Report,
}

impl Run<'_> {
    async fn all(
        &mut self,
        positions: &mut HashMap<(AppKey, Keyspace), Span>,
    ) -> Result<Swept, Fault> {
        let mut whole = self.history().await?;
        for (keyspace, channel) in QUEUES {
            whole &= self.queue(keyspace, channel, positions).await?;
        }
        whole &= self.files().await?;
        Ok(if whole { Swept::Whole } else { Swept::Part })
    }

    /// The timeline is in the order of time: what is past is in front. A message goes with its pointer.
    async fn history(&mut self) -> Result<bool, StoreError> {
        while self.left >= BATCH {
            let (app, mut report) = (self.app.clone(), self.report.clone());
            let ids = 0..first_id_at(self.limit);
            let write = move |edit: &Edit<'_>| {
                let gone = forget_some(edit, &app, ids, &mut report)?;
                Ok::<_, StoreError>((gone, report))
            };
            let (gone, report) = self.centre.store.write(write).await?;
            self.report = report;
            self.left -= gone;
            if gone < BATCH {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Queues are in the order of users, so all of them are looked at, over several runs if need be.
    async fn queue(
        &mut self,
        keyspace: Keyspace,
        channel: &'static str,
        positions: &mut HashMap<(AppKey, Keyspace), Span>,
    ) -> Result<bool, StoreError> {
        let place = (self.app.clone(), keyspace);
        let mut next = positions.remove(&place);
        let mut span = next.take().unwrap_or_else(|| Key::of(self.app).below());
        loop {
            if self.left < BATCH {
                positions.insert(place, span);
                return Ok(false);
            }
            self.left -= BATCH;
            let first = first_id_at(self.limit);
            let pick = self.centre.store.read(move |view: &View<'_>| {
                view.pick(keyspace, &span, BATCH, |entry| {
                    Ok(entry.last_id().is_some_and(|id| id < first))
                })
            });
            let picked = pick.await?;
            self.remove(keyspace, picked.keys, &[(channel, "waiting")])
                .await?;
            let Some(rest) = picked.rest else {
                return Ok(true);
            };
            span = rest;
        }
    }

    /// Content first: what is known of a file stays until it is gone, so that a run that was cut short
    /// is gone on with. Ids of files are in the order of time.
    async fn files(&mut self) -> Result<bool, Fault> {
        while self.left >= FILES {
            self.left -= FILES;
            let last = Uuid::from_u128(u128::from(self.limit) << 80);
            let span = Key::of(self.app).below_until_plain(&last.to_string());
            let _filing = self.centre.filing.lock().await;
            let pick = self
                .centre
                .store
                .read::<_, StoreError, _>(move |view: &View<'_>| {
                    view.pick(Keyspace::Files, &span, FILES, |_| Ok(true))
                });
            let picked = pick.await?;
            for key in &picked.keys {
                let bytes = chatfiles::remove_content(self.centre, key).await?;
                self.report.count("general", "bytes", bytes);
            }
            self.remove(Keyspace::Files, picked.keys, &[("general", "files")])
                .await?;
            if picked.rest.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn remove(
        &mut self,
        keyspace: Keyspace,
        keys: Vec<Key>,
        counted: &[(&'static str, &'static str)],
    ) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let (app, mut report) = (self.app.clone(), self.report.clone());
        for (channel, kind) in counted {
            report.count(channel, kind, keys.len() as u64);
        }
        let write = move |edit: &Edit<'_>| {
            keys.iter().try_for_each(|key| edit.remove(keyspace, key))?;
            report.keep(edit, &app)?;
            Ok::<_, StoreError>(report)
        };
        self.report = self.centre.store.write(write).await?;
        Ok(())
    }
}

fn forget_some(
    edit: &Edit<'_>,
    app: &AppKey,
    ids: std::ops::Range<u64>,
    report: &mut Report,
) -> Result<usize, StoreError> {
    let span = Key::of(app).below_ids(ids);
    let gone: Vec<Pointer> = edit.first(Keyspace::Timeline, &span, BATCH)?;
    for pointer in &gone {
        messages::forget(edit, app, &pointer.conversation, pointer.id)?;
        report.count(pointer.conversation.channel(), "messages", 1);
    }
    if !gone.is_empty() {
        report.keep(edit, app)?;
    }
    Ok(gone.len())
}

const QUEUES: [(Keyspace, &str); 2] = [
    (Keyspace::QueuesOneToOne, "one_to_one"),
    (Keyspace::QueuesGroup, "group"),
];
/// Entries in one transaction, at most.
const BATCH: usize = 500;
/// Files in one, at most: each is overwritten.
const FILES: usize = 16;
/// Entries that a run of one App looks at, at most; its next run goes on.
const BUDGET: usize = 200_000;
