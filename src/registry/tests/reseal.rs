//! A seal key is replaced while Apps are served and changed.

use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::kit::{World, id, key, pin_key, registered, seal_key};
use crate::config::{KeyFile, SealKey};
use crate::domain::RegionId;
use crate::registry::suite::Backend;
use crate::registry::transfer::{Import, Importing};
use crate::registry::{
    Asked, CommitError, Entry, FileKeys, Key, Link, Listener, NewAccount, OpenError, Registry,
    Role, Sealed, Status, Store, Txn, WrongKey,
};

const HOME: &str = "frankfurt";

fn keys(names: &[&str]) -> KeyFile<SealKey> {
    KeyFile {
        keys: names.iter().map(|name| seal_key(name)).collect(),
    }
}

struct Rotating {
    world: World,
    keys: Arc<FileKeys>,
    registry: Arc<Registry>,
}

impl Rotating {
    async fn new(backend: Arc<dyn Backend>) -> Self {
        Self::over(backend, |store| store).await
    }

    async fn over(
        backend: Arc<dyn Backend>,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        let mut world = World::new(backend).await;
        world.store = wrap(Arc::clone(&world.store));
        let keys = Arc::new(FileKeys::new(keys(&["old"]), &pin_key(HOME)).unwrap());
        let mut parts = world.parts(HOME);
        parts.keys = Arc::clone(&keys) as _;
        let registry = Registry::open(parts).await.unwrap();
        for n in 0..70 {
            registered(
                &registry,
                id(&format!("{n:x}")),
                key(&format!("acme#app{n}")),
            )
            .await;
        }
        registry.create_account(owner()).await.unwrap();
        Self {
            world,
            keys,
            registry,
        }
    }

    async fn opened_with(&self, names: &[&str]) -> Result<Arc<Registry>, OpenError> {
        let mut parts = self.world.parts(HOME);
        parts.keys = Arc::new(FileKeys::new(keys(names), &pin_key(HOME)).unwrap());
        Registry::open(parts).await
    }

    async fn stored(&self) -> Vec<Entry> {
        let apps = Key::from_text("apps/");
        self.world
            .store
            .range(apps, None, usize::MAX)
            .await
            .unwrap()
    }
}

fn owner() -> NewAccount {
    NewAccount {
        name: "ann".to_owned(),
        role: Role::Owner,
        apps: Vec::new(),
        orgs: Vec::new(),
        allow_from: Vec::new(),
        key_hash: "ab".repeat(32),
    }
}

fn sealed(records: u64, accounts: u64) -> Sealed {
    Sealed { records, accounts }
}

pub async fn all_goes_under_the_newest_key_and_says_the_same(backend: Arc<dyn Backend>) {
    let it = Rotating::new(backend).await;
    let before = it.registry.app(&id("7")).await.unwrap();
    it.keys.replace(keys(&["new", "old"])).unwrap();
    let walk = it.registry.reseal().await.unwrap();
    assert_eq!((walk.resealed, walk.unopened, walk.passed), (71, 0, 0));
    assert_eq!(walk.census, [("new-seal".to_owned(), sealed(70, 1))].into());
    assert_eq!(it.registry.reseal().await.unwrap().resealed, 0);
    // The old key is not needed any more, and nothing of what was sealed has changed.
    let alone = it.opened_with(&["new"]).await.unwrap();
    let after = alone.app(&id("7")).await.unwrap();
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    assert_eq!(alone.accounts().await.unwrap().len(), 1);
    let page = alone.list(None, 100, &|_, _| true).await.unwrap();
    assert_eq!((page.items.len(), page.untrusted), (70, 0));
    assert!(page.items.iter().all(|app| app.revision == 1));
}

/// Another gateway writes into the batch after it was read. Control: without `equals` in the
/// transaction, its change is lost.
pub async fn a_change_in_the_midst_of_it_is_not_lost(backend: Arc<dyn Backend>) {
    let racing = Arc::new(Mutex::new(None));
    let wrapped = Arc::clone(&racing);
    let it = Rotating::over(backend, |inner| {
        let store = Arc::new(Racing {
            inner,
            before_commit: AtomicBool::new(false),
            rival: Mutex::new(None),
        });
        *wrapped.lock() = Some(Arc::clone(&store));
        store
    })
    .await;
    let racing = racing.lock().take().unwrap();
    let rival = it.opened_with(&["old"]).await.unwrap();
    *racing.rival.lock() = Some(rival);
    it.keys.replace(keys(&["new", "old"])).unwrap();
    racing.before_commit.store(true, Ordering::SeqCst);
    let walk = it.registry.reseal().await.unwrap();
    assert_eq!((walk.resealed, walk.passed), (70, 1));
    assert_eq!(walk.census["old-seal"], sealed(1, 0));
    assert_eq!(it.registry.reseal().await.unwrap().resealed, 1);
    let alone = it.opened_with(&["new"]).await.unwrap();
    let suspended = |_: &_, status| status == Status::Suspended;
    let page = alone.list(None, 100, &suspended).await.unwrap();
    assert_eq!(page.items.len(), 1, "the change was lost");
    assert_eq!(page.items[0].revision, 2);
}

