//! A backup's part of the registry, into the gateway's store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::contents::Contents;
use crate::backup::{Record, Secret};
use crate::cli::stopped;
use crate::config::Config;
use crate::domain::RegionId;
use crate::registry::{
    Broken, EmbeddedError, EmbeddedStore, Entry, Export, Import, Key, Store, has_part,
};

/// What the store has of the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    Nothing,
    /// Just what the backup has: it was restored before.
    Same,
    Other,
}

/// The gateway's store. One that was made for this goes away again unless it is filled.
pub struct Target {
    region: RegionId,
    store: Option<Arc<EmbeddedStore>>,
    made: Option<PathBuf>,
}

impl Target {
    /// # Errors
    /// When a gateway runs, or the file is no registry.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let path = stopped::registry_file(config)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).context("cannot make the registry's folder")?;
        }
        let mut target = Self {
            region: config.region.clone(),
            store: None,
            made: (!path.exists()).then(|| path.to_owned()),
        };
        match EmbeddedStore::open(path) {
            Ok(store) => target.store = Some(store),
            Err(error) => {
                if matches!(error, EmbeddedError::InUse) {
                    // Somebody else made it meanwhile.
                    target.made = None;
                }
                return Err(stopped::unopened(path, error));
            }
        }
        Ok(target)
    }

    fn store(&self) -> anyhow::Result<&Arc<EmbeddedStore>> {
        self.store.as_ref().context("the registry is closed")
    }

    /// # Errors
    /// When store or backup cannot be read.
    pub async fn stands(
        &self,
        contents: &Contents,
        from: &Path,
        secret: &Secret,
    ) -> anyhow::Result<Stands> {
        let store = self.store()?;
        if !has_part(&**store, &self.region).await? {
            return Ok(Stands::Nothing);
        }
        if store.newest_link(&self.region).await? != contents.newest {
            return Ok(Stands::Other);
        }
        let mut archive = contents.reopen(from, secret)?;
        let mut backed_up = 0;
        while let Some(record) = archive.read()? {
            let Record::Entry(key, value) = record else {
                continue;
            };
            let key = Key::from_text(&key);
            if key == Key::regions() {
                continue;
            }
            backed_up += 1;
            if store.read(vec![key]).await? != [Some(value)] {
                return Ok(Stands::Other);
            }
        }
        Ok(if backed_up == self.count().await? {
            Stands::Same
        } else {
            Stands::Other
        })
    }

    async fn count(&self) -> anyhow::Result<u64> {
        let mut export = Export::new(&**self.store()?, &self.region);
        let mut count = 0;
        loop {
            let entries = export.next().await?;
            if entries.is_empty() {
                return Ok(count);
            }
            count += entries.len() as u64;
        }
    }

    /// Puts the backup's entries in, in one transaction.
    ///
    /// # Errors
    /// When they cannot be written; none is then.
    pub async fn import(
        mut self,
        stands: Stands,
        contents: &Contents,
        from: &Path,
        secret: &Secret,
    ) -> anyhow::Result<()> {
        if stands == Stands::Nothing && contents.entries > 0 {
            let mut archive = contents.reopen(from, secret)?;
            let entries = std::iter::from_fn(move || entry(&mut archive));
            let import = Import {
                region: self.region.clone(),
                entries: Box::new(entries),
            };
            let written = self.store()?.import(import).await;
            written.context("the registry does not take the backup: nothing is restored")?;
        }
        self.made = None;
        Ok(())
    }
}

/// The next entry of the registry. It was read to its end before: what ends it now is the disk.
fn entry<R: std::io::Read>(
    archive: &mut crate::backup::Archive<R>,
) -> Option<Result<Entry, Broken>> {
    loop {
        match archive.read() {
            Ok(Some(Record::Entry(key, value))) => {
                return Some(Ok((Key::from_text(&key), value)));
            }
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(_) => return Some(Err(Broken)),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // While it is open, so that no gateway has begun to use it.
        if let Some(made) = self.made.take() {
            // One more empty registry would do no harm.
            let _ = std::fs::remove_file(made);
        }
        self.store = None;
    }
}
