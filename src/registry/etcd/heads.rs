//! The newest link of a region's chain, without reading the chain.
//!
//! etcd answers "the last key of a range" by reading the whole range (it sorts what it has read),
//! and counts a range by walking it. A chain has a link for each commit there ever was. So the
//! newest link that is known is the place to go on from: one request reads it and what is behind
//! it. Where nothing is known, links are looked for one by one, 64 numbers a request: doubling
//! first, then dividing. Links have no gaps; if one was made by hand, what is behind it is found
//! all the same, since the search ends only where nothing is behind.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::client::Failed;
use super::error::EtcdError;
use super::wire::{Op, RangeAnswer, Raw};
use super::{Etcd, KEYS};
use crate::domain::RegionId;
use crate::registry::chain::Link;
use crate::registry::store::Key;

/// The newest link that was seen of each region.
#[derive(Default)]
pub(super) struct Heads(Mutex<HashMap<RegionId, Head>>);

/// A link, and the revision of etcd that it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) link: Link,
    pub(super) revision: i64,
}

/// How many links are read at a time.
pub(super) const STEP: usize = 128;
/// How many numbers are tried in one request; etcd allows 128 by default.
const PROBES: u64 = 64;
/// Enough for 2^63 links and a few hundred thousand more while it searches.
const ROUNDS: usize = 4_096;

impl Heads {
    pub(super) fn of(&self, region: &RegionId) -> Option<Head> {
        self.0.lock().get(region).copied()
    }

    /// All that are known.
    pub(super) fn all(&self) -> Vec<(RegionId, Head)> {
        let heads = self.0.lock();
        let all = heads.iter().map(|(region, head)| (region.clone(), *head));
        all.collect()
    }

    /// A link that the watch told of. Only regions whose newest link was read are kept.
    pub(super) fn heard(&self, region: &RegionId, heard: Head) {
        if let Some(head) = self.0.lock().get_mut(region)
            && head.revision < heard.revision
        {
            *head = heard;
        }
    }

    /// Whether the newest link is another one now.
    pub(super) fn set(&self, region: &RegionId, head: Option<Head>) -> bool {
        let mut heads = self.0.lock();
        let before = match head {
            Some(head) => heads.insert(region.clone(), head),
            None => heads.remove(region),
        };
        before != head
    }
}

impl Etcd {
    /// The newest link now. It is remembered.
    pub(super) async fn newest(&self, region: &RegionId) -> Result<Option<Head>, Failed> {
        let mut from = match self.heads.of(region) {
            Some(known) => Some(known),
            None => self.search(region).await?,
        };
        for _ in 0..ROUNDS {
            let Some(head) = from else {
                self.found(region, None);
                return Ok(None);
            };
            from = match self.step(region, head).await? {
                Step::End(head) => {
                    self.found(region, Some(head));
                    return Ok(Some(head));
                }
                Step::On(head) => Some(head),
                // What was known is gone: a rollback. What is there now?
                Step::Gone => self.search(region).await?,
            };
        }
        Err(Failed::surely(EtcdError::Unreadable))
    }

    fn found(&self, region: &RegionId, head: Option<Head>) {
        if let Some(head) = head {
            self.progress.owes(head.revision);
        }
        let is_news = self.heads.set(region, head);
        if is_news && !self.progress.is_up() {
            // Nobody else tells.
            self.listeners.missed();
        }
    }

    /// Reads a known link again, and what is behind it.
    async fn step(&self, region: &RegionId, from: Head) -> Result<Step, Failed> {
        let behind = self.keys.links_from(region, from.link.n.saturating_add(1));
        let own = Op::get(self.keys.raw(&from.link.key(region)));
        let mut answers = self.reads(vec![own, behind.read(STEP)]).await?.into_iter();
        let there = answers.next().unwrap_or_default();
        let behind = answers.next().unwrap_or_default();
        let there = self.head(region, there)?;
        if there != Some(from) {
            self.progress.doubts();
        }
        if there.map(|head| head.link) != Some(from.link) {
            return Ok(Step::Gone);
        }
        let is_all = behind.kvs.len() < STEP;
        Ok(match self.head(region, behind)? {
            None => Step::End(from),
            Some(last) if is_all => Step::End(last),
            Some(last) => Step::On(last),
        })
    }

    /// A link near the end of a chain of which nothing is known.
    async fn search(&self, region: &RegionId) -> Result<Option<Head>, Failed> {
        let doubling: Vec<u64> = (0..63).map(|bit| 1 << bit).collect();
        let mut probed = self.probe(region, doubling).await?;
        while let Some((head, next)) = probed {
            let gap = next.saturating_sub(head.link.n);
            if gap <= 1 {
                return Ok(Some(head));
            }
            let width = gap.div_ceil(PROBES).max(1);
            let numbers = (head.link.n..next).step_by(usize::try_from(width).unwrap_or(usize::MAX));
            probed = self
                .probe(region, numbers.collect())
                .await?
                .map(|(head, end)| {
                    // The last of these numbers is there: it goes on up to what was not.
                    (head, if end == 0 { next } else { end })
                });
        }
        // There is no first link. Is there any?
        let first = self.keys.links_from(region, 0).read(1);
        let found = self.reads(vec![first]).await?.into_iter().next();
        self.head(region, found.unwrap_or_default())
    }

    /// The last of these links that is there, up to the first that is not, whose number comes with
    /// it (0: all are there).
    async fn probe(
        &self,
        region: &RegionId,
        numbers: Vec<u64>,
    ) -> Result<Option<(Head, u64)>, Failed> {
        let get = |n: &u64| Op::get(self.keys.raw(&Key::link(region, *n)));
        let answers = self.reads(numbers.iter().map(get).collect()).await?;
        let mut last = None;
        for (n, answer) in numbers.into_iter().zip(answers) {
            match self.head(region, answer)? {
                Some(head) => last = Some((head, 0)),
                None => return Ok(last.map(|(head, _)| (head, n))),
            }
        }
        Ok(last)
    }

    /// Whether these very links are there, each with the revision that it came with.
    pub(super) async fn has(&self, heads: &[(RegionId, Head)]) -> Result<bool, Failed> {
        for some in heads.chunks(KEYS) {
            let get =
                |(region, head): &(RegionId, Head)| Op::get(self.keys.raw(&head.link.key(region)));
            let found = self.reads(some.iter().map(get).collect()).await?;
            let is_there = |((region, head), answer): (&(RegionId, Head), RangeAnswer)| {
                // What is no link is not this one.
                self.head(region, answer)
                    .is_ok_and(|there| there == Some(*head))
            };
            if !some.iter().zip(found).all(is_there) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The last link of an answer.
    pub(super) fn head(
        &self,
        region: &RegionId,
        answer: RangeAnswer,
    ) -> Result<Option<Head>, Failed> {
        let Some(entry) = answer.kvs.into_iter().next_back() else {
            return Ok(None);
        };
        let revision = entry.mod_revision.0;
        let link = self.link(region, &entry.key, &entry.value.0)?;
        Ok(Some(Head { link, revision }))
    }

    fn link(&self, region: &RegionId, key: &Raw, value: &[u8]) -> Result<Link, Failed> {
        let unreadable = || Failed::surely(EtcdError::Unreadable);
        let key = self.keys.key(key).ok_or_else(unreadable)?;
        Link::read(region, &key, value).map_err(|_| unreadable())
    }
}

enum Step {
    /// Nothing is behind it.
    End(Head),
    On(Head),
    /// The known link is not there, or is another one.
    Gone,
}
