//! The key that a store hides names with. It is random, made with the store, and kept in it under the
//! data centre's keys: so these can be replaced without a change of every place.

use std::path::Path;

use aws_lc_rs::rand;
use redb::{Database, ReadableDatabase, ReadableTableMetadata};
use zeroize::Zeroizing;

use super::cipher::{CipherError, Keyspace};
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
    Ok(transaction.commit()?)
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

const PLACE: &[u8] = b"domicile-datacenter-index-v1";
