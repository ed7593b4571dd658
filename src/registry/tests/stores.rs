//! What every store does.

use std::sync::Arc;

use super::kit::{World, catalogue, region};
use crate::registry::suite::Backend;
use crate::registry::{
    Broken, CommitError, Entry, Export, Hash, Import, ImportError, Key, Link, Place, Txn,
    ensure_regions, has_part,
};

pub async fn a_transaction_is_all_or_nothing(backend: Arc<dyn Backend>) {
    let store = backend.store();
    let home = region("frankfurt");
    let (a, b) = (Key::account(&home, "a"), Key::account(&home, "b"));
    let place = |name: &str| Place::Account(name.to_owned());
    let first = Txn::new(home.clone())
        .absent(a.clone())
        .put(&place("a"), b"1".to_vec());
    store.commit(first.clone()).await.unwrap();
    assert_eq!(store.commit(first).await, Err(CommitError::Conflict));

    let mixed = Txn::new(home.clone())
        .put(&place("b"), b"1".to_vec())
        .equals(a.clone(), b"2".to_vec());
    assert_eq!(store.commit(mixed).await, Err(CommitError::Conflict));
    let there = store.read(vec![a.clone(), b.clone()]).await.unwrap();
    assert_eq!(there, [Some(b"1".to_vec()), None]);

    let right = Txn::new(home.clone())
        .put(&place("a"), b"2".to_vec())
        .put(&place("b"), b"2".to_vec())
        .equals(a.clone(), b"1".to_vec());
    store.commit(right).await.unwrap();
    let there = store.read(vec![b, a]).await.unwrap();
    assert_eq!(there, [Some(b"2".to_vec()), Some(b"2".to_vec())]);
}

pub async fn ranges_stay_in_their_prefix(backend: Arc<dyn Backend>) {
    let store = backend.store();
    for (home, names) in [
        ("beijing", "xyz"),
        ("frankfurt", "cab"),
        ("virginia", "xyz"),
    ] {
        for name in names.chars().map(String::from) {
            let txn = Txn::new(region(home)).put(&Place::Account(name.clone()), name.into_bytes());
            store.commit(txn).await.unwrap();
        }
    }
    let home = region("frankfurt");
    let prefix = Key::accounts(&home);
    let all = store.range(prefix.clone(), None, 10).await.unwrap();
    let names: Vec<&str> = all.iter().filter_map(|(k, _)| k.after(&prefix)).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let behind = store
        .range(prefix.clone(), Some(Key::account(&home, "a")), 1)
        .await;
    assert_eq!(behind.unwrap(), [(Key::account(&home, "b"), b"b".to_vec())]);
    let end = store
        .range(prefix, Some(Key::account(&home, "c")), 10)
        .await;
    assert_eq!(end.unwrap(), []);
}

pub async fn records_are_counted_once_and_for_their_region(backend: Arc<dyn Backend>) {
    let store = backend.store();
    let commit = async |home: &str, places: &[Place]| {
        let txn = Txn::new(region(home));
        let txn = places.iter().fold(txn, |txn, p| txn.put(p, b"x".to_vec()));
        store.commit(txn).await.unwrap();
    };
    let record = |n: u8| Place::App(Hash::parse(&format!("{n:064x}")).unwrap());
    let pin = |n: u8| Place::Pin(Hash::parse(&format!("{n:064x}")).unwrap());
    commit("frankfurt", &[record(1), pin(1), pin(2)]).await;
    commit("frankfurt", &[record(1), record(2)]).await;
    commit("virginia", &[record(3)]).await;
    let counted = async |home| store.count_apps(&region(home)).await;
    assert_eq!(counted("frankfurt").await, Ok(2));
    assert_eq!(counted("virginia").await, Ok(1));
    assert_eq!(counted("singapore").await, Ok(0));
}

pub async fn each_commit_adds_the_next_link(backend: Arc<dyn Backend>) {
    let store = backend.store();
    let home = region("frankfurt");
    let txn = |value: u8| Txn::new(home.clone()).put(&Place::Account("a".into()), vec![value]);
    assert_eq!(store.newest_link(&home).await, Ok(None));
    let first = store.commit(txn(1)).await.unwrap();
    let second = store.commit(txn(2)).await.unwrap();
    assert_eq!(first, Link::next(None, &txn(1)));
    assert_eq!(second, Link::next(Some(&first), &txn(2)));
    assert_eq!(store.newest_link(&home).await, Ok(Some(second)));
    assert_eq!(store.link(&home, 1).await, Ok(Some(first)));
    assert_eq!(store.link(&home, 3).await, Ok(None));
    assert_eq!(store.newest_link(&region("virginia")).await, Ok(None));
}

pub async fn regions_are_written_once(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    assert_eq!(
        ensure_regions(&*world.store, &world.catalogue).await,
        Ok(true)
    );
    let mut other = catalogue();
    other.regions.pop();
    assert_eq!(ensure_regions(&*world.store, &other).await, Ok(false));
}

fn import(entries: Vec<Result<Entry, Broken>>) -> Import {
    Import {
        region: region("frankfurt"),
        entries: Box::new(entries.into_iter()),
    }
}

fn account(home: &str, id: &str) -> Result<Entry, Broken> {
    Ok((Key::account(&region(home), id), id.as_bytes().to_vec()))
}

/// Control: a backup goes only where nothing of its region is, whole, and nowhere else.
pub async fn a_part_is_put_in_whole_where_there_is_none(backend: Arc<dyn Backend>) {
    let (store, home) = (backend.store(), region("frankfurt"));
    let other = Txn::new(region("virginia")).put(&Place::Account("v".into()), b"v".to_vec());
    store.commit(other).await.unwrap();
    for (entries, error) in [
        (
            vec![account("frankfurt", "a"), Err(Broken)],
            ImportError::Broken(Broken),
        ),
        (
            vec![account("frankfurt", "a"), account("virginia", "b")],
            ImportError::Foreign,
        ),
    ] {
        assert_eq!(store.import(import(entries)).await, Err(error));
        assert!(!has_part(&*store, &home).await.unwrap());
    }
    let entries = || vec![account("frankfurt", "a"), account("frankfurt", "b")];
    assert_eq!(store.import(import(entries())).await, Ok(2));
    let again = store.import(import(vec![account("frankfurt", "c")])).await;
    assert_eq!(again, Err(ImportError::NotEmpty));
    let there = Export::new(&*store, &home).next().await.unwrap();
    let wanted: Vec<Entry> = entries().into_iter().map(Result::unwrap).collect();
    assert_eq!(there, wanted);
}

/// Control: the list of regions is the store's administrator's.
pub async fn an_import_leaves_the_regions_as_they_are(backend: Arc<dyn Backend>) {
    let store = backend.store();
    store.put_admin(None, b"mine".to_vec()).await.unwrap();
    let entries = vec![
        Ok((Key::regions(), b"theirs".to_vec())),
        account("frankfurt", "a"),
    ];
    assert_eq!(store.import(import(entries)).await, Ok(1));
    let there = store.read(vec![Key::regions()]).await.unwrap();
    assert_eq!(there, [Some(b"mine".to_vec())]);
}
