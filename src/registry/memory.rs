//! What one gateway remembers of the registry.
//!
//! An answer may be remembered only if nothing was written to its App since it was read. Each
//! write that this process hears of moves an epoch on, under the lock that guards remembering.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::distrust::Distrust;
use super::known::{Home, Known};
use super::loads::Loads;
use super::names::Hash;
use super::pin::Pin;
use super::store::{Key, Listener};
use crate::domain::{AppId, AppKey, RegionId, ZoneId};

/// A verified answer, and what its AppKey's pin says.
pub(super) struct Remembered {
    pub(super) known: Arc<Known>,
    pub(super) region: RegionId,
    pub(super) zone: ZoneId,
    pub(super) pair: Hash,
}

pub(super) struct Memory {
    region: RegionId,
    /// By AppKey hash.
    known: Cache<Hash, Arc<Remembered>>,
    /// By App ID hash. Pins never change, so neither does this.
    ids: Cache<Hash, (AppId, AppKey)>,
    /// By exact hash: names that nobody has registered.
    absent: Cache<Hash, Absence>,
    absent_for: Duration,
    shards: Box<[Mutex<Epoch>]>,
    accounts: AtomicU64,
    counts: Arc<Counts>,
    /// Apps that were known and have changed. What finds no room is read at its next request.
    changed: mpsc::Sender<AppKey>,
    pub(super) loads: Loads,
}

impl Remembered {
    /// Whether the App ID's pin says the same as the AppKey's.
    pub(super) fn agrees(&self, id: &Pin) -> Result<(), Distrust> {
        let id = id.says();
        let same = id.region == self.region && id.zone == self.zone && id.pair == self.pair;
        if same {
            Ok(())
        } else {
            Err(Distrust::UnequalPins)
        }
    }
}

/// How often names of a shard were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Epoch(u64);

#[derive(Clone, Copy)]
struct Absence {
    epoch: Epoch,
    /// Unix milliseconds.
    since: u64,
}

#[derive(Default)]
struct Counts {
    home: AtomicI64,
    elsewhere: AtomicI64,
}

const SHARDS: usize = 1_024;

/// Changed Apps that may wait to be read again.
pub(super) const CHANGED: usize = 16_384;

/// SPEC 7: misses are remembered at most this long.
const ABSENT_AT_MOST: Duration = Duration::from_secs(5);

impl Memory {
    pub(super) fn new(
        region: RegionId,
        capacity: u64,
        negative_ttl: Duration,
        changed: mpsc::Sender<AppKey>,
    ) -> Self {
        let counts = Arc::new(Counts::default());
        let absent_for = negative_ttl.min(ABSENT_AT_MOST);
        Self {
            region,
            known: known_cache(capacity, &counts),
            ids: Cache::new(capacity),
            absent: Cache::builder()
                .max_capacity(capacity)
                .time_to_live(ABSENT_AT_MOST)
                .build(),
            absent_for,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            accounts: AtomicU64::new(0),
            counts,
            changed,
            loads: Loads::default(),
        }
    }

    pub(super) fn capacity(&self) -> u64 {
        self.known.policy().max_capacity().unwrap_or(u64::MAX)
    }

    pub(super) fn known(&self, hash: &Hash) -> Option<Arc<Remembered>> {
        self.known.get(hash)
    }

    pub(super) fn id(&self, hash: &Hash) -> Option<(AppId, AppKey)> {
        self.ids.get(hash)
    }

    pub(super) fn remember_id(&self, hash: Hash, id: AppId, key: AppKey) {
        self.ids.insert(hash, (id, key));
    }

    /// Take it before reading the store.
    pub(super) fn epoch(&self, hash: &Hash) -> Epoch {
        *self.shard(hash).lock()
    }

    /// Remembers what was read after `epoch`. An answer that is no longer current is marked stale
    /// instead, so that nobody keeps it; an App of this region is read again, since the write that
    /// overtook this answer may have found nothing to replace.
    pub(super) fn remember(&self, hash: Hash, epoch: Epoch, answer: &Arc<Remembered>) {
        let now = self.shard(&hash).lock();
        if *now != epoch {
            answer.known.mark_stale();
            if matches!(answer.known.home, Home::Here(_)) {
                let _full = self.changed.try_send(answer.known.app_key);
            }
            return;
        }
        if let Some(old) = self.known.get(&hash) {
            old.known.mark_stale();
        }
        self.counts.add(&answer.known, 1);
        self.known.insert(hash, Arc::clone(answer));
    }

    pub(super) fn remember_absence(&self, exact: Hash, epoch: Epoch, now: u64) {
        self.absent.insert(exact, Absence { epoch, since: now });
    }

    pub(super) fn is_absent(&self, exact: &Hash, epoch: Epoch, now: u64) -> bool {
        let Some(absence) = self.absent.get(exact) else {
            return false;
        };
        let age = now.checked_sub(absence.since).map(Duration::from_millis);
        absence.epoch == epoch && age.is_some_and(|age| age < self.absent_for)
    }

    /// Moves on with every write to an account of this region.
    pub(super) fn accounts_epoch(&self) -> u64 {
        self.accounts.load(Ordering::Acquire)
    }

    /// Home, elsewhere and absent entries.
    pub(super) fn entries(&self) -> (u64, u64, u64) {
        let (home, elsewhere) = self.counts.read();
        (home, elsewhere, self.absent.entry_count())
    }

