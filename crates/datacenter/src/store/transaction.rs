//! Transactions: reading one state, and changing it.

use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::cipher::{Cipher, CipherError, Keyspace};
use super::key::{Key, Span};
use super::reseal::MARKS;

/// One state of the store.
pub(crate) struct View<'a> {
    pub(super) transaction: ReadTransaction,
    pub(super) cipher: &'a dyn Cipher,
}

/// One change of the store.
pub(crate) struct Edit<'a> {
    pub(super) transaction: WriteTransaction,
    pub(super) cipher: &'a dyn Cipher,
}

/// What stands at a key.
pub(crate) struct Entry<'a> {
    place: &'a [u8],
    value: &'a [u8],
    sealed: &'a Sealed<'a>,
}

/// Keys that were picked out of a range, and the part of it that was not looked at.
pub(crate) struct Picked {
    pub(crate) keys: Vec<Key>,
    pub(crate) rest: Option<Span>,
}

/// Which end of a range comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Rising,
    Falling,
}

impl<'a> View<'a> {
    pub(super) fn begin(
        database: &Database,
        cipher: &'a dyn Cipher,
    ) -> Result<View<'a>, StoreError> {
        let transaction = database.begin_read()?;
        Ok(View {
            transaction,
            cipher,
        })
    }

    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        keyspace: Keyspace,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        let table = self.transaction.open_table(table(keyspace))?;
        get(
            &table,
            &Sealed {
                keyspace,
                cipher: self.cipher,
            },
            key,
        )
    }

    /// At most `limit` values of a range.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        keyspace: Keyspace,
        span: &Span,
        order: Order,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let table = self.transaction.open_table(table(keyspace))?;
        scan(
            &table,
            &Sealed {
                keyspace,
                cipher: self.cipher,
            },
            span,
            order,
            limit,
        )
    }

    /// Looks at the first `limit` entries of a range, and picks out the wanted ones.
    pub(crate) fn pick(
        &self,
        keyspace: Keyspace,
        span: &Span,
        limit: usize,
        wanted: impl Fn(&Entry<'_>) -> Result<bool, StoreError>,
    ) -> Result<Picked, StoreError> {
        let table = self.transaction.open_table(table(keyspace))?;
        let cipher = self.cipher;
        let sealed = Sealed { keyspace, cipher };
        let range = span.places(cipher, keyspace);
        if range.is_empty() {
            let keys = Vec::new();
            return Ok(Picked { keys, rest: None });
        }
        let mut entries = table.range(range.start.as_slice()..range.end.as_slice())?;
        let mut keys = Vec::new();
        for _ in 0..limit {
            let Some(entry) = entries.next() else {
                return Ok(Picked { keys, rest: None });
            };
            let (key, value) = entry?;
            let entry = Entry {
                place: key.value(),
                value: value.value(),
                sealed: &sealed,
            };
            if wanted(&entry)? {
                keys.push(entry.key());
            }
        }
        let next = entries.next().transpose()?;
        let rest = next.map(|(key, _)| Span::Stored(key.value().to_vec()..range.end));
        Ok(Picked { keys, rest })
    }
}

impl Entry<'_> {
    /// As it was written or, where the value does not open, as it stands in the store.
    pub(crate) fn key(&self) -> Key {
        let plain = self.sealed.plain(self.place, self.value).ok();
        let key = plain.and_then(|plain| Key::read(&plain).map(|(key, _)| key));
        key.unwrap_or_else(|| Key::stored(self.place))
    }

    /// The id that its key ends with; nothing is opened for it.
    pub(crate) fn last_id(&self) -> Option<u64> {
        self.place.last_chunk().copied().map(u64::from_be_bytes)
    }

    pub(crate) fn open<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        self.sealed.open(self.place, self.value)
    }
}

