//! Values that an older key has sealed, found and sealed anew. Their places stay: names are hidden with
//! the store's own key, and ids are plain.

use redb::{ReadableDatabase, ReadableTable, TableDefinition};

use super::cipher::Keyspace;
use super::transaction::{Edit, View, table};
use super::{Store, StoreError};

/// The first entries of a range.
pub(crate) struct Looked {
    /// Where something is that an older key has sealed.
    pub(crate) stale: Vec<Vec<u8>>,
    /// How many entries the newest key has sealed.
    pub(crate) fresh: u64,
    /// How many entries none of the file's keys has sealed.
    pub(crate) unknown: u64,
    /// Where it goes on.
    pub(crate) rest: Option<Vec<u8>>,
}

impl View<'_> {
    /// Looks at the entries from a place on, at most so many that `limit` of them are stale.
    pub(crate) fn look(
        &self,
        keyspace: Keyspace,
        from: &[u8],
        limit: usize,
    ) -> Result<Looked, StoreError> {
        let table = self.transaction.open_table(table(keyspace))?;
        let (mut stale, mut fresh, mut unknown) = (Vec::new(), 0, 0);
        for (seen, entry) in table.range(from..)?.enumerate() {
            let (place, value) = entry?;
            if stale.len() == limit || seen == LOOK {
                let rest = Some(place.value().to_vec());
                return Ok(Looked {
                    stale,
                    fresh,
                    unknown,
                    rest,
                });
            }
            match self.cipher.age(value.value()) {
                Some(0) => fresh += 1,
                Some(_) => stale.push(place.value().to_vec()),
                None => unknown += 1,
            }
        }
        Ok(Looked {
            stale,
            fresh,
            unknown,
            rest: None,
        })
    }
}

impl Edit<'_> {
    /// Seals what is at these places under the newest key. Gives the ages of what does not open, which
    /// stays as it is.
    pub(crate) fn seal_anew(
        &self,
        keyspace: Keyspace,
        places: &[Vec<u8>],
    ) -> Result<Vec<usize>, StoreError> {
        let mut table = self.transaction.open_table(table(keyspace))?;
        let mut closed = Vec::new();
        for place in places {
            let Some(sealed) = table.get(place.as_slice())?.map(|v| v.value().to_vec()) else {
                continue;
            };
            match self.cipher.open(keyspace, place, &sealed) {
                Ok(plain) => {
                    let sealed = self.cipher.seal(keyspace, place, &plain)?;
                    table.insert(place.as_slice(), sealed.as_slice())?;
                }
                Err(_) => closed.extend(self.cipher.age(&sealed)),
            }
        }
        Ok(closed)
    }

    /// From now on only these keys may have sealed anything, by their marks.
    pub(crate) fn keep_marks(&self, marks: &[Vec<u8>]) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(MARKS)?;
        table.retain(|mark, _| marks.iter().any(|kept| kept == mark))?;
        Ok(())
    }
}

impl Store {
    /// Whether a key besides the newest has ever sealed what may still be here.
    pub(crate) fn may_have_older(&self) -> Result<bool, StoreError> {
        self.shared.file.read(|database| {
            let marks = database.begin_read()?.open_table(MARKS)?;
            Ok(redb::ReadableTableMetadata::len(&marks)? > 1)
        })
    }
}

/// The keys that may have sealed something here: a key's mark, and its id.
pub(super) const MARKS: TableDefinition<'static, &[u8], &str> = TableDefinition::new("keys");
/// Entries that are looked at in one go.
const LOOK: usize = 5_000;
