//! Putting a region's part into the file: one redb transaction beside the writer's, which waits for
//! it.

use redb::{Database, ReadableTable};

use super::embedded_tables::Tables;
use super::store::{Key, Unavailable};
use super::transfer::{Import, ImportError, is_in_part, prefixes};

/// Writes all entries or none, and says how many.
pub(super) fn import(database: &Database, import: Import) -> Result<u64, ImportError> {
    let txn = database.begin_write().map_err(unwritten)?;
    let written = {
        let mut tables = Tables::open(&txn).map_err(unwritten)?;
        write(&mut tables, import)?
    };
    txn.commit().map_err(unwritten)?;
    Ok(written)
}

fn write(tables: &mut Tables<'_>, import: Import) -> Result<u64, ImportError> {
    let Import { region, entries } = import;
    for prefix in prefixes(&region) {
        let mut range = tables.entries.range(prefix.as_str()..).map_err(unwritten)?;
        let first = range.next();
        let first = first.transpose().map_err(unwritten)?;
        let is_taken =
            |(key, _): (redb::AccessGuard<'_, &str>, _)| key.value().starts_with(prefix.as_str());
        if first.is_some_and(is_taken) {
            return Err(ImportError::NotEmpty);
        }
    }
    let mut written = 0;
    for entry in entries {
        let (key, value) = entry?;
        if !is_in_part(&region, &key) {
            return Err(ImportError::Foreign);
        }
        // What all regions share stays as it is.
        let is_shared = key == Key::regions();
        let stored = |key: &Key| Ok(tables.entries.get(key.as_str())?.is_some());
        if is_shared && stored(&key).map_err(|e: redb::Error| unwritten(e))? {
            continue;
        }
        tables.put(&key, &value).map_err(unwritten)?;
        written += 1;
    }
    Ok(written)
}

fn unwritten(error: impl Into<redb::Error>) -> ImportError {
    let error = error.into();
    tracing::error!(%error, "the embedded registry cannot be written");
    Unavailable.into()
}
