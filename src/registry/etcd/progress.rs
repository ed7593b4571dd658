//! How far the news from etcd have come: which of them are this process's own, and whether some
//! are overdue.
//!
//! A watch can fall silent without an end: its member hangs, or is cut off from the others. But
//! each commit adds a link, links are watched, and each second somebody reads the newest one. A
//! link that was read and is not heard of within [`OVERDUE`] shows that the watch is dead.
//!
//! It also knows what forbids a watch to go on where the last one ended (`resume.rs`): something
//! was read that the chain does not prove, or a link that was known is gone.

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
    /// The newest revision of anything that was read since everything was last asked for again.
    read: i64,
    /// A link that was known is another one now, or gone.
    in_doubt: bool,
}

const OVERDUE: Duration = Duration::from_millis(700);
/// More than can be under way between a commit's answer and its news.
const OWN: usize = 4_096;

impl Progress {
    /// The watch is up and tells everything after `revision`. What was before is asked for again,
    /// and may be of another history, whose revisions say nothing of this one's.
    pub(super) fn started(&self, revision: i64) {
        *self.0.lock() = Seen {
            is_up: true,
            heard: revision,
            ..Seen::default()
        };
    }

    /// The watch is up and goes on where the last one ended: the history is the same up to
    /// `proven`. `false`: something is not proven by that, so it may not.
    pub(super) fn resumed(&self, proven: i64) -> bool {
        let mut seen = self.0.lock();
        if seen.in_doubt || seen.read > proven {
            return false;
        }
        seen.is_up = true;
        seen.heard = seen.heard.min(proven);
        seen.owed = None;
        // What was committed since may be lost, and its revision another one's.
        seen.own.retain(|own| *own <= proven);
        true
    }

    /// Something of this revision was read, and may be remembered.
    pub(super) fn read(&self, revision: i64) {
        let mut seen = self.0.lock();
        seen.read = seen.read.max(revision);
    }

    /// What was known of a chain is not there: this may be another history.
    pub(super) fn doubts(&self) {
        self.0.lock().in_doubt = true;
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

    /// Controls: `Seen::read` and `Seen::in_doubt`.
    #[test]
    fn a_watch_goes_on_only_where_all_that_was_read_is_proven() {
        let progress = Progress::default();
        progress.started(5);
        progress.read(7);
        progress.stopped();
        assert!(!progress.resumed(6) && !progress.is_up());
        assert!(progress.resumed(7) && progress.is_up());
        progress.doubts();
        assert!(!progress.resumed(7));
        progress.started(3);
        assert!(
            progress.resumed(3),
            "what was read before is asked for again"
        );
    }

    /// Controls: `Progress::resumed` and `started` forget revisions that may be another's.
    #[test]
    fn own_commits_of_another_history_are_not_own() {
        let progress = Progress::default();
        progress.committed(4);
        progress.committed(5);
        assert!(progress.resumed(4) && progress.is_own(4) && !progress.is_own(5));
        progress.started(2);
        assert!(!progress.is_own(4));
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
