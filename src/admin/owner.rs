//! The first owner of a region: made by `domicile init`, known to the registry from the first start.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::key::KeyHash;
use crate::audit::{Action, Actor, AuditError, AuditLog, Deed};
use crate::registry::{AccountError, Hash, LookUpError, Registry, Role};

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
    #[error("the registry does not take the owner's account")]
    Account(#[source] AccountError),
    #[error("the owner's account cannot be audited, so it is not adopted")]
    Audit(#[from] AuditError),
}

/// Whether an owner was adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    Now,
    /// The region has accounts.
    Before,
    /// The region has no account, and there is no file: nobody can use its admin API.
    NoFile,
}

/// Makes the account in `path` the region's first owner, when the region has no account.
///
/// # Errors
/// When the file, the registry or the audit log does not play its part. Nothing is adopted then.
pub async fn adopt_owner(
    registry: &Registry,
    audit: &AuditLog,
    path: &Path,
) -> Result<Adopted, AdoptError> {
    if !registry.accounts().await?.is_empty() {
        return Ok(Adopted::Before);
    }
    let Some(file) = OwnerFile::read(path)? else {
        return Ok(Adopted::NoFile);
    };
    let act = audit.begin(creation()).await?;
    match registry.adopt_first_owner(file.name, file.key_hash).await {
        Ok(Some(_)) => {
            act.done().await?;
            Ok(Adopted::Now)
        }
        // Another gateway of the region was faster.
        Ok(None) => {
            act.failed("owner_exists").await?;
            Ok(Adopted::Before)
        }
        Err(error) => {
            act.failed("registry_unavailable").await?;
            Err(AdoptError::Account(error))
        }
    }
}

/// The id that the registry gives the first owner.
const ID: &str = "owner";

fn creation() -> Deed {
    Deed {
        actor: Actor::Gateway,
        action: Action::CreateAccount,
        app_id: None,
    }
}

impl OwnerFile {
    /// The account of an owner whose key has this hash.
    pub fn new(hash: &KeyHash, created_at: u64) -> Self {
        Self {
            id: ID.to_owned(),
            name: "first owner".to_owned(),
            role: Role::Owner,
            key_hash: hash.as_str().to_owned(),
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
        let file = serde_json::from_slice(&text).ok().filter(Self::is_owner);
        file.map(Some)
            .ok_or_else(|| AdoptError::Format(path.to_owned()))
    }

    fn is_owner(&self) -> bool {
        self.role == Role::Owner && Hash::parse(&self.key_hash).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::admin::bench::{Bench, Region};
    use crate::admin::key::AdminKey;
    use crate::registry::SystemRandomness;

    #[tokio::test]
    async fn a_region_without_accounts_adopts_its_owner_once() {
        let region = Region::open().await;
        let path = region.path("owner.json");
        let adopt = || adopt_owner(&region.registry, &region.audit, &path);
        assert_eq!(adopt().await.unwrap(), Adopted::NoFile);
        let key = AdminKey::generate(&SystemRandomness).unwrap();
        OwnerFile::new(&key.hash(), 7).write(&path).unwrap();
        assert_eq!(adopt().await.unwrap(), Adopted::Now);
        assert_eq!(adopt().await.unwrap(), Adopted::Before);
        assert_eq!(region.audit.entries(), 2);
        let accounts = region.registry.accounts().await.unwrap();
        assert_eq!((accounts.len(), accounts[0].id.as_str()), (1, ID));
        assert_eq!(accounts[0].key_hash, key.hash().as_str());
    }

    #[tokio::test]
    async fn a_region_with_accounts_adopts_nobody() {
        let bench = Bench::new().await;
        let path = bench.region.path("owner.json");
        let key = AdminKey::generate(&SystemRandomness).unwrap();
        OwnerFile::new(&key.hash(), 7).write(&path).unwrap();
        let adopted = adopt_owner(&bench.region.registry, &bench.region.audit, &path).await;
        assert_eq!(adopted.unwrap(), Adopted::Before);
    }

    #[tokio::test]
    async fn what_is_no_owner_is_not_adopted() {
        let region = Region::open().await;
        let path = region.path("owner.json");
        let key = AdminKey::generate(&SystemRandomness).unwrap();
        let mut file = OwnerFile::new(&key.hash(), 7);
        file.role = Role::Auditor;
        file.write(&path).unwrap();
        let error = adopt_owner(&region.registry, &region.audit, &path)
            .await
            .unwrap_err();
        assert!(matches!(error, AdoptError::Format(_)), "{error}");
    }

    #[test]
    fn the_file_is_private_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("owner.json");
        let key = AdminKey::generate(&SystemRandomness).unwrap();
        let file = OwnerFile::new(&key.hash(), 7);
        file.write(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(file.write(&path).is_err());
        assert_eq!(OwnerFile::read(&path).unwrap(), Some(file));
        assert!(!fs::read_to_string(&path).unwrap().contains(key.expose()));
    }
}
