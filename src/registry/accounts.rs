//! The accounts of this region's administrators. They are few: all are kept in memory, and read
//! again when one of them was written.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::Registry;
use super::account::{Account, Entry, Role};
use super::book::Written;
use super::locate::LookUpError;
use super::random::{self, NoRandomness};
use super::seal::SealError;
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
    #[error("the account was used meanwhile")]
    InUse,
    #[error("the registry cannot be reached")]
    Unavailable,
    #[error("the registry is not believed")]
    Untrusted,
    #[error("the account cannot be sealed")]
    Seal(#[from] SealError),
}

/// The id of the owner that a gateway starts with: it can be made only once.
const FIRST_OWNER: &str = "owner";

/// How exactly the last use of an account is known.
const USE: u64 = 3600;

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
        self.delete_account_if(id, |_| true).await
    }

    /// Deletes an account that was not used for so long, unless it is the last owner.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn delete_unused_account(
        &self,
        id: &str,
        unused: Duration,
    ) -> Result<(), AccountError> {
        let now = self.clock.unix();
        self.delete_account_if(id, |account| is_unused(account, now, unused))
            .await
    }

    async fn delete_account_if(
        &self,
        id: &str,
        may_go: impl Fn(&Account) -> bool,
    ) -> Result<(), AccountError> {
        for _ in 0..ATTEMPTS {
            let book = self.book().await.map_err(|f| self.unwritten(f))?;
            let account = book.find(id).ok_or(AccountError::Unknown)?;
            if !may_go(&account) {
                return Err(AccountError::InUse);
            }
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

    /// The ids of the accounts that weren't used for so long and may be deleted: the last owner is
    /// not among them.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn unused_accounts(&self, unused: Duration) -> Result<Vec<String>, AccountError> {
        let book = self.book().await.map_err(|f| self.unwritten(f))?;
        let now = self.clock.unix();
        let is_unused = |account: &&Arc<Account>| is_unused(account, now, unused);
        let deletable = |account: &&Arc<Account>| book.other_owner(account).is_ok();
        let found = book.accounts.iter().filter(is_unused).filter(deletable);
        Ok(found.map(|account| account.id.clone()).collect())
    }

    fn fresh_account_id(&self) -> Result<String, SealError> {
        let digits: Result<_, NoRandomness> = random::digits::<8>(&*self.randomness);
        Ok(digits?)
    }
}

fn is_unused(account: &Account, now: u64, unused: Duration) -> bool {
    let used = account.last_used_at.unwrap_or(account.created_at);
    now.saturating_sub(used) >= unused.as_secs()
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
