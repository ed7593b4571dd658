//! The news of other processes' commits: one stream of etcd's, watched over.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;

use super::Etcd;
use super::client::encode;
use super::error::EtcdError;
use super::keyspace::Span;
use super::wire::{Create, Number, WatchAnswer, WatchLine, WatchRange};
use crate::registry::store::Key;

/// For all ranges to be watched.
const BEGIN: Duration = Duration::from_secs(2);
/// How often a stream that says nothing is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Between two attempts, longer each time.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The longest line, in bytes: etcd's largest request in base64, a few times over.
const LINE: usize = 16 * 1024 * 1024;

/// Watches for as long as the task is let be.
pub(super) async fn run(etcd: Arc<Etcd>) {
    let mut pause = PAUSE;
    loop {
        let error = etcd.follow().await;
        // One that was up begins anew at once.
        pause = if etcd.progress.stopped() {
            PAUSE
        } else {
            LONGEST_PAUSE.min(pause * 2)
        };
        etcd.silence.met("watching", &error);
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
    /// Watches until something is wrong.
    async fn follow(&self) -> EtcdError {
        let begun = async {
            let body = creates(&self.watched)?;
            let response = self.cluster.stream("/v3/watch", body).await?;
            let mut lines = Lines::new(response);
            let revision = lines.begin(self.watched.len()).await?;
            Ok((lines, revision))
        };
        let begun = tokio::time::timeout(BEGIN, begun).await;
        let (mut lines, revision) = match begun {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return error,
            Err(_) => return EtcdError::Broken,
        };
        self.silence.over();
        self.progress.started(revision);
        // What came between the last news and these is not known.
        self.listeners.missed();
        loop {
            match tokio::time::timeout(LOOK, lines.next()).await {
                Ok(Ok(answer)) => self.tell(&answer),
                Ok(Err(error)) => return error,
                Err(_) if self.progress.is_overdue() => return EtcdError::Broken,
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
            let is_link = key.after(&Key::from_text("chain/")).is_some();
            if is_link {
                self.progress.heard(revision);
            } else if !self.progress.is_own(revision) {
                keys.push(key);
            }
        }
        if !keys.is_empty() {
            self.listeners.changed(&keys);
        }
    }
}

fn creates(watched: &[Span]) -> Result<Bytes, EtcdError> {
    let mut body = Vec::new();
    for (n, span) in watched.iter().enumerate() {
        let create = Create {
            create_request: WatchRange {
                key: span.key.clone(),
                range_end: Some(span.range_end.clone()),
                watch_id: Number::of(n + 1),
                progress_notify: true,
            },
        };
        body.extend_from_slice(&encode(&create)?);
    }
    Ok(Bytes::from(body))
}

/// A stream of JSON texts, a line each.
struct Lines {
    response: Response,
    /// What has come and is no whole line yet.
    rest: Vec<u8>,
    /// Where in it the search for the line's end goes on.
    searched: usize,
}

impl Lines {
    const fn new(response: Response) -> Self {
        Self {
            response,
            rest: Vec::new(),
            searched: 0,
        }
    }

    /// Waits until all ranges are watched, and gives the newest revision that was named.
    async fn begin(&mut self, ranges: usize) -> Result<i64, EtcdError> {
        let mut newest = 0;
        let mut begun = 0;
        while begun < ranges {
            let answer = self.next().await?;
            newest = newest.max(answer.header.revision.0);
            begun += usize::from(answer.created);
        }
        Ok(newest)
    }

    /// The next answer. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<WatchAnswer, EtcdError> {
        loop {
            if let Some(line) = self.line() {
                return read(&line);
            }
            if self.rest.len() > LINE {
                return Err(EtcdError::TooLarge);
            }
            let chunk = self.response.chunk().await;
            let chunk = chunk.map_err(|error| EtcdError::of_http(&error))?;
            // The member says farewell.
            let chunk = chunk.ok_or(EtcdError::Broken)?;
            self.rest.extend_from_slice(&chunk);
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.rest[self.searched..].iter().position(|b| *b == b'\n');
        let Some(end) = end.map(|at| self.searched + at) else {
            self.searched = self.rest.len();
            return None;
        };
        let rest = self.rest.split_off(end + 1);
        self.searched = 0;
        Some(std::mem::replace(&mut self.rest, rest))
    }
}

fn read(line: &[u8]) -> Result<WatchAnswer, EtcdError> {
    let line: WatchLine = serde_json::from_slice(line).map_err(|_| EtcdError::Unreadable)?;
    if let Some(refusal) = line.error {
        return Err(EtcdError::of_refusal(&refusal));
    }
    let answer = line.result.ok_or(EtcdError::Unreadable)?;
    if !answer.canceled {
        return Ok(answer);
    }
    let says = |text| answer.cancel_reason.contains(text);
    Err(if answer.compact_revision.0 > 0 {
        EtcdError::Compacted
    } else if says("permission denied") {
        EtcdError::Denied
    } else if says("invalid auth token") || says("revision of auth store") {
        EtcdError::Token
    } else {
        EtcdError::Busy
    })
}
