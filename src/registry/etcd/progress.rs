//! How far the news from etcd have come: which of them are this process's own, and whether some
//! are overdue.
//!
//! A watch can fall silent without an end: its member hangs, or is cut off from the others. But
//! each commit adds a link, links are watched, and each second somebody reads the newest one. A
//! link that was read and is not heard of within [`OVERDUE`] shows that the watch is dead.

use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

#[derive(Default)]
pub(super) struct Progress(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    is_up: bool,
    /// The revision of the newest link that was heard of.
    heard: i64,
    /// The oldest link that was read and not heard of yet.
    owed: Option<(i64, Instant)>,
    /// Revisions of this process's own commits, which were told before they were answered.
    own: BTreeSet<i64>,
}

const OVERDUE: Duration = Duration::from_millis(700);
/// More than can be under way between a commit's answer and its news.
const OWN: usize = 4_096;

impl Progress {
    /// The watch is up and tells everything after `revision`.
    pub(super) fn started(&self, revision: i64) {
        let mut seen = self.0.lock();
        seen.is_up = true;
        seen.heard = revision;
        seen.owed = None;
    }

    /// The watch is down. Whether it was up.
    pub(super) fn stopped(&self) -> bool {
        std::mem::take(&mut self.0.lock().is_up)
    }

    pub(super) fn is_up(&self) -> bool {
        self.0.lock().is_up
    }

    /// News of a link.
    pub(super) fn heard(&self, revision: i64) {
        let mut seen = self.0.lock();
        seen.heard = seen.heard.max(revision);
        if seen.owed.is_some_and(|(owed, _)| owed <= seen.heard) {
            seen.owed = None;
        }
    }

    /// A link of this revision was read, so its news must come.
    pub(super) fn owes(&self, revision: i64) {
        let mut seen = self.0.lock();
        if seen.is_up && revision > seen.heard && seen.owed.is_none() {
            seen.owed = Some((revision, Instant::now()));
        }
    }

    pub(super) fn is_overdue(&self) -> bool {
        let owed = self.0.lock().owed;
        owed.is_some_and(|(_, since)| since.elapsed() > OVERDUE)
    }

    pub(super) fn committed(&self, revision: i64) {
        let mut seen = self.0.lock();
        seen.own.insert(revision);
        if seen.own.len() > OWN {
            seen.own.pop_first();
        }
    }

    pub(super) fn is_own(&self, revision: i64) -> bool {
        self.0.lock().own.contains(&revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn news_that_do_not_come_are_overdue() {
        let progress = Progress::default();
        progress.owes(9);
        tokio::time::advance(OVERDUE * 2).await;
        assert!(!progress.is_overdue(), "there is no watch");
        progress.started(5);
        progress.owes(5);
        tokio::time::advance(OVERDUE * 2).await;
        assert!(!progress.is_overdue(), "it was there before");
        progress.owes(7);
        tokio::time::advance(OVERDUE / 2).await;
        progress.owes(8);
        assert!(!progress.is_overdue());
        tokio::time::advance(OVERDUE).await;
        assert!(progress.is_overdue(), "as old as the oldest");
        progress.heard(8);
        assert!(!progress.is_overdue());
    }

    #[test]
    fn own_commits_are_known_for_a_while() {
        let progress = Progress::default();
        for revision in 0..=OWN {
            progress.committed(i64::try_from(revision).unwrap());
        }
        assert!(!progress.is_own(0) && progress.is_own(1));
    }
}
