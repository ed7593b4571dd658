//! The accounts of this region's administrators. They are few: all are kept in memory, and read
//! again when one of them was written.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::Registry;
use super::account::{Account, Entry, Role};
use super::check::WriteError;
use super::distrust::Distrust;
use super::locate::LookUpError;
use super::random::{self, NoRandomness};
use super::seal::{SealError, Subject};
use super::store::{Key, Place, Txn};
use super::trust::Fault;
use crate::domain::AppId;

/// An account to make.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub name: String,
    pub role: Role,
    pub apps: Vec<AppId>,
    pub orgs: Vec<String>,
    pub allow_from: Vec<IpNet>,
    /// SHA-256 of the key's text, lower-case hex.
    pub key_hash: String,
}

#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("no such account")]
    Unknown,
    #[error("the last owner stays")]
    LastOwner,
    #[error("the registry cannot be reached")]
    Unavailable,
    #[error("the registry is not believed")]
    Untrusted,
    #[error("the account cannot be sealed")]
    Seal(#[from] SealError),
}

/// All accounts at one time.
pub(super) struct Book {
    epoch: u64,
    accounts: Vec<Arc<Account>>,
    by_key: HashMap<String, Arc<Account>>,
    /// As they are stored, by id.
    stored: HashMap<String, Vec<u8>>,
}

/// The id of the owner that a gateway starts with: it can be made only once.
const FIRST_OWNER: &str = "owner";

/// How exactly the last use of an account is known.
const USE: u64 = 3600;

/// How many accounts are read at a time.
const CHUNK: usize = 512;

const ATTEMPTS: usize = 16;

impl Registry {
    /// All accounts of the region, in the order of their ids.
    ///
    /// # Errors
    /// When they have changed and can't be read.
    pub async fn accounts(&self) -> Result<Vec<Arc<Account>>, LookUpError> {
        let book = self.book().await.map_err(|f| self.failed(f))?;
        Ok(book.accounts.clone())
    }

    /// The account of a key; `key_hash` is SHA-256 of the key's text in lower-case hex.
    ///
    /// # Errors
    /// As [`Registry::accounts`].
    pub async fn account_by_key(
        &self,
        key_hash: &str,
    ) -> Result<Option<Arc<Account>>, LookUpError> {
        let book = self.book().await.map_err(|f| self.failed(f))?;
        Ok(book.by_key.get(key_hash).map(Arc::clone))
    }

    /// Makes an account.
    ///
    /// # Errors
    /// See [`AccountError`]; after `Unavailable` it may have happened or not.
    pub async fn create_account(&self, new: NewAccount) -> Result<Arc<Account>, AccountError> {
        for _ in 0..ATTEMPTS {
            let account = new
                .clone()
                .with_id(self.fresh_account_id()?, self.clock.unix());
            match self
                .write_account(Entry::Account(account.clone()), None, &[])
                .await?
            {
                Written::Done => return Ok(Arc::new(account)),
                Written::Conflict => {
                    self.verify().await;
                }
            }
        }
        Err(AccountError::Unavailable)
    }

    /// Makes the region's first account, an owner. `None`: there are, or were, accounts already.
    ///
    /// # Errors
    /// As [`Registry::create_account`].
    pub async fn adopt_first_owner(
        &self,
        name: String,
        key_hash: String,
    ) -> Result<Option<Arc<Account>>, AccountError> {
        let book = self.book().await.map_err(|f| self.unwritten(f))?;
        if !book.stored.is_empty() {
            return Ok(None);
        }
        let owner = NewAccount::owner(name, key_hash);
        let owner = owner.with_id(FIRST_OWNER.to_owned(), self.clock.unix());
        match self
            .write_account(Entry::Account(owner.clone()), None, &[])
            .await?
        {
            Written::Done => Ok(Some(Arc::new(owner))),
            Written::Conflict => Ok(None),
        }
    }

