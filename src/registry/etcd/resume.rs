//! Where a watch goes on when the last one was lost, so that nothing is missed and nobody need ask
//! for everything again.
//!
//! Revisions alone say nothing: an etcd that was restored from a backup, or replaced, uses its
//! numbers a second time. Chains do. What a commit writes is sealed with random numbers, and its
//! link is a hash of it, so no commit is made twice. etcd writes one revision after the other: if
//! the links that were known when the watch ended are there with the revisions that they had,
//! everything up to the newest of these revisions (`proven`) is what it was, in all regions. The
//! new watch begins behind that, or behind what was told if that is less.
//!
//! Nothing that was remembered may be newer than what is proven: it would be of a history that may
//! be gone, and no news would come of it (`Progress::resumed`). When in doubt, the watch begins
//! anew and everything is asked for again: no link is known, one is another or gone, something
//! newer was read, or etcd has compacted what came since.

use super::heads::Head;
use super::wire::WatchAnswer;
use crate::domain::RegionId;

/// Up to which revision each range has told everything.
pub(super) struct Told {
    revisions: Vec<i64>,
    /// Where this watch began, if it went on from another one's end.
    resumed_at: Option<Vec<i64>>,
    is_dead: bool,
}

/// Where a watch ended.
pub(super) struct Mark {
    told: Vec<i64>,
    /// The newest links that were known then.
    pub(super) heads: Vec<(RegionId, Head)>,
    /// The newest of their revisions.
    pub(super) proven: i64,
}

impl Told {
    /// Everything up to `revision` is asked for again.
    pub(super) fn anew(revision: i64, ranges: usize) -> Self {
        Self {
            revisions: vec![revision; ranges],
            resumed_at: None,
            is_dead: false,
        }
    }

    pub(super) fn revisions(&self) -> &[i64] {
        &self.revisions
    }

    /// An answer's own revision may be beyond what its range has told: only one without news, which
    /// etcd sends when there are none, says that there is nothing else up to its revision. News
    /// come in the order of their revisions, and those of one revision come together.
    pub(super) fn heard(&mut self, answer: &WatchAnswer) {
        let revisions = answer.events.iter().map(|event| event.kv.mod_revision.0);
        let revision = match revisions.max() {
            Some(newest) => newest,
            None if answer.created => return,
            None => answer.header.revision.0,
        };
        // Ranges are counted from one (`creates`).
        let range = usize::try_from(answer.watch_id.0.saturating_sub(1)).ok();
        if let Some(told) = range.and_then(|range| self.revisions.get_mut(range)) {
            *told = revision.max(*told);
        }
    }

    /// News that must have come have not. If none came since the watch went on from another's end,
    /// a third would do no better.
    pub(super) fn is_overdue(&mut self) {
        self.is_dead = self.resumed_at.as_ref() == Some(&self.revisions);
    }

    /// For the next watch; `None` if it must begin anew.
    pub(super) fn mark(self, heads: Vec<(RegionId, Head)>) -> Option<Mark> {
        let proven = heads.iter().map(|(_, head)| head.revision).max()?;
        (!self.is_dead).then_some(Mark {
            told: self.revisions,
            heads,
            proven,
        })
    }
}

impl Mark {
    /// What need not be told again.
    pub(super) fn told(&self) -> Told {
        let proven = |told: &i64| self.proven.min(*told);
        let revisions: Vec<i64> = self.told.iter().map(proven).collect();
        Told {
            resumed_at: Some(revisions.clone()),
            revisions,
            is_dead: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Hash;
    use crate::registry::chain::Link;

    fn answer(json: &str) -> WatchAnswer {
        serde_json::from_str(json).unwrap()
    }

    fn head(revision: i64) -> (RegionId, Head) {
        let hash = Hash::of_bytes(&revision.to_be_bytes());
        let link = Link { n: 1, hash };
        (
            RegionId::parse("frankfurt").unwrap(),
            Head { link, revision },
        )
    }

    fn starts(told: Told, proven: i64) -> Vec<i64> {
        let mark = told.mark(vec![head(proven)]).unwrap();
        mark.told().revisions
    }

    /// Control: `Told::heard`.
    #[test]
    fn an_answer_tells_no_more_than_its_news() {
        let mut told = Told::anew(5, 2);
        told.heard(&answer(
            r#"{"header":{"revision":"9"},"watch_id":"1","created":true}"#,
        ));
        assert_eq!(told.revisions(), [5, 5], "it may be beyond the first news");
        told.heard(&answer(
            r#"{"header":{"revision":"9"},"watch_id":"2","events":[
                {"kv":{"key":"YQ==","mod_revision":"6"}},{"kv":{"key":"YQ==","mod_revision":"7"}}]}"#,
        ));
        assert_eq!(told.revisions(), [5, 7]);
        told.heard(&answer(r#"{"header":{"revision":"8"},"watch_id":"1"}"#));
        told.heard(&answer(r#"{"header":{"revision":"6"},"watch_id":"2"}"#));
        assert_eq!(told.revisions(), [8, 7], "nothing else up to 8");
        for all in ["-1", "0", "3"] {
            told.heard(&answer(&format!(
                r#"{{"header":{{"revision":"99"}},"watch_id":"{all}"}}"#
            )));
        }
        assert_eq!(told.revisions(), [8, 7]);
    }

    /// Control: `Mark::told`. Behind what is proven another history may have other news.
    #[test]
    fn what_is_not_proven_is_told_again() {
        let mut told = Told::anew(5, 2);
        told.heard(&answer(r#"{"header":{"revision":"9"},"watch_id":"1"}"#));
        assert_eq!(starts(told, 7), [7, 5]);
        assert!(Told::anew(5, 2).mark(Vec::new()).is_none(), "no link");
    }

    /// Control: `Told::is_overdue`.
    #[test]
    fn a_watch_that_goes_on_and_says_nothing_is_not_tried_again_and_again() {
        let mut first = Told::anew(5, 1);
        first.is_overdue();
        let mark = first.mark(vec![head(7)]).unwrap();
        let mut second = mark.told();
        second.heard(&answer(r#"{"header":{"revision":"6"},"watch_id":"1"}"#));
        second.is_overdue();
        let mark = second.mark(vec![head(7)]).unwrap();
        let mut third = mark.told();
        third.is_overdue();
        assert!(third.mark(vec![head(7)]).is_none());
    }
}