pub async fn a_missing_or_a_wrong_key_is_told_at_the_start(backend: Arc<dyn Backend>) {
    let it = Rotating::new(backend).await;
    let missing = it.opened_with(&["new"]).await.err().unwrap();
    assert!(
        matches!(&missing, OpenError::WrongKey(WrongKey::Missing { id, texts: 71, tried: 71 }) if id == "old-seal"),
        "{missing}"
    );
    let mut parts = it.world.parts(HOME);
    let mut wrong = keys(&["new"]);
    wrong.keys[0].id = "old-seal".to_owned();
    parts.keys = Arc::new(FileKeys::new(wrong, &pin_key(HOME)).unwrap());
    let wrong = Registry::open(parts).await.err().unwrap();
    assert!(
        matches!(&wrong, OpenError::WrongKey(WrongKey::Other { id, texts: 71 }) if id == "old-seal"),
        "{wrong}"
    );
    assert!(it.opened_with(&["new", "old"]).await.is_ok());
}

/// A header with an unknown id, a nonce and a tag of another text: that one text is not believed,
/// all others are served, and it is neither lost nor sealed anew.
pub async fn altered_texts_stay_as_they_are(backend: Arc<dyn Backend>) {
    let it = Rotating::new(backend).await;
    let stored = it.stored().await;
    let damages: [(usize, &Damage); 3] = [
        (3, &|bytes| bytes[2..10].copy_from_slice(b"nobodys-")),
        (30, &|bytes| bytes[NONCE_AT] ^= 1),
        (69, &|bytes| *bytes.last_mut().unwrap() ^= 1),
    ];
    for (at, damage) in damages {
        let (place, mut bytes) = stored[at].clone();
        damage(&mut bytes);
        it.world.backend.tamper(place, Some(bytes)).await;
    }
    let damaged = it.stored().await;
    it.keys.replace(keys(&["new", "old"])).unwrap();
    let walk = it.registry.reseal().await.unwrap();
    assert_eq!((walk.resealed, walk.unopened), (68, 3));
    assert_eq!(walk.census["nobodys-"], sealed(1, 0));
    assert_eq!(walk.census["old-seal"], sealed(2, 0));
    let after = it.stored().await;
    for at in [3, 30, 69] {
        assert_eq!(after[at], damaged[at]);
    }
    let again = it.opened_with(&["new", "old"]).await.unwrap();
    let page = again.list(None, 100, &|_, _| true).await.unwrap();
    assert_eq!((page.items.len(), page.untrusted), (67, 3));
}

/// Where the nonce of a text starts that the key `old-seal` sealed.
const NONCE_AT: usize = 2 + "old-seal".len() + 8 + 32;

type Damage = dyn Fn(&mut Vec<u8>);

/// Has a rival change one App, once, between a batch's reading and its commit.
struct Racing {
    inner: Arc<dyn Store>,
    before_commit: AtomicBool,
    rival: Mutex<Option<Arc<Registry>>>,
}

impl Store for Racing {
    fn read(&self, keys: Vec<Key>) -> Asked<'_, Vec<Option<Vec<u8>>>> {
        self.inner.read(keys)
    }

    fn range(&self, prefix: Key, after: Option<Key>, limit: usize) -> Asked<'_, Vec<Entry>> {
        self.inner.range(prefix, after, limit)
    }

    fn count_apps(&self, region: &RegionId) -> Asked<'_, u64> {
        self.inner.count_apps(region)
    }

    fn commit(&self, txn: Txn) -> BoxFuture<'_, Result<Link, CommitError>> {
        Box::pin(async move {
            if txn.puts().len() > 10 && self.before_commit.swap(false, Ordering::SeqCst) {
                let rival = self.rival.lock().take().unwrap();
                rival.suspend(&id("7"), None).await.unwrap();
            }
            self.inner.commit(txn).await
        })
    }

    fn newest_link(&self, region: &RegionId) -> Asked<'_, Option<Link>> {
        self.inner.newest_link(region)
    }

    fn link(&self, region: &RegionId, n: u64) -> Asked<'_, Option<Link>> {
        self.inner.link(region, n)
    }

    fn listen(&self, listener: Weak<dyn Listener>) {
        self.inner.listen(listener);
    }

    fn put_admin(
        &self,
        was: Option<Vec<u8>>,
        regions: Vec<u8>,
    ) -> BoxFuture<'_, Result<(), CommitError>> {
        self.inner.put_admin(was, regions)
    }

    fn import(&self, import: Import) -> Importing<'_> {
        self.inner.import(import)
    }
}
