//! Putting a region's part into etcd: one transaction, so what fits into one.

use super::Etcd;
use super::wire::{Compare, Op, Raw, Transaction, TransactionAnswer};
use crate::registry::store::{Key, Unavailable};
use crate::registry::transfer::{Import, ImportError, is_in_part, prefixes};

/// etcd takes 128 operations in a transaction by default.
const ENTRIES: usize = 120;

impl Etcd {
    pub(super) async fn import_part(&self, import: Import) -> Result<u64, ImportError> {
        let Import { region, entries } = import;
        let mut puts = Vec::new();
        let mut regions = None;
        for entry in entries {
            let (key, value) = entry?;
            if !is_in_part(&region, &key) {
                return Err(ImportError::Foreign);
            }
            if key == Key::regions() {
                regions = Some(value);
                continue;
            }
            puts.push(self.put(&key, value));
            if puts.len() > ENTRIES {
                return Err(ImportError::TooLarge);
            }
        }
        let prefixes = prefixes(&region);
        let empty = prefixes.iter().map(|p| self.keys.below(p).nothing());
        let compare: Vec<Compare> = empty.collect();
        // What all regions share is written only where it is not there.
        if let Some(value) = regions {
            let absent = Compare::absent(self.keys.raw(&Key::regions()));
            let with = compare.iter().cloned().chain([absent]).collect();
            let mut all = puts.clone();
            all.push(self.put(&Key::regions(), value));
            if let Some(written) = self.write_part(with, all).await? {
                return Ok(written);
            }
        }
        let written = self.write_part(compare, puts).await?;
        written.ok_or(ImportError::NotEmpty)
    }

    fn put(&self, key: &Key, value: Vec<u8>) -> Op {
        Op::Put {
            key: self.keys.raw(key),
            value: Raw(value),
        }
    }

    async fn write_part(
        &self,
        compare: Vec<Compare>,
        success: Vec<Op>,
    ) -> Result<Option<u64>, ImportError> {
        let written = success.len() as u64;
        let transaction = Transaction {
            compare,
            success,
            failure: Vec::new(),
        };
        let reply = self.cluster.call("/v3/kv/txn", &transaction).await;
        let answer: TransactionAnswer = reply
            .map(|reply| reply.answer)
            .map_err(|failed| self.unavailable("importing", &failed))?;
        Ok(answer.succeeded.then_some(written))
    }

    fn unavailable(&self, doing: &'static str, failed: &super::client::Failed) -> Unavailable {
        self.troubles.met(doing, &failed.error);
        Unavailable
    }
}
