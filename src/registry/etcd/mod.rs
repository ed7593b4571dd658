//! The registry in etcd, for several machines: etcd's own JSON gateway (`/v3/…`), over HTTPS.
//!
//! | file | what |
//! |---|---|
//! | `wire`, `error` | what is sent and said |
//! | `http`, `client`, `absence`, `login` | the way to the members, whether any answers, and a user's log-in |
//! | `keyspace`, `heads` | where keys are; the newest link of a chain |
//! | `commit`, `import` | writing |
//! | `watch`, `lines`, `resume`, `progress` | news of other processes' commits |
//! | `trouble` | what is wrong, said once |
//! | `setup` | users, roles and `regions`, by the administrator |
//!
//! Reads are linearizable: etcd asks its quorum before it answers one.

mod absence;
mod client;
mod commit;
mod error;
mod heads;
mod http;
mod import;
mod keyspace;
mod lines;
mod login;
mod progress;
mod resume;
mod setup;
mod trouble;
mod watch;
mod wire;

use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::AbortHandle;

use self::client::{Cluster, Failed};
pub use self::error::EtcdError;
use self::heads::Heads;
pub use self::http::EtcdSetupError;
use self::keyspace::{Keyspace, Span};
use self::progress::Progress;
pub use self::setup::{Adding, EtcdAdmin, ROOT, RegionUser, Regions, SetUpError};
use self::trouble::Troubles;
use self::wire::{Compare, Number, Op, Range, RangeAnswer, Raw, Transaction, TransactionAnswer};
use super::chain::Link;
use super::listeners::Listeners;
use super::store::{Asked, CommitError, Entry, Key, Listener, Store, Txn, Unavailable};
use super::transfer::{Import, Importing};
use crate::config::EtcdConfig;
use crate::domain::RegionId;

/// One region's way to the registry in etcd.
pub struct EtcdStore {
    etcd: Arc<Etcd>,
    watch: AbortHandle,
}

/// What the store and its watch share.
struct Etcd {
    cluster: Cluster,
    keys: Keyspace,
    heads: Heads,
    listeners: Listeners,
    progress: Progress,
    troubles: Troubles,
    /// The same of the watch, which comes and goes apart from the calls.
    silence: Troubles,
    /// What is watched.
    watched: Vec<Span>,
    /// Held while this process commits.
    turn: tokio::sync::Mutex<()>,
}

/// How many keys are read in one request; etcd allows 128 by default.
const KEYS: usize = 120;
/// How many entries of a range are read in one request.
const PAGE: usize = 512;

impl EtcdStore {
    /// Makes the way to etcd, and begins to watch what `region` must know of. Whether etcd answers
    /// shows later. It must be called in a runtime.
    ///
    /// # Errors
    /// When certificates or keys cannot be used.
    pub fn open(config: &EtcdConfig, region: &RegionId) -> Result<Arc<Self>, EtcdSetupError> {
        let keys = Keyspace::new(&config.prefix);
        let watched = watched(&keys, region);
        Self::watching(config, keys, watched)
    }

    /// For tests: one store for all regions.
    #[cfg(test)]
    pub(super) fn open_for_all(config: &EtcdConfig) -> Result<Arc<Self>, EtcdSetupError> {
        let keys = Keyspace::new(&config.prefix);
        let watched = vec![keys.all()];
        Self::watching(config, keys, watched)
    }

    fn watching(
        config: &EtcdConfig,
        keys: Keyspace,
        watched: Vec<Span>,
    ) -> Result<Arc<Self>, EtcdSetupError> {
        let cluster = Cluster::new(config, config.user.as_ref())?;
        let etcd = Arc::new(Etcd {
            cluster,
            keys,
            heads: Heads::default(),
            listeners: Listeners::default(),
            progress: Progress::default(),
            troubles: Troubles::default(),
            silence: Troubles::default(),
            watched,
            turn: tokio::sync::Mutex::default(),
        });
        let watch = tokio::spawn(watch::run(Arc::clone(&etcd))).abort_handle();
        Ok(Arc::new(Self { etcd, watch }))
    }

