//! Audit logs as evidence: read offline, and only what verifies by a key of the region.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tlog::VerifierKey;

use crate::audit::{Entry, Folder, verify};
use crate::config::Config;

/// A log that is whole and was signed by this region.
pub struct Evidence {
    dir: PathBuf,
    folder: Folder,
    size: u64,
}

impl Evidence {
    /// # Errors
    /// When the log is not whole, or is not one of this region's.
    pub fn new(config: &Config, dir: &Path) -> anyhow::Result<Self> {
        let place = dir.display();
        let folder = Folder::new(dir);
        let own = folder.vkey();
        let own = own.with_context(|| format!("{place} has no vkey: it is no audit log"))?;
        let own = VerifierKey::parse(own.trim_end());
        let own = own.with_context(|| format!("the vkey of {place} is no key"))?;
        let prefix = format!("domicile/{}/", config.region);
        if !own.name().starts_with(&prefix) {
            bail!(
                "{place} is the log {}: only logs of {} count here",
                own.name(),
                config.region
            );
        }
        let region = config.catalogue.region(&config.region);
        let listed = region.into_iter().flat_map(|region| &region.pin_keys);
        let keys = listed.map(|key| VerifierKey::new(own.name(), key.key));
        let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
        let whole = verify(&folder, &keys, None);
        let whole = whole.with_context(|| format!("{place} is not whole"))?;
        Ok(Self {
            dir: dir.to_owned(),
            folder,
            size: whole.checkpoint.size(),
        })
    }

    pub fn entries(&self) -> impl Iterator<Item = anyhow::Result<Entry>> {
        self.folder.entries(self.size).map(|entry| {
            let place = || format!("{} cannot be read", self.dir.display());
            serde_json::from_slice(&entry.with_context(place)?).with_context(place)
        })
    }
}
