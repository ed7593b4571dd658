//! At the start: whether the keys are those that sealed the region's records.

use std::collections::BTreeMap;

use super::seal::{Subject, Unopened, sealed_under};
use super::store::{Entry, Key, Unavailable};
use super::{Hash, Registry};

/// How many accounts and how many records are tried: enough to know the key, and nothing to wait
/// for.
const TRIED: usize = 512;

/// Less than one in so many may have been altered.
const ALTERED: u64 = 10;

/// A key that the records need is missing, or another one has its id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongKey {
    #[error(
        "{texts} of {tried} records and accounts that were tried are sealed under the seal key `{id}`, which is not in keys.seal: put its line back (docs/keys.md)"
    )]
    Missing { id: String, texts: u64, tried: u64 },
    #[error(
        "the seal key `{id}` of keys.seal opens none of the {texts} records and accounts that were tried and are sealed under that id: it is not the key that sealed them (docs/keys.md)"
    )]
    Other { id: String, texts: u64 },
}

/// What was tried under one key id.
#[derive(Default)]
struct Tried {
    texts: u64,
    opened: u64,
}

impl Registry {
    /// Tries the keys. Few texts that do not open among many that do are left to who asks for
    /// them: they were altered, and that keeps no other App from being served.
    pub(super) async fn probe(&self) -> Result<(), WrongKey> {
        if !self.state().trusted {
            return Ok(());
        }
        // Whoever needs the store or the keys while they are away hears of that.
        let Ok(tried) = self.tried().await else {
            return Ok(());
        };
        let all = tried.values().map(|tried| tried.texts).sum();
        for (id, Tried { texts, opened }) in tried {
            if opened > 0 {
                continue;
            }
            let has = self.sealer.has(&id).await;
            if has && (texts * ALTERED >= all) {
                return Err(WrongKey::Other { id, texts });
            }
            if !has && (texts > 1 || texts == all) {
                let tried = all;
                return Err(WrongKey::Missing { id, texts, tried });
            }
        }
        Ok(())
    }

    async fn tried(&self) -> Result<BTreeMap<String, Tried>, Unavailable> {
        let mut tried = BTreeMap::new();
        let accounts = Key::accounts(&self.region);
        for (key, bytes) in self.store.range(accounts.clone(), None, TRIED).await? {
            let id = key.after(&accounts).unwrap_or_default();
            self.try_one(Subject::Account(id), &bytes, &mut tried)
                .await?;
        }
        let apps = Key::apps(&self.region);
        let records: Vec<Entry> = self.store.range(apps.clone(), None, TRIED).await?;
        for (key, bytes) in records {
            if let Some(hash) = key.after(&apps).and_then(Hash::parse) {
                self.try_one(Subject::Record(&hash), &bytes, &mut tried)
                    .await?;
            }
        }
        Ok(tried)
    }

    async fn try_one(
        &self,
        subject: Subject<'_>,
        bytes: &[u8],
        tried: &mut BTreeMap<String, Tried>,
    ) -> Result<(), Unavailable> {
        let Some(id) = sealed_under(bytes) else {
            return Ok(());
        };
        let tried = tried.entry(id.to_owned()).or_default();
        tried.texts += 1;
        match self.sealer.open(subject, bytes).await {
            Ok(_) => tried.opened += 1,
            Err(Unopened::Untrue) => {}
            Err(Unopened::NoKeys) => return Err(Unavailable),
        }
        Ok(())
    }
}
