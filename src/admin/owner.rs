//! The first owner of a region: made by `domicile init`, known to the registry from the first start.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::key::KeyHash;
use crate::audit::{Action, Actor, AuditError, AuditLog, Deed};
use crate::registry::{Account, LookUpError, Registry, Role};

/// `data_dir/owner.json`: an owner's account. The key itself is in nobody's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerFile {
    pub id: String,
    pub name: String,
    pub role: Role,
    /// SHA-256 of the key, in hex.
    pub key_hash: String,
    /// Unix seconds.
    pub created_at: u64,
}

/// Why a region has no owner.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    #[error("{0} cannot be read")]
    Read(PathBuf, #[source] io::Error),
    #[error("{0} is not an owner's account as `domicile init` writes it")]
    Format(PathBuf),
    #[error("the registry does not give the region's accounts")]
    Registry(#[from] LookUpError),
    #[error("the owner's account cannot be audited, so it is not adopted")]
    Audit(#[from] AuditError),
}

/// Whether an owner was adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    Now,
    /// The region has an owner.
    Before,
    /// The region has no owner, and there is no file.
    NoFile,
}

/// Makes the account in `path` the region's first owner, when the region has none.
///
/// # Errors
/// When the file, the registry or the audit log does not play its part. Nothing is adopted then.
pub async fn adopt_owner(
    registry: &Registry,
    audit: &AuditLog,
    path: &Path,
) -> Result<Adopted, AdoptError> {
    let accounts = registry.accounts().await?;
    if accounts.iter().any(|account| account.role == Role::Owner) {
        return Ok(Adopted::Before);
    }
    let Some(file) = OwnerFile::read(path)? else {
        return Ok(Adopted::NoFile);
    };
    let account = file
        .account()
        .ok_or_else(|| AdoptError::Format(path.to_owned()))?;
    let act = audit.begin(creation()).await?;
    match registry.add_account(account).await {
        Ok(()) => act.done().await?,
        Err(error) => {
            act.failed("registry_unavailable").await?;
            return Err(error.into());
        }
    }
    Ok(Adopted::Now)
}

fn creation() -> Deed {
    Deed {
        actor: Actor::Gateway,
        action: Action::CreateAccount,
        app_id: None,
    }
}

impl OwnerFile {
    /// The account of an owner whose key has this hash.
    pub fn new(id: String, hash: KeyHash, created_at: u64) -> Self {
        Self {
            id,
            name: "first owner".to_owned(),
            role: Role::Owner,
            key_hash: hex::encode(hash.0),
            created_at,
        }
    }

    /// Writes a file that is not there yet, readable by its owner only.
    ///
    /// # Errors
    /// When it is there, or cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    fn read(path: &Path) -> Result<Option<Self>, AdoptError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(AdoptError::Read(path.to_owned(), error)),
        };
        let file = serde_json::from_slice(&text);
        file.map(Some)
            .map_err(|_| AdoptError::Format(path.to_owned()))
    }

    fn account(self) -> Option<Account> {
        let mut key_hash = [0; 32];
        hex::decode_to_slice(&self.key_hash, &mut key_hash).ok()?;
        Some(Account {
            id: self.id,
            name: self.name,
            role: self.role,
            key_hash,
            created_at: self.created_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::bench::Bench;
    use crate::admin::key::AdminKey;

    #[tokio::test]
    async fn a_region_with_an_owner_adopts_none() {
        let bench = Bench::new().await;
        let path = Path::new("/nowhere/owner.json");
        let adopted = adopt_owner(&bench.registry, &bench.audit, path).await;
        assert_eq!(adopted.unwrap(), Adopted::Before);
    }

    #[test]
    fn the_file_is_private_and_comes_back_as_an_account() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("owner.json");
        let key = AdminKey::generate().unwrap();
        let file = OwnerFile::new("acct-1".to_owned(), key.hash(), 7);
        file.write(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(file.write(&path).is_err(), "an owner is never overwritten");
        let account = OwnerFile::read(&path).unwrap().unwrap().account().unwrap();
        assert_eq!(account.key_hash, key.hash().0);
        assert!(!fs::read_to_string(&path).unwrap().contains(key.expose()));
    }
}
