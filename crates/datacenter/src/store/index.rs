//! The key that a store hides names with. It is random, made with the store, and kept in it under the
//! data centre's keys: so these can be replaced without a change of every place.

use std::path::Path;

use aws_lc_rs::rand;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, WriteTransaction};
use zeroize::Zeroizing;

use super::cipher::{CipherError, Keyspace};
use super::reseal::MARKS;
use super::seal::{Keys, Seal};
use super::transaction::{INDEX, SEALED, table};
use super::{OpenError, StoreError};
use crate::settings::SealKeys;

/// What seals this store. A new store is bound to the keys, an old one must open with them.
pub(super) fn seal(database: &Database, file: &Path, keys: &SealKeys) -> Result<Seal, OpenError> {
    let keys = Keys::of(keys);
    let kept = read(database).map_err(OpenError::Tables)?;
    let index = match kept {
        Some(sealed) => keys
            .open(INDEX, PLACE, &sealed)
            .map_err(|_| OpenError::WrongKey(file.to_owned()))?,
        None if is_empty(database).map_err(OpenError::Tables)? => fresh()?,
        None => return Err(OpenError::NotSealed(file.to_owned())),
    };
    let index = Zeroizing::new(index);
    let missing = missing(database, &keys).map_err(OpenError::Tables)?;
    if !missing.is_empty() {
        let (file, id) = (file.to_owned(), missing.join(", "));
        return Err(OpenError::MissingKey { file, id });
    }
    // Always, so that it is under the newest key.
    write(database, &keys, &index).map_err(OpenError::Tables)?;
    Ok(Seal::new(keys, &index))
}

fn read(database: &Database) -> Result<Option<Vec<u8>>, StoreError> {
    let table = database.begin_read()?.open_table(SEALED)?;
    Ok(table.get(INDEX)?.map(|sealed| sealed.value().to_vec()))
}

fn write(database: &Database, keys: &Keys, index: &[u8]) -> Result<(), StoreError> {
    let sealed = keys.seal(INDEX, PLACE, index)?;
    let transaction = database.begin_write()?;
    transaction
        .open_table(SEALED)?
        .insert(INDEX, sealed.as_slice())?;
    note(&transaction, keys)?;
    Ok(transaction.commit()?)
}

/// The newest key may have sealed something from now on. A store of a version that noted none may have
/// something of each.
fn note(transaction: &WriteTransaction, keys: &Keys) -> Result<(), StoreError> {
    let mut marks = transaction.open_table(MARKS)?;
    let all = if marks.is_empty()? { usize::MAX } else { 1 };
    for key in keys.names().into_iter().take(all) {
        marks.insert(key.mark.as_slice(), key.id.as_str())?;
    }
    Ok(())
}

/// The ids of keys that may have sealed something, and are not in the file.
fn missing(database: &Database, keys: &Keys) -> Result<Vec<String>, StoreError> {
    let marks = database.begin_read()?.open_table(MARKS)?;
    let known = keys.names();
    let mut missing = Vec::new();
    for noted in marks.iter()? {
        let (mark, id) = noted?;
        if known.iter().all(|key| key.mark != mark.value()) {
            missing.push(id.value().to_owned());
        }
    }
    Ok(missing)
}

fn is_empty(database: &Database) -> Result<bool, StoreError> {
    let reading = database.begin_read()?;
    for keyspace in Keyspace::ALL {
        if !reading.open_table(table(keyspace))?.is_empty()? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fresh() -> Result<Vec<u8>, OpenError> {
    let mut index = vec![0; 32];
    let filled = rand::fill(&mut index).map_err(|_| StoreError::Cipher(CipherError::Seal));
    filled.map_err(OpenError::Tables)?;
    Ok(index)
}

pub(super) const PLACE: &[u8] = b"domicile-datacenter-index-v1";