    /// Whether news of other processes' commits come.
    pub fn is_watching(&self) -> bool {
        self.etcd.progress.is_up()
    }
}

#[cfg(test)]
impl EtcdStore {
    /// Writes as nobody may: what a thief, a bug or a bad restore would leave behind.
    pub(super) async fn tamper(&self, key: &Key, value: Option<Vec<u8>>) {
        let key = self.etcd.keys.raw(key);
        let op = match value {
            Some(value) => Op::Put {
                key,
                value: Raw(value),
            },
            None => Op::Delete { key },
        };
        self.etcd.reads(vec![op]).await.unwrap();
    }
}

/// Pins and links of all regions, and the region's own records and accounts: no more than its user
/// may read.
fn watched(keys: &Keyspace, region: &RegionId) -> Vec<Span> {
    let prefixes = [
        Key::from_text("pins/"),
        Key::from_text("chain/"),
        Key::apps(region),
        Key::accounts(region),
    ];
    prefixes.iter().map(|prefix| keys.below(prefix)).collect()
}

impl Drop for EtcdStore {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Etcd {
    /// What these operations find, as one consistent state.
    async fn reads(&self, ops: Vec<Op>) -> Result<Vec<RangeAnswer>, Failed> {
        let count = ops.len();
        let transaction = Transaction {
            compare: Vec::new(),
            success: ops,
            failure: Vec::new(),
        };
        let reply = self.cluster.call("/v3/kv/txn", &transaction).await?;
        let answer: TransactionAnswer = reply.answer;
        let found = answer.responses.into_iter();
        let found: Vec<_> = found
            .map(|one| one.response_range.unwrap_or_default())
            .collect();
        if found.len() != count {
            return Err(Failed::surely(EtcdError::Unreadable));
        }
        let entries = found.iter().flat_map(|answer| &answer.kvs);
        let entries = entries.filter(|entry| self.keys.is_remembered(&entry.key));
        if let Some(newest) = entries.map(|entry| entry.mod_revision.0).max() {
            self.progress.read(newest);
        }
        Ok(found)
    }