    fn shard(&self, hash: &Hash) -> &Mutex<Epoch> {
        let bytes = hash.as_bytes();
        let index = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
        &self.shards[index % SHARDS]
    }

    /// A verified pin stays true, so an App that lives here stays known. Where another region was
    /// said to be home, that region may have taken back what it should not have written.
    fn pin_written(&self, hash: &Hash) {
        self.shard(hash).lock().0 += 1;
        if let Some(old) = self.known.get(hash)
            && matches!(old.known.home, Home::Elsewhere(_))
        {
            old.known.mark_stale();
        }
    }

    fn record_written(&self, hash: &Hash) {
        let mut epoch = self.shard(hash).lock();
        epoch.0 += 1;
        if let Some(old) = self.known.remove(hash) {
            old.known.mark_stale();
            // Nor does anybody refresh when the gateway is going down.
            let _full = self.changed.try_send(old.known.app_key);
        }
    }
}

impl Listener for Memory {
    fn changed(&self, keys: &[Key]) {
        for key in keys {
            let mut parts = key.as_str().splitn(3, '/');
            let parts = (parts.next(), parts.next(), parts.next());
            let (Some(kind), Some(region), Some(name)) = parts else {
                continue;
            };
            match (kind, region == self.region.as_str(), Hash::parse(name)) {
                ("pins", _, Some(hash)) => self.pin_written(&hash),
                ("apps", true, Some(hash)) => self.record_written(&hash),
                ("accounts", true, _) => {
                    self.accounts.fetch_add(1, Ordering::AcqRel);
                }
                _ => {}
            }
        }
    }

    fn missed(&self) {
        for shard in &self.shards {
            shard.lock().0 += 1;
        }
        self.accounts.fetch_add(1, Ordering::AcqRel);
        // They stay in memory: if the store is away again, known Apps go on.
        for (_, remembered) in &self.known {
            remembered.known.mark_stale();
        }
    }
}

fn known_cache(capacity: u64, counts: &Arc<Counts>) -> Cache<Hash, Arc<Remembered>> {
    let counts = Arc::clone(counts);
    let evicted = move |_: Arc<Hash>, old: Arc<Remembered>, _| {
        old.known.mark_stale();
        counts.add(&old.known, -1);
    };
    let builder = Cache::builder().max_capacity(capacity);
    builder.eviction_listener(evicted).build()
}

impl Counts {
    fn add(&self, known: &Known, by: i64) {
        let count = match known.home {
            Home::Here(_) => &self.home,
            Home::Elsewhere(_) => &self.elsewhere,
        };
        count.fetch_add(by, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64) {
        let read = |n: &AtomicI64| u64::try_from(n.load(Ordering::Relaxed)).unwrap_or(0);
        (read(&self.home), read(&self.elsewhere))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::names::key_hash;

    const CAPACITY: u64 = 100;

    fn region(name: &str) -> RegionId {
        RegionId::parse(name).unwrap()
    }

    fn memory() -> (Memory, mpsc::Receiver<AppKey>) {
        let (sender, changed) = mpsc::channel(CHANGED);
        let memory = Memory::new(region("frankfurt"), CAPACITY, ABSENT_AT_MOST, sender);
        (memory, changed)
    }

    fn key(n: usize) -> AppKey {
        AppKey::new("acme", &format!("app-{n}")).unwrap()
    }

    fn remember(memory: &Memory, n: usize) -> Hash {
        let hash = key_hash(&key(n));
        let found = Remembered {
            known: Arc::new(Known::new(key(n), Home::Elsewhere(region("virginia")))),
            region: region("virginia"),
            zone: ZoneId::parse("va1").unwrap(),
            pair: hash,
        };
        memory.remember(hash, memory.epoch(&hash), &Arc::new(found));
        hash
    }

    /// Control: the capacity of each cache. What is over it waits for moka's own housekeeping, which
    /// comes along with every few hundred writes.
    #[test]
    fn no_more_is_remembered_than_fits() {
        let (memory, _changed) = memory();
        let id = AppId::parse(&"0".repeat(32)).unwrap();
        for n in 0..100 * usize::try_from(CAPACITY).unwrap() {
            let hash = remember(&memory, n);
            memory.remember_id(hash, id, key(n));
            memory.remember_absence(hash, memory.epoch(&hash), 0);
            if n % 500 == 0 {
                let (known, ids) = (memory.known.iter().count(), memory.ids.iter().count());
                let most = known.max(ids).max(memory.absent.iter().count());
                assert!(most < 2_000, "{most} after {n}");
            }
        }
        memory.known.run_pending_tasks();
        memory.ids.run_pending_tasks();
        memory.absent.run_pending_tasks();
        let (home, elsewhere, absent) = memory.entries();
        assert_eq!((home, elsewhere), (0, CAPACITY));
        assert_eq!(memory.ids.entry_count(), CAPACITY);
        // Of these some may have been forgotten by now.
        assert!(absent <= CAPACITY);
    }

    /// Control: the queue's bound. Nobody waits at it: who is not read again in advance is read when
    /// asked for.
    #[test]
    fn changed_apps_that_nobody_reads_again_do_not_pile_up() {
        let (memory, changed) = memory();
        for n in 0..CHANGED + 500 {
            let hash = remember(&memory, n);
            memory.record_written(&hash);
        }
        assert_eq!(changed.len(), CHANGED);
    }
}
