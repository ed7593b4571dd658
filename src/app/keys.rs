//! The region's keys from their files, and what becomes of the records when a seal key is new.
//!
//! The running gateway looks at the file of seal keys each second. It takes a new one over only
//! when everything that is sealed can still be opened, and then seals anew under its newest key.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::StartError;
use super::generation::Lasting;
use crate::audit::{self, Action, Actor, AuditError, Deed};
use crate::config::key_use::UNKNOWN;
use crate::config::{Config, Count, KeyFile, KeyFileError, KeyUse, PinSigningKey, SealKey};
use crate::registry::{BadKeys, Census, FileKeys, ResealError};

/// # Errors
/// When a file is not what it must be.
pub fn open(config: &Config) -> Result<Arc<FileKeys>, StartError> {
    let pin_keys = KeyFile::<PinSigningKey>::read(&config.keys.pin)?;
    let pin_key = pin_keys.newest().ok_or(StartError::NoPinKey)?;
    let seal_keys = KeyFile::<SealKey>::read(&config.keys.seal)?;
    Ok(Arc::new(FileKeys::new(seal_keys, pin_key)?))
}

/// Keeps a gateway's seal keys, and what they seal, as its key file has them.
pub struct Rotation {
    keys: Arc<FileKeys>,
    file: PathBuf,
    data_dir: PathBuf,
    seen: Option<Seen>,
    /// Something went wrong: not tried again before.
    later: Option<Instant>,
    /// What was said last: a problem that lasts is said once.
    said: Option<String>,
}

/// Which file it is, as far as the system tells without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    inode: u64,
    length: u64,
    /// Seconds and nanoseconds. Also a new mode changes it.
    changed: (i64, i64),
}

