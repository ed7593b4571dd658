//! The accounts of a region as they stand in the store: read as a whole, written one by one.

use std::collections::HashMap;
use std::sync::Arc;

use super::Registry;
use super::account::{Account, Entry, Role};
use super::accounts::AccountError;
use super::check::WriteError;
use super::distrust::Distrust;
use super::seal::{Subject, Unopened};
use super::store::{Key, Place, Txn, Unavailable};
use super::trust::Fault;

/// All accounts at one time.
pub(super) struct Book {
    epoch: u64,
    pub(super) accounts: Vec<Arc<Account>>,
    pub(super) by_key: HashMap<String, Arc<Account>>,
    /// As they are stored, by id.
    pub(super) stored: HashMap<String, Vec<u8>>,
}

/// How a write ended.
pub(super) enum Written {
    Done,
    Conflict,
}

/// How many accounts are read at a time.
const CHUNK: usize = 512;

impl Registry {
    pub(super) async fn book(&self) -> Result<Arc<Book>, Fault> {
        let epoch = self.memory.accounts_epoch();
        if let Some(book) = self.book.load_full().filter(|b| b.epoch == epoch) {
            return Ok(book);
        }
        self.require_trust().await?;
        let book = Arc::new(self.read_book(epoch).await?);
        // As with what is known of Apps: the accounts of an older store would be remembered.
        self.read(Vec::new()).await?;
        self.book.store(Some(Arc::clone(&book)));
        Ok(book)
    }

    async fn read_book(&self, epoch: u64) -> Result<Book, Fault> {
        let prefix = Key::accounts(&self.region);
        let mut book = Book::new(epoch);
        let mut after = None;
        loop {
            let entries = self.store.range(prefix.clone(), after.take(), CHUNK).await;
            let entries = entries.inspect_err(|_| self.facts.away())?;
            let more = entries.len() == CHUNK;
            after = entries.last().map(|(key, _)| key.clone());
            for (key, bytes) in entries {
                let id = key.after(&prefix).unwrap_or_default();
                match self.open_account(id, &bytes).await? {
                    Some(entry) => book.add(id, bytes, entry),
                    // It lets nobody in; the others go on.
                    None => self.distrusted(Distrust::SealedAccount),
                }
            }
            if !more {
                return Ok(book);
            }
        }
    }

    /// `None`: it is not believed.
    async fn open_account(&self, id: &str, bytes: &[u8]) -> Result<Option<Entry>, Unavailable> {
        let opened = match self.sealer.open(Subject::Account(id), bytes).await {
            Ok(opened) => opened,
            Err(Unopened::Untrue) => return Ok(None),
            Err(Unopened::NoKeys) => return Err(Unavailable),
        };
        let same = |entry: &Entry| match entry {
            Entry::Account(account) => account.id == id,
            Entry::Deleted { .. } => true,
        };
        let entry = Entry::from_json(&opened.text);
        Ok(entry.filter(|entry| same(entry) && entry.revision() == opened.revision))
    }

    pub(super) async fn write_account(
        &self,
        entry: Entry,
        was: Option<Vec<u8>>,
        unchanged: &[(String, Vec<u8>)],
    ) -> Result<Written, AccountError> {
        let id = match &entry {
            Entry::Account(account) => account.id.clone(),
            Entry::Deleted { .. } => return Err(AccountError::Unknown),
        };
        self.write_entry(&id, &entry, was, unchanged).await
    }

    pub(super) async fn write_entry(
        &self,
        id: &str,
        entry: &Entry,
        was: Option<Vec<u8>>,
        unchanged: &[(String, Vec<u8>)],
    ) -> Result<Written, AccountError> {
        self.require_trust().await.map_err(|f| self.unwritten(f))?;
        let sealed = self
            .sealer
            .seal(Subject::Account(id), entry.revision(), &entry.to_json())
            .await?;
        let key = Key::account(&self.region, id);
        let mut txn = Txn::new(self.region.clone());
        txn = match was {
            None => txn.absent(key),
            Some(was) => txn.equals(key, was),
        };
        for (other, bytes) in unchanged {
            txn = txn.equals(Key::account(&self.region, other), bytes.clone());
        }
        txn = txn.put(&Place::Account(id.to_owned()), sealed);
        match self.commit(txn).await {
            Ok(()) => Ok(Written::Done),
            Err(WriteError::Conflict) => Ok(Written::Conflict),
            Err(WriteError::Unavailable(_)) => Err(AccountError::Unavailable),
            Err(WriteError::Anchor(error)) => {
                tracing::error!(%error, "an account's change cannot be acknowledged");
                Err(AccountError::Unavailable)
            }
        }
    }

    pub(super) fn unwritten(&self, fault: Fault) -> AccountError {
        match fault {
            Fault::Unavailable(_) => AccountError::Unavailable,
            Fault::Distrust(reason) => {
                self.distrusted(reason);
                AccountError::Untrusted
            }
        }
    }
}

impl Book {
    fn new(epoch: u64) -> Self {
        Self {
            epoch,
            accounts: Vec::new(),
            by_key: HashMap::new(),
            stored: HashMap::new(),
        }
    }

    fn add(&mut self, id: &str, bytes: Vec<u8>, entry: Entry) {
        self.stored.insert(id.to_owned(), bytes);
        if let Entry::Account(account) = entry {
            let account = Arc::new(account);
            let key = account.key_hash.clone();
            self.by_key.insert(key, Arc::clone(&account));
            self.accounts.push(account);
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Account>> {
        self.accounts.iter().find(|a| a.id == id).map(Arc::clone)
    }

    /// Another owner, who must stay what he is while this one goes. None is needed for others.
    pub(super) fn other_owner(
        &self,
        account: &Account,
    ) -> Result<Option<(String, Vec<u8>)>, AccountError> {
        if account.role != Role::Owner {
            return Ok(None);
        }
        let mut owners = self.accounts.iter().filter(|a| a.role == Role::Owner);
        let other = owners.find(|a| a.id != account.id);
        let other = other.ok_or(AccountError::LastOwner)?;
        let bytes = self.stored.get(&other.id).cloned();
        Ok(bytes.map(|bytes| (other.id.clone(), bytes)))
    }
}
