//! A region's transaction as one transaction of etcd.
//!
//! Compared: its conditions, the newest link, and that nothing is behind that link. Written: what
//! it writes, and the next link. If only the chain has moved on, which another gateway of the
//! region did, it is tried again behind the new end.
//!
//! A call without an answer may have been carried out. Asking again is safe, because the next link
//! is in its place by then and nothing can be written twice; and the link says whose it is, since
//! it is made of all that was written. So an answer that was lost becomes an answer after all.

use std::time::Duration;

use super::Etcd;
use super::client::{Failed, Reply};
use super::error::EtcdError;
use super::heads::{Head, STEP};
use super::wire::{Op, RangeAnswer, Raw, Transaction, TransactionAnswer};
use crate::registry::chain::Link;
use crate::registry::store::{CommitError, Condition, Key, Txn, Unavailable};

/// How often a transaction starts anew because another gateway's came first. Each time one of
/// them is through.
const TURNS: usize = 64;
/// For all of it, waiting for this process's other commits included.
const WHOLE: Duration = Duration::from_secs(10);

impl Etcd {
    pub(super) async fn commit_txn(&self, txn: Txn) -> Result<Link, CommitError> {
        let keys: Vec<Key> = txn.puts().iter().map(|(key, _)| key.clone()).collect();
        let made = tokio::time::timeout(WHOLE, self.commit_in_turn(&txn)).await;
        match made.unwrap_or_else(|_| Err(NotMade::Failed(Failed::unanswered()))) {
            Ok(head) => {
                self.troubles.over();
                self.progress.committed(head.revision);
                self.listeners.changed(&keys);
                Ok(head.link)
            }
            Err(NotMade::Conflict) => Err(CommitError::Conflict),
            Err(NotMade::Failed(failed)) => {
                self.troubles.met("committing", &failed.error);
                if failed.unclear {
                    self.listeners.changed(&keys);
                }
                Err(Unavailable.into())
            }
        }
    }

    async fn commit_in_turn(&self, txn: &Txn) -> Result<Head, NotMade> {
        // One at a time: those of this process don't get into each other's way.
        let _turn = self.turn.lock().await;
        let mut before = match self.heads.of(txn.region()) {
            Some(head) => Some(head),
            None => self.newest(txn.region()).await?,
        };
        for _ in 0..TURNS {
            let link = Link::next(before.as_ref().map(|head| &head.link), txn);
            let reply = self.attempt(txn, before, link).await?;
            if reply.answer.succeeded {
                let head = Head {
                    link,
                    revision: reply.answer.header.revision.0,
                };
                self.heads.set(txn.region(), Some(head));
                return Ok(head);
            }
            let seen = self.seen(txn, before, reply)?;
            if let Some(own) = seen.own(link) {
                return Ok(own);
            }
            if !seen.conditions_hold {
                return Err(NotMade::Conflict);
            }
            before = match seen.newest {
                Some(head) => Some(head),
                // The link that was known is gone, or the end is far away.
                None => self.newest(txn.region()).await?,
            };
        }
        Err(NotMade::Failed(Failed::surely(EtcdError::Busy)))
    }

    async fn attempt(
        &self,
        txn: &Txn,
        before: Option<Head>,
        link: Link,
    ) -> Result<Reply<TransactionAnswer>, Failed> {
        let mut compare: Vec<_> = txn
            .conditions()
            .iter()
            .map(|c| self.keys.compare(c))
            .collect();
        if let Some(Head { link, .. }) = before {
            let newest = Condition::Equals(link.key(txn.region()), link.value());
            compare.push(self.keys.compare(&newest));
        }
        compare.push(self.keys.links_from(txn.region(), link.n).nothing());
        let put = |key: &Key, value: Vec<u8>| Op::Put {
            key: self.keys.raw(key),
            value: Raw(value),
        };
        let puts = txn
            .puts()
            .iter()
            .map(|(key, value)| put(key, value.clone()));
        let link = put(&link.key(txn.region()), link.value());
        let conditions = txn.conditions().iter();
        let read = conditions.map(|c| Op::get(self.keys.raw(c.key())));
        let from = before.map_or(0, |head| head.link.n);
        let links = self.keys.links_from(txn.region(), from).read(STEP);
        let transaction = Transaction {
            compare,
            success: puts.chain([link]).collect(),
            failure: read.chain([links]).collect(),
        };
        self.cluster.call("/v3/kv/txn", &transaction).await
    }

    /// What was there instead, when a comparison failed.
    fn seen(
        &self,
        txn: &Txn,
        before: Option<Head>,
        reply: Reply<TransactionAnswer>,
    ) -> Result<Seen, Failed> {
        let mut answers = reply.answer.responses;
        if answers.len() != txn.conditions().len() + 1 {
            return Err(Failed::surely(EtcdError::Unreadable));
        }
        let links = answers.pop().unwrap_or_default();
        let links = links.response_range.unwrap_or_default();
        let conditions = txn.conditions().iter().zip(answers);
        let conditions_hold = { conditions }.all(|(condition, answer)| {
            let value = answer.value(&self.keys.raw(condition.key()));
            condition.holds(value.as_deref())
        });
        let mut heads = Vec::new();
        for entry in links.kvs {
            let one = RangeAnswer {
                kvs: vec![entry],
                ..RangeAnswer::default()
            };
            heads.extend(self.head(txn.region(), one)?);
        }
        let goes_on = match before {
            None => true,
            Some(before) => heads.first().is_some_and(|h| h.link == before.link),
        };
        let is_end = goes_on && heads.len() < STEP;
        Ok(Seen {
            conditions_hold,
            newest: heads.last().copied().filter(|_| is_end),
            heads,
            repeated: reply.repeated,
        })
    }
}

struct Seen {
    conditions_hold: bool,
    heads: Vec<Head>,
    /// If the links that were read go on from the known one to the end.
    newest: Option<Head>,
    repeated: bool,
}

impl Seen {
    /// This very commit, whose answer was lost.
    fn own(&self, link: Link) -> Option<Head> {
        let found = self.heads.iter().find(|head| head.link == link);
        found.copied().filter(|_| self.repeated)
    }
}

enum NotMade {
    Conflict,
    Failed(Failed),
}

impl From<Failed> for NotMade {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}