/// Why the keys stay as they were, or what they seal does.
#[derive(Debug, thiserror::Error)]
enum RotationError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error(transparent)]
    Keys(#[from] BadKeys),
    #[error("the key `{0}` has other bytes than before: give a new key a new id")]
    Changed(String),
    #[error("the key `{id}` is not in it, and still seals {count} records and accounts")]
    InUse { id: String, count: u64 },
    #[error(transparent)]
    Reseal(#[from] ResealError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("the count of what each key seals cannot be written")]
    Use(#[source] std::io::Error),
}

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// After a failure, unless the file changes before.
const RETRY: Duration = Duration::from_secs(5);

impl Rotation {
    /// `keys` came from the configuration's file just now.
    pub fn new(config: &Config, keys: Arc<FileKeys>) -> Self {
        Self {
            keys,
            file: config.keys.seal.clone(),
            data_dir: config.data_dir.clone(),
            seen: None,
            later: None,
            said: None,
        }
    }

    /// Runs for as long as the gateway does. At the start it looks for what an earlier rotation
    /// has left.
    pub async fn run(mut self, lasting: Arc<Lasting>) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut read, mut sealed) = (false, false);
        loop {
            ticks.tick().await;
            let seen = self.look();
            if seen == self.seen && self.later.is_some_and(|later| Instant::now() < later) {
                continue;
            }
            read &= seen == self.seen;
            self.seen = seen;
            self.later = None;
            if !read {
                match self.take_over(&lasting).await {
                    Ok(other) => {
                        if other {
                            lasting.metrics.reloaded(Ok(()));
                        }
                        (read, sealed) = (true, sealed && !other);
                    }
                    Err(error) => {
                        if self.failed("the seal keys stay as they were", &error) {
                            lasting.metrics.reloaded(Err(()));
                        }
                    }
                }
            }
            if !sealed {
                match self.round(&lasting).await {
                    Ok(()) => sealed = true,
                    Err(error) => {
                        self.failed("not everything is under the newest key", &error);
                    }
                }
            }
            if read && sealed {
                self.said = None;
            }
        }
    }

    fn look(&self) -> Option<Seen> {
        let metadata = fs::metadata(&self.file).ok()?;
        Some(Seen {
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether the file has other keys, which are in use now.
    async fn take_over(&self, lasting: &Lasting) -> Result<bool, RotationError> {
        let new = KeyFile::<SealKey>::read(&self.file)?;
        let old = self.keys.seal_keys();
        if ids(&new).eq(ids(&old)) && changed(&old, &new).is_none() {
            return Ok(false);
        }
        if let Some(id) = changed(&old, &new) {
            return Err(RotationError::Changed(id.to_owned()));
        }
        if ids(&old).any(|id| !ids(&new).any(|kept| kept == id)) {
            all_kept(&new, &old, &lasting.registry.census().await?)?;
        }
        self.keys.replace(new)?;
        tracing::info!(
            newest = &*lasting.registry.newest_seal_key(),
            "the seal keys were read anew"
        );
        Ok(true)
    }

    /// Seals anew until nothing is left under an older key, and counts.
    async fn round(&self, lasting: &Lasting) -> Result<(), RotationError> {
        let newest = lasting.registry.newest_seal_key();
        if self.is_settled(&newest) {
            return Ok(());
        }
        let census = lasting.registry.census().await?;
        self.counted(lasting, &census)?;
        if self.old(&census, &newest) == 0 {
            return Ok(());
        }
        let act = lasting.audit.begin(deed()).await?;
        match self.reseal(lasting).await {
            Ok((resealed, 0)) => act.counted(resealed).done().await?,
            Ok((resealed, unopened)) => {
                tracing::error!(
                    unopened,
                    "records or accounts do not open, so they are not sealed anew: keep the old keys"
                );
                act.counted(resealed).failed("sealed_record").await?;
            }
            Err(error) => {
                act.failed("unavailable").await?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// How many were sealed anew, and how many did not open.
    async fn reseal(&self, lasting: &Lasting) -> Result<(u64, u64), RotationError> {
        let mut resealed = 0;
        loop {
            let walk = lasting.registry.reseal().await?;
            resealed += walk.resealed;
            self.counted(lasting, &walk.census)?;
            if walk.resealed == 0 && walk.passed == 0 {
                tracing::info!(resealed, "everything is sealed under the newest seal key");
                return Ok((resealed, walk.unopened));
            }
        }
    }

    /// Whether there is no other key whose texts could be sealed anew, and a count of this one.
    /// To count again would read every record, and change nothing but a number.
    fn is_settled(&self, newest: &str) -> bool {
        let is_alone = ids(&self.keys.seal_keys()).eq([newest]);
        let counted = KeyUse::read(&self.data_dir).ok().flatten();
        is_alone && counted.is_some_and(|counted| counted.is_all_under(newest))
    }

    /// What keys of the file seal that are not the newest.
    fn old(&self, census: &Census, newest: &str) -> u64 {
        let keys = self.keys.seal_keys();
        let old = ids(&keys).filter(|id| *id != newest);
        old.filter_map(|id| census.get(id))
            .map(|sealed| sealed.total())
            .sum()
    }

    fn counted(&self, lasting: &Lasting, census: &Census) -> Result<(), RotationError> {
        let keys = self.keys.seal_keys();
        let newest = ids(&keys).next().unwrap_or_default();
        let mut counts: BTreeMap<String, Count> = ids(&keys)
            .map(|id| (id.to_owned(), Count::default()))
            .collect();
        for (id, sealed) in census {
            let known = ids(&keys).any(|known| known == id);
            let id = if known { id } else { UNKNOWN };
            let count = counts.entry(id.to_owned()).or_default();
            count.records += sealed.records;
            count.accounts += sealed.accounts;
        }
        let time = audit::rfc3339(lasting.clock.unix_millis());
        let written = KeyUse::new(time, newest.to_owned(), counts).write(&self.data_dir);
        written.map_err(RotationError::Use)
    }

    /// Whether it is another problem than the last one.
    fn failed(&mut self, what: &str, error: &RotationError) -> bool {
        self.later = Some(Instant::now() + RETRY);
        let text = error.to_string();
        let is_new = self.said.as_deref() != Some(&text);
        if is_new {
            let error = error as &dyn std::error::Error;
            tracing::error!(file = %self.file.display(), error, "{what}");
            self.said = Some(text);
        }
        is_new
    }
}

fn ids(keys: &KeyFile<SealKey>) -> impl Iterator<Item = &str> {
    keys.keys.iter().map(|key| key.id.as_str())
}

/// The first key that has another one's bytes in the new file.
fn changed<'a>(old: &'a KeyFile<SealKey>, new: &KeyFile<SealKey>) -> Option<&'a str> {
    let other = |key: &&SealKey| {
        let mut named = new.keys.iter().filter(|new| new.id == key.id);
        named.any(|new| new.key != key.key)
    };
    old.keys.iter().find(other).map(|key| key.id.as_str())
}

/// Keys that seal something are not let go.
fn all_kept(
    new: &KeyFile<SealKey>,
    old: &KeyFile<SealKey>,
    census: &Census,
) -> Result<(), RotationError> {
    let gone = ids(old).filter(|id| !ids(new).any(|kept| kept == *id));
    let mut used = gone.filter_map(|id| Some((id, census.get(id)?.total())));
    used.next().map_or(Ok(()), |(id, count)| {
        let id = id.to_owned();
        Err(RotationError::InUse { id, count })
    })
}

const fn deed() -> Deed {
    Deed {
        actor: Actor::Gateway,
        action: Action::RotateKeys,
        app_id: None,
    }
}