impl<'a> Edit<'a> {
    pub(super) fn begin(
        database: &Database,
        cipher: &'a dyn Cipher,
    ) -> Result<Edit<'a>, StoreError> {
        let transaction = database.begin_write()?;
        Ok(Edit {
            transaction,
            cipher,
        })
    }

    pub(super) fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit()?)
    }

    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        keyspace: Keyspace,
        key: &Key,
    ) -> Result<Option<T>, StoreError> {
        let table = self.transaction.open_table(table(keyspace))?;
        get(
            &table,
            &Sealed {
                keyspace,
                cipher: self.cipher,
            },
            key,
        )
    }

    /// All values of a range.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        keyspace: Keyspace,
        span: &Span,
    ) -> Result<Vec<T>, StoreError> {
        self.first(keyspace, span, usize::MAX)
    }

    /// At most `limit` of them.
    pub(crate) fn first<T: DeserializeOwned>(
        &self,
        keyspace: Keyspace,
        span: &Span,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let table = self.transaction.open_table(table(keyspace))?;
        scan(
            &table,
            &Sealed {
                keyspace,
                cipher: self.cipher,
            },
            span,
            Order::Rising,
            limit,
        )
    }

    pub(crate) fn put<T: Serialize>(
        &self,
        keyspace: Keyspace,
        key: &Key,
        value: &T,
    ) -> Result<(), StoreError> {
        let mut plain = Vec::new();
        key.write(&mut plain).ok_or(StoreError::LongKey)?;
        serde_json::to_writer(&mut plain, value)?;
        let place = key.place(self.cipher, keyspace);
        let sealed = self.cipher.seal(keyspace, &place, &plain)?;
        let mut table = self.transaction.open_table(table(keyspace))?;
        table.insert(place.as_slice(), sealed.as_slice())?;
        Ok(())
    }

    pub(crate) fn remove(&self, keyspace: Keyspace, key: &Key) -> Result<(), StoreError> {
        let place = key.place(self.cipher, keyspace);
        self.transaction
            .open_table(table(keyspace))?
            .remove(place.as_slice())?;
        Ok(())
    }

    /// As [`Edit::remove`]; says whether there was anything, and sees to it that [`super::Store::renew`]
    /// takes its bytes out of the file.
    pub(crate) fn erase(&self, keyspace: Keyspace, key: &Key) -> Result<bool, StoreError> {
        let mut table = self.transaction.open_table(table(keyspace))?;
        let place = key.place(self.cipher, keyspace);
        let was_there = table.remove(place.as_slice())?.is_some();
        if was_there {
            self.mark_erased()?;
        }
        Ok(was_there)
    }

    /// As [`Edit::put`], and sees to it that the value before leaves the file.
    pub(crate) fn redact<T: Serialize>(
        &self,
        keyspace: Keyspace,
        key: &Key,
        value: &T,
    ) -> Result<(), StoreError> {
        self.put(keyspace, key, value)?;
        self.mark_erased()
    }

    fn mark_erased(&self) -> Result<(), StoreError> {
        let mut sequence = self.transaction.open_table(SEQUENCE)?;
        sequence.insert(ERASED, 1)?;
        Ok(())
    }

    /// Notes the time of a sweep. When it is further than `leap` behind the last one, it is not noted,
    /// and the last one is given.
    pub(crate) fn swept_at(&self, now: u64, leap: u64) -> Result<Option<u64>, StoreError> {
        let mut table = self.transaction.open_table(SEQUENCE)?;
        let last = table.get(SWEPT)?.map(|stored| stored.value());
        if let Some(last) = last.filter(|last| now.saturating_sub(*last) > leap) {
            return Ok(Some(last));
        }
        table.insert(SWEPT, now.max(last.unwrap_or(0)))?;
        Ok(None)
    }

    /// An id that no other has: milliseconds in front, a running number behind, so that ids sort by time.
    pub(crate) fn next_id(&self, now: u64) -> Result<u64, StoreError> {
        let mut table = self.transaction.open_table(SEQUENCE)?;
        let last = table.get(LAST)?.map_or(0, |stored| stored.value());
        let next = (last + 1) % (1 << SEQUENCE_BITS);
        table.insert(LAST, next)?;
        Ok(first_id_at(now) | next)
    }
}

/// The lowest id of a millisecond; the highest of all ids for times that have none.
pub(crate) fn first_id_at(unix_millis: u64) -> u64 {
    unix_millis.saturating_mul(1 << SEQUENCE_BITS)
}

pub(super) fn make_tables(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    for keyspace in Keyspace::ALL {
        transaction.open_table(table(keyspace))?;
    }
    transaction.open_table(SEQUENCE)?;
    transaction.open_table(SEALED)?;
    transaction.open_table(MARKS)?;
    Ok(transaction.commit()?)
}

/// How the values of one keyspace are opened.
struct Sealed<'a> {
    keyspace: Keyspace,
    cipher: &'a dyn Cipher,
}

impl Sealed<'_> {
    fn open<T: DeserializeOwned>(&self, place: &[u8], value: &[u8]) -> Result<T, StoreError> {
        let plain = self.plain(place, value)?;
        let (_, value) = Key::read(&plain).ok_or(CipherError::Open)?;
        Ok(serde_json::from_slice(value)?)
    }

    fn plain(&self, place: &[u8], value: &[u8]) -> Result<Vec<u8>, CipherError> {
        self.cipher.open(self.keyspace, place, value)
    }
}

fn get<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    sealed: &Sealed<'_>,
    key: &Key,
) -> Result<Option<T>, StoreError> {
    let place = key.place(sealed.cipher, sealed.keyspace);
    let found = table.get(place.as_slice())?;
    found
        .map(|value| sealed.open(&place, value.value()))
        .transpose()
}

fn scan<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    sealed: &Sealed<'_>,
    span: &Span,
    order: Order,
    limit: usize,
) -> Result<Vec<T>, StoreError> {
    let range = span.places(sealed.cipher, sealed.keyspace);
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let mut entries = table.range(range.start.as_slice()..range.end.as_slice())?;
    let mut found = Vec::new();
    while found.len() < limit {
        let entry = match order {
            Order::Rising => entries.next(),
            Order::Falling => entries.next_back(),
        };
        let Some(entry) = entry else { break };
        let (key, value) = entry?;
        found.push(sealed.open(key.value(), value.value())?);
    }
    Ok(found)
}

pub(super) fn table(keyspace: Keyspace) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(keyspace.table_name())
}

/// Numbers of the store itself.
pub(super) const SEQUENCE: TableDefinition<'static, &str, u64> = TableDefinition::new("sequence");
/// What only the data centre's keys open: the key that names are hidden with.
pub(super) const SEALED: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("sealed");
pub(super) const INDEX: &str = "index";
/// The last running number of an id.
pub(super) const LAST: &str = "last";
/// When the last sweep was, in Unix milliseconds.
pub(super) const SWEPT: &str = "swept";
/// There when something was erased, and its bytes may still be in the file.
pub(super) const ERASED: &str = "erased";

/// 44 bits of milliseconds last until the year 2527; 2^20 ids are more than a millisecond can commit.
const SEQUENCE_BITS: u32 = 20;
