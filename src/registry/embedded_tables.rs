//! The tables of the embedded registry's file: its entries, and how many records each region has,
//! so that nobody has to read a million of them to say so.

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::store::Key;
use crate::domain::RegionId;

pub(super) const ENTRIES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("entries");

/// How many records stand below `apps/{region}/`.
const COUNTS: TableDefinition<'static, &str, u64> = TableDefinition::new("counts");

/// Both tables, inside one transaction that writes.
pub(super) struct Tables<'txn> {
    pub entries: Table<'txn, &'static str, &'static [u8]>,
    counts: Table<'txn, &'static str, u64>,
}

impl<'txn> Tables<'txn> {
    pub(super) fn open(txn: &'txn WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            entries: txn.open_table(ENTRIES)?,
            counts: txn.open_table(COUNTS)?,
        })
    }

    pub(super) fn put(&mut self, key: &Key, value: &[u8]) -> Result<(), redb::Error> {
        let is_new = self.entries.insert(key.as_str(), value)?.is_none();
        match records(key.as_str()) {
            Some(region) if is_new => add(&mut self.counts, region, 1),
            _ => Ok(()),
        }
    }
}

/// Makes the tables of a new file. The records of a file from before they were counted are counted
/// now.
pub(super) fn make(database: &Database) -> Result<(), redb::Error> {
    let txn = database.begin_read()?;
    if txn.open_table(ENTRIES).is_ok() && txn.open_table(COUNTS).is_ok() {
        return Ok(());
    }
    let txn = database.begin_write()?;
    {
        let Tables {
            entries,
            mut counts,
        } = Tables::open(&txn)?;
        for entry in entries.iter()? {
            let (key, _) = entry?;
            if let Some(region) = records(key.value()) {
                add(&mut counts, region, 1)?;
            }
        }
    }
    Ok(txn.commit()?)
}

/// How many records the region has.
pub(super) fn count(database: &Database, region: &RegionId) -> Result<u64, redb::Error> {
    let counts = database.begin_read()?.open_table(COUNTS)?;
    let count = counts.get(Key::apps(region).as_str())?;
    Ok(count.map_or(0, |count| count.value()))
}

/// `apps/{region}/`, of a record's key.
fn records(key: &str) -> Option<&str> {
    let (region, _) = key.starts_with("apps/").then(|| key.rsplit_once('/'))??;
    key.get(..=region.len())
}

fn add(
    counts: &mut Table<'_, &'static str, u64>,
    region: &str,
    more: u64,
) -> Result<(), redb::Error> {
    let count = counts.get(region)?.map_or(0, |count| count.value());
    counts.insert(region, count + more)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    fn database() -> Database {
        let builder = Database::builder();
        builder.create_with_backend(InMemoryBackend::new()).unwrap()
    }

    fn put(database: &Database, keys: &[&str]) {
        let txn = database.begin_write().unwrap();
        let mut tables = Tables::open(&txn).unwrap();
        for key in keys {
            tables.put(&Key::from_text(key), b"x").unwrap();
        }
        drop(tables);
        txn.commit().unwrap();
    }

    fn counted(database: &Database, region: &str) -> u64 {
        count(database, &RegionId::parse(region).unwrap()).unwrap()
    }

    #[test]
    fn each_record_counts_once_and_for_its_region() {
        let database = database();
        make(&database).unwrap();
        put(&database, &["apps/frankfurt/a", "pins/frankfurt/a"]);
        put(&database, &["apps/frankfurt/a", "apps/frankfurt/b"]);
        put(&database, &["apps/virginia/a", "regions"]);
        assert_eq!(counted(&database, "frankfurt"), 2);
        assert_eq!(counted(&database, "virginia"), 1);
        assert_eq!(counted(&database, "singapore"), 0);
    }

    #[test]
    fn a_file_from_before_is_counted_when_it_is_opened() {
        let database = database();
        let txn = database.begin_write().unwrap();
        let mut entries = txn.open_table(ENTRIES).unwrap();
        for key in ["apps/frankfurt/a", "apps/frankfurt/b", "chain/frankfurt/1"] {
            entries.insert(key, &b"x"[..]).unwrap();
        }
        drop(entries);
        txn.commit().unwrap();
        make(&database).unwrap();
        assert_eq!(counted(&database, "frankfurt"), 2);
        make(&database).unwrap();
        assert_eq!(counted(&database, "frankfurt"), 2);
    }
}
