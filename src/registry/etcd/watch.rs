//! The news of other processes' commits: one stream of etcd's, watched over.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Etcd;
use super::client::encode;
use super::error::EtcdError;
use super::heads::Head;
use super::keyspace::Span;
use super::lines::Lines;
use super::resume::{Mark, Told};
use super::wire::{Create, Entry, Number, Op, WatchAnswer, WatchRange};
use crate::domain::RegionId;
use crate::registry::chain::Link;
use crate::registry::store::Key;

/// For all ranges to be watched.
const BEGIN: Duration = Duration::from_secs(2);
/// How often a stream that says nothing is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Between two attempts, longer each time.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Watches for as long as the task is let be.
pub(super) async fn run(etcd: Arc<Etcd>) {
    let mut pause = PAUSE;
    let mut mark = None;
    loop {
        let error = etcd.follow(&mut mark).await;
        // One that was up begins anew at once.
        pause = if etcd.progress.stopped() {
            PAUSE
        } else {
            LONGEST_PAUSE.min(pause * 2)
        };
        if error == EtcdError::Compacted {
            // No trouble: etcd does not keep the news since the mark.
            mark = None;
        } else {
            etcd.silence.met("watching", &error);
        }
        // To a watch etcd calls a log-in that is over a lack of rights.
        if error.may_be_of_the_token() || error == EtcdError::Denied {
            etcd.cluster.log_out();
        }
        if error.is_for_another_member() {
            etcd.cluster.turn();
        }
        tokio::time::sleep(pause).await;
    }
}

impl Etcd {
    /// Watches until something is wrong. `mark` is where the last watch ended, and then where this
    /// one has.
    async fn follow(&self, mark: &mut Option<Mark>) -> EtcdError {
        let (mut lines, mut told) = match self.begin(mark).await {
            Ok(begun) => begun,
            Err(error) => return error,
        };
        self.silence.over();
        let error = self.listen(&mut lines, &mut told).await;
        *mark = told.mark(self.heads.all());
        error
    }

    /// Goes on where the last watch ended if nothing can have been missed, and begins anew if not.
    async fn begin(&self, mark: &mut Option<Mark>) -> Result<(Lines, Told), EtcdError> {
        if let Some(mark) = mark
            && let Some(begun) = self.resume(mark).await?
        {
            return Ok(begun);
        }
        *mark = None;
        self.begin_anew().await
    }

    async fn resume(&self, mark: &Mark) -> Result<Option<(Lines, Told)>, EtcdError> {
        let told = mark.told();
        let lines = self.stream(&told).await?;
        // After the stream has begun: what it tells is of a history that has these links.
        let is_same = self.has(&mark.heads).await.map_err(|f| f.error)?;
        let goes_on = is_same && self.progress.resumed(mark.proven);
        Ok(goes_on.then_some((lines, told)))
    }

    async fn begin_anew(&self) -> Result<(Lines, Told), EtcdError> {
        let revision = self.revision().await?;
        let told = Told::anew(revision, self.watched.len());
        let lines = self.stream(&told).await?;
        self.progress.started(revision);
        // What came between the last news and these is not known.
        self.listeners.missed();
        Ok((lines, told))
    }

    /// The revision of now. The answer that says "watched" names one, too, but in newer etcds one
    /// that may be beyond the first news (`v3rpc/watch.go` asks for it after it has begun).
    async fn revision(&self) -> Result<i64, EtcdError> {
        let any = Op::get(self.keys.raw(&Key::regions()));
        let found = self.reads(vec![any]).await.map_err(|f| f.error)?;
        let revision = found.first().map_or(0, |answer| answer.header.revision.0);
        if revision > 0 {
            Ok(revision)
        } else {
            Err(EtcdError::Unreadable)
        }
    }

    /// A stream of all that is behind what was told.
    async fn stream(&self, told: &Told) -> Result<Lines, EtcdError> {
        let begun = async {
            let body = creates(&self.watched, told)?;
            let response = self.cluster.stream("/v3/watch", body).await?;
            let mut lines = Lines::new(response);
            lines.begin(self.watched.len()).await?;
            Ok(lines)
        };
        let begun = tokio::time::timeout(BEGIN, begun).await;
        begun.unwrap_or(Err(EtcdError::Broken))
    }

    async fn listen(&self, lines: &mut Lines, told: &mut Told) -> EtcdError {
        loop {
            match tokio::time::timeout(LOOK, lines.next()).await {
                Ok(Ok(answer)) => {
                    self.tell(&answer);
                    told.heard(&answer);
                }
                Ok(Err(error)) => return error,
                Err(_) if self.progress.is_overdue() => {
                    told.is_overdue();
                    return EtcdError::Broken;
                }
                Err(_) => {}
            }
        }
    }

    /// Tells what others have written.
    fn tell(&self, answer: &WatchAnswer) {
        let mut keys = Vec::new();
        for event in &answer.events {
            let revision = event.kv.mod_revision.0;
            let Some(key) = self.keys.key(&event.kv.key) else {
                continue;
            };
            if let Some(rest) = key.after(&Key::from_text("chain/")) {
                self.progress.heard(revision);
                self.heard_link(rest, &key, &event.kv);
            } else if !self.progress.is_own(revision) {
                keys.push(key);
            }
        }
        if !keys.is_empty() {
            self.listeners.changed(&keys);
        }
    }

    /// The newest link that was heard of is what the next watch goes on from.
    fn heard_link(&self, rest: &str, key: &Key, entry: &Entry) {
        let region = rest.split_once('/');
        let region = region.and_then(|(region, _)| RegionId::parse(region).ok());
        let Some(region) = region else { return };
        // What is no link, or was deleted, is for who reads the chain.
        if let Ok(link) = Link::read(&region, key, &entry.value.0) {
            let revision = entry.mod_revision.0;
            self.heads.heard(&region, Head { link, revision });
        }
    }
}

fn creates(watched: &[Span], told: &Told) -> Result<Bytes, EtcdError> {
    let mut body = Vec::new();
    for (n, (span, told)) in watched.iter().zip(told.revisions()).enumerate() {
        let create = Create {
            create_request: WatchRange {
                key: span.key.clone(),
                range_end: Some(span.range_end.clone()),
                watch_id: Number::of(n + 1),
                start_revision: Number(told.saturating_add(1)),
                progress_notify: true,
            },
        };
        body.extend_from_slice(&encode(&create)?);
    }
    Ok(Bytes::from(body))
}
