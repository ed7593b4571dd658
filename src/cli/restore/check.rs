//! Whether policy lets a backup into a gateway.

use std::path::Path;

use anyhow::Context;

use super::contents::Contents;
use super::install;
use crate::config::keys::FileKey;
use crate::config::{Config, KeyFile, PinSigningKey, SealKey};
use crate::registry::anchored;

/// Why a backup stays out.
pub struct Refusal {
    /// In the audit log.
    pub code: &'static str,
    pub problem: String,
}

pub fn other_region(region: &str, config: &Config) -> Refusal {
    let here = &config.region;
    Refusal {
        code: "region_immutable",
        problem: format!(
            "this is a backup of {region}, and {here} takes only its own: no App ever moves. Restore it with a configuration of {region}"
        ),
    }
}

pub fn other_data(config: &Config) -> Refusal {
    let here = &config.region;
    Refusal {
        code: "registry_not_empty",
        problem: format!(
            "the registry holds other data of {here}: restore never mixes two states. Put its file away first, or name another one in the configuration"
        ),
    }
}

/// # Errors
/// When that cannot be found out.
pub fn all(config: &Config, contents: &Contents) -> anyhow::Result<Result<(), Refusal>> {
    let seal = keys::<SealKey>(&contents.seal_keys, "the backup's seal keys")?;
    let pin = pin_keys(contents)?;
    if !is_listed(config, &pin)? {
        return Ok(Err(Refusal {
            code: "pin_key_unknown",
            problem: format!(
                "the backup's pin key is not in the catalogue's entry of {}: it is not this region's, or the catalogue is not",
                config.region
            ),
        }));
    }
    let (_, seen) = anchored(config.registry.anchor.clone(), &config.region)?;
    if let Some(seen) = seen
        && contents.at_anchor != Some(seen)
    {
        let had = contents.newest.map_or(0, |newest| newest.n);
        return Ok(Err(Refusal {
            code: "older_than_anchor",
            problem: format!(
                "the backup ends at commit {had}, and {} knows of commit {} that is not in it: restoring it would undo what was acknowledged. Restore a newer backup; if there is none, see \"An older state\" in docs/backup.md",
                config.registry.anchor.display(),
                seen.n
            ),
        }));
    }
    let keeps = keeps(&config.keys.seal, &seal, |k| k.key.as_slice())?
        && keeps(&config.keys.pin, &pin, |k| k.seed.as_slice())?;
    if !keeps {
        return Ok(Err(other_keys(config)));
    }
    if install::is_another_gateway(config, contents)? {
        return Ok(Err(Refusal {
            code: "other_gateway",
            problem: format!(
                "{} belongs to another gateway: put it away, or restore into an empty folder",
                config.data_dir.display()
            ),
        }));
    }
    Ok(Ok(()))
}

fn other_keys(config: &Config) -> Refusal {
    Refusal {
        code: "other_keys",
        problem: format!(
            "the key files of {} hold other keys than the backup: restore never replaces a key. Put them away first",
            config.region
        ),
    }
}

/// # Errors
/// When the backup's pin keys are damaged.
pub fn pin_keys(contents: &Contents) -> anyhow::Result<KeyFile<PinSigningKey>> {
    keys(&contents.pin_keys, "the backup's pin keys")
}

/// The keys in a file's bytes. They go to no other file than their own.
fn keys<K: FileKey>(bytes: &[u8], name: &str) -> anyhow::Result<KeyFile<K>> {
    let text = std::str::from_utf8(bytes).with_context(|| format!("{name} are no text"))?;
    Ok(KeyFile::parse(text, Path::new(name))?)
}

fn is_listed(config: &Config, pin: &KeyFile<PinSigningKey>) -> anyhow::Result<bool> {
    let newest = pin.newest().context("it has no pin key")?;
    let public = newest.public_key().context("its pin key is no key")?;
    let region = config.catalogue.region(&config.region);
    let mut listed = region.into_iter().flat_map(|region| &region.pin_keys);
    Ok(listed.any(|key| key.id == newest.id && key.key == public))
}

/// Whether a key file that is there has all the backup's keys. None is as good.
fn keeps<K: FileKey>(
    path: &Path,
    backed_up: &KeyFile<K>,
    secret: fn(&K) -> &[u8],
) -> anyhow::Result<bool> {
    if !path.exists() {
        return Ok(true);
    }
    let there = KeyFile::<K>::read(path)?;
    let has = |key: &K| {
        there.keys.iter().any(|other| {
            let same: bool = subtle::ConstantTimeEq::ct_eq(secret(other), secret(key)).into();
            other.id() == key.id() && same
        })
    };
    Ok(backed_up.keys.iter().all(has))
}