    async fn values(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, Failed> {
        let mut values = Vec::with_capacity(keys.len());
        // The state that the first request found is what the others read.
        let mut revision = Number::default();
        for some in keys.chunks(KEYS) {
            let raw: Vec<Raw> = some.iter().map(|key| self.keys.raw(key)).collect();
            let get = |key: &Raw| {
                Op::Range(Range {
                    key: key.clone(),
                    revision,
                    ..Range::default()
                })
            };
            let found = self.reads(raw.iter().map(get).collect()).await?;
            if let Some(first) = found.first() {
                revision = first.header.revision;
            }
            let value = |(key, answer): (&Raw, RangeAnswer)| {
                let entry = answer.kvs.into_iter().find(|entry| entry.key == *key);
                entry.map(|entry| entry.value.0)
            };
            values.extend(raw.iter().zip(found).map(value));
        }
        Ok(values)
    }

    /// Pages of one consistent state, smaller ones if the entries are large.
    async fn entries(
        &self,
        prefix: &Key,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<Entry>, Failed> {
        let mut windows = self.keys.windows(prefix, after.as_ref());
        let mut found: Vec<Entry> = Vec::new();
        let mut page = PAGE;
        let mut revision = Number::default();
        while found.len() < limit {
            let wanted = page.min(limit - found.len());
            let range = Range {
                revision,
                ..windows.span().range(wanted)
            };
            let answer = match self.reads(vec![Op::Range(range)]).await {
                Err(failed) if failed.error == EtcdError::TooLarge && page > 1 => {
                    page /= 2;
                    continue;
                }
                answer => answer?.into_iter().next().unwrap_or_default(),
            };
            revision = answer.header.revision;
            match answer.kvs.last() {
                Some(last) if answer.kvs.len() >= wanted => windows.goes_on_behind(&last.key),
                _ if windows.goes_on() => {}
                _ => {
                    found.extend(self.keys.entries(answer));
                    break;
                }
            }
            found.extend(self.keys.entries(answer));
        }
        Ok(found)
    }

    async fn count(&self, prefix: &Key) -> Result<u64, Failed> {
        let range = Range {
            count_only: true,
            ..self.keys.below(prefix).range(0)
        };
        let found = self.reads(vec![Op::Range(range)]).await?;
        let count = found.first().map_or(0, |answer| answer.count.0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn write_regions(&self, was: Option<Vec<u8>>, regions: Vec<u8>) -> Result<bool, Failed> {
        let key = self.keys.raw(&Key::regions());
        let compare = match was {
            None => Compare::absent(key.clone()),
            Some(was) => Compare::equals(key.clone(), Raw(was)),
        };
        let value = Raw(regions);
        let transaction = Transaction {
            compare: vec![compare],
            success: vec![Op::Put { key, value }],
            failure: Vec::new(),
        };
        let reply = self.cluster.call("/v3/kv/txn", &transaction).await?;
        let answer: TransactionAnswer = reply.answer;
        Ok(answer.succeeded)
    }

    /// What the callers of the store need to know of an answer.
    fn said<T>(&self, doing: &'static str, answer: Result<T, Failed>) -> Result<T, Unavailable> {
        match answer {
            Ok(answer) => {
                self.troubles.over();
                Ok(answer)
            }
            Err(failed) => {
                self.troubles.met(doing, &failed.error);
                Err(Unavailable)
            }
        }
    }
}

impl Store for EtcdStore {
    fn read(&self, keys: Vec<Key>) -> Asked<'_, Vec<Option<Vec<u8>>>> {
        async move {
            let values = self.etcd.values(&keys).await;
            self.etcd.said("reading", values)
        }
        .boxed()
    }

    fn range(&self, prefix: Key, after: Option<Key>, limit: usize) -> Asked<'_, Vec<Entry>> {
        async move {
            let entries = self.etcd.entries(&prefix, after, limit).await;
            self.etcd.said("reading", entries)
        }
        .boxed()
    }

    fn count_apps(&self, region: &RegionId) -> Asked<'_, u64> {
        let prefix = Key::apps(region);
        async move {
            let count = self.etcd.count(&prefix).await;
            self.etcd.said("counting", count)
        }
        .boxed()
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Link, CommitError>> {
        self.etcd.commit_txn(txn).boxed()
    }

    fn newest_link(&self, region: &RegionId) -> Asked<'_, Option<Link>> {
        let region = region.clone();
        async move {
            let newest = self.etcd.newest(&region).await;
            let newest = self.etcd.said("reading the chain", newest)?;
            Ok(newest.map(|head| head.link))
        }
        .boxed()
    }

    fn link(&self, region: &RegionId, n: u64) -> Asked<'_, Option<Link>> {
        let (region, key) = (region.clone(), Key::link(region, n));
        async move {
            let values = self.etcd.values(std::slice::from_ref(&key)).await;
            let values = self.etcd.said("reading the chain", values)?;
            let value = values.into_iter().next().flatten();
            let link = value.map(|value| Link::read(&region, &key, &value));
            link.transpose()
        }
        .boxed()
    }

    fn listen(&self, listener: Weak<dyn Listener>) {
        self.etcd.listeners.add(listener);
    }

    fn put_admin(
        &self,
        was: Option<Vec<u8>>,
        regions: Vec<u8>,
    ) -> BoxFuture<'_, Result<(), CommitError>> {
        async move {
            let written = self.etcd.write_regions(was, regions).await;
            match self.etcd.said("writing the regions", written)? {
                true => Ok(()),
                false => Err(CommitError::Conflict),
            }
        }
        .boxed()
    }

    fn import(&self, import: Import) -> Importing<'_> {
        async move {
            let written = self.etcd.import_part(import).await;
            self.etcd.listeners.missed();
            written
        }
        .boxed()
    }

    fn trouble(&self) -> Option<&'static str> {
        let calls = self.etcd.troubles.brief();
        calls.or_else(|| self.etcd.silence.brief())
    }
}