    /// Deletes an account, unless it is the last owner.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn delete_account(&self, id: &str) -> Result<(), AccountError> {
        for _ in 0..ATTEMPTS {
            let book = self.book().await.map_err(|f| self.unwritten(f))?;
            let account = book.find(id).ok_or(AccountError::Unknown)?;
            let witness = book.other_owner(&account)?;
            let bytes = book.stored.get(id).cloned();
            let deleted = Entry::Deleted {
                revision: account.revision + 1,
            };
            let write = self.write_entry(id, &deleted, bytes, witness.as_slice());
            if let Written::Done = write.await? {
                return Ok(());
            }
            self.verify().await;
        }
        Err(AccountError::Unavailable)
    }

    /// Remembers that an account was used, to the hour.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn touch_account(&self, id: &str) -> Result<(), AccountError> {
        let book = self.book().await.map_err(|f| self.unwritten(f))?;
        let account = book.find(id).ok_or(AccountError::Unknown)?;
        let now = self.clock.unix();
        if account.last_used_at.is_some_and(|at| now < at + USE) {
            return Ok(());
        }
        let mut used = Account::clone(&account);
        used.last_used_at = Some(now);
        used.revision += 1;
        let bytes = book.stored.get(id).cloned();
        // Somebody else's write is as good: the account was in use, or is gone.
        self.write_account(Entry::Account(used), bytes, &[])
            .await
            .map(|_| ())
    }

    /// Deletes the accounts that weren't used for so long, never the last owner. Gives their ids.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn sweep_accounts(&self, unused: Duration) -> Result<Vec<String>, AccountError> {
        let book = self.book().await.map_err(|f| self.unwritten(f))?;
        let now = self.clock.unix();
        let mut deleted = Vec::new();
        for account in &book.accounts {
            let used = account.last_used_at.unwrap_or(account.created_at);
            if now.saturating_sub(used) < unused.as_secs() {
                continue;
            }
            match self.delete_account(&account.id).await {
                Ok(()) => deleted.push(account.id.clone()),
                Err(AccountError::LastOwner | AccountError::Unknown) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }

    async fn book(&self) -> Result<Arc<Book>, Fault> {
        let epoch = self.memory.accounts_epoch();
        if let Some(book) = self.book.load_full().filter(|b| b.epoch == epoch) {
            return Ok(book);
        }
        self.require_trust().await?;
        let book = Arc::new(self.read_book(epoch).await?);
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
                match self.open_account(id, &bytes) {
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

    fn open_account(&self, id: &str, bytes: &[u8]) -> Option<Entry> {
        let opened = self.sealer.open(Subject::Account(id), bytes)?;
        let entry = Entry::from_json(&opened.text)?;
        let same = match &entry {
            Entry::Account(account) => account.id == id,
            Entry::Deleted { .. } => true,
        };
        (same && entry.revision() == opened.revision).then_some(entry)
    }

    async fn write_account(
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

    async fn write_entry(
        &self,
        id: &str,
        entry: &Entry,
        was: Option<Vec<u8>>,
        unchanged: &[(String, Vec<u8>)],
    ) -> Result<Written, AccountError> {
        self.require_trust().await.map_err(|f| self.unwritten(f))?;
        let sealed = self
            .sealer
            .seal(Subject::Account(id), entry.revision(), entry.to_json())?;
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

    fn fresh_account_id(&self) -> Result<String, SealError> {
        let digits: Result<_, NoRandomness> = random::digits::<8>(&*self.randomness);
        Ok(digits?)
    }

    fn unwritten(&self, fault: Fault) -> AccountError {
        match fault {
            Fault::Unavailable(_) => AccountError::Unavailable,
            Fault::Distrust(reason) => {
                self.distrusted(reason);
                AccountError::Untrusted
            }
        }
    }
}

enum Written {
    Done,
    Conflict,
}

impl NewAccount {
    fn owner(name: String, key_hash: String) -> Self {
        Self {
            name,
            role: Role::Owner,
            apps: Vec::new(),
            orgs: Vec::new(),
            allow_from: Vec::new(),
            key_hash,
        }
    }

    fn with_id(self, id: String, now: u64) -> Account {
        Account {
            id,
            name: self.name,
            role: self.role,
            apps: self.apps,
            orgs: self.orgs,
            allow_from: self.allow_from,
            key_hash: self.key_hash,
            created_at: now,
            last_used_at: None,
            revision: 1,
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

    fn find(&self, id: &str) -> Option<Arc<Account>> {
        self.accounts.iter().find(|a| a.id == id).map(Arc::clone)
    }

    /// Another owner, who must stay what he is while this one goes. None is needed for others.
    fn other_owner(&self, account: &Account) -> Result<Option<(String, Vec<u8>)>, AccountError> {
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
