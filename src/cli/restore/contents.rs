//! A backup, read to its end before anything is made of it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::install::UNFINISHED;
use crate::backup::{Archive, Header, Part, Record, Secret};
use crate::config::Config;
use crate::registry::{Hash, Key, Link, anchored, is_in_part};

/// What is in a backup. The registry's entries stay in the file: they may be many.
pub struct Contents {
    pub header: Header,
    pub gateway: String,
    pub seal_keys: Zeroizing<Vec<u8>>,
    pub pin_keys: Zeroizing<Vec<u8>>,
    pub anchor: Option<Vec<u8>>,
    /// The files of the audit log, beside where they will be.
    pub audit: TempDir,
    pub newest: Option<Link>,
    /// The backup's own link where the gateway's anchor has one.
    pub at_anchor: Option<Link>,
    pub entries: u64,
}

fn same(path: &Path, secret: &Secret, header: &Header) -> anyhow::Result<Archive<BufReader<File>>> {
    let (now, archive) = archive(path, secret)?;
    if now != *header {
        bail!("{} was replaced while it was read", path.display());
    }
    Ok(archive)
}

/// Opens a backup behind its header.
///
/// # Errors
/// When the secret does not open it.
fn archive(path: &Path, secret: &Secret) -> anyhow::Result<(Header, Archive<BufReader<File>>)> {
    let mut file = BufReader::new(File::open(path)?);
    let (header, bytes) = Header::read(&mut file)?;
    let archive = Archive::open(file, (&header, &bytes), secret)?;
    Ok((header, archive))
}

impl Contents {
    /// Opens the same backup once more. Its header has its own data key, so the same header is the
    /// same backup.
    ///
    /// # Errors
    /// When another file stands in its place.
    pub fn reopen(&self, path: &Path, secret: &Secret) -> anyhow::Result<Archive<BufReader<File>>> {
        same(path, secret, &self.header)
    }

    /// # Errors
    /// When the backup is not whole, or not what a backup of this region has in it.
    pub fn read(path: &Path, secret: &Secret, config: &Config) -> anyhow::Result<Self> {
        let (header, mut archive) = archive(path, secret)?;
        let mut reading = Reading::new(config)?;
        while let Some(record) = archive.read()? {
            reading.take(record)?;
        }
        reading.finish(header, archive)
    }
}

struct Reading<'a> {
    config: &'a Config,
    files: HashMap<&'static str, Zeroizing<Vec<u8>>>,
    audit: TempDir,
    seen: Option<Link>,
    newest: Option<Link>,
    at_anchor: Option<Link>,
    entries: u64,
}

impl<'a> Reading<'a> {
    fn new(config: &'a Config) -> anyhow::Result<Self> {
        let (_, seen) = anchored(config.registry.anchor.clone(), &config.region)?;
        let mut audit = tempfile::Builder::new();
        let audit = audit.prefix(UNFINISHED).tempdir_in(&config.data_dir);
        let audit =
            audit.with_context(|| format!("cannot write to {}", config.data_dir.display()))?;
        Ok(Self {
            config,
            files: HashMap::new(),
            audit,
            seen,
            newest: None,
            at_anchor: None,
            entries: 0,
        })
    }

    fn take(&mut self, record: Record) -> anyhow::Result<()> {
        match record {
            Record::File(part, bytes) => self.take_file(&part, bytes),
            Record::Entry(key, value) => self.take_entry(&Key::from_text(&key), &value),
            // The archive gives neither.
            Record::Manifest(_) | Record::End(_) => bail!("it has a record out of its place"),
        }
    }

    fn take_file(&mut self, part: &Part, bytes: Zeroizing<Vec<u8>>) -> anyhow::Result<()> {
        let name = match part {
            Part::SealKeys => SEAL,
            Part::PinKeys => PIN,
            Part::GatewayId => ID,
            Part::Anchor => ANCHOR,
            Part::Audit(path) => return write(&self.audit.path().join("audit").join(path), &bytes),
        };
        if self.files.insert(name, bytes).is_some() {
            bail!("it has {name} twice");
        }
        Ok(())
    }

    fn take_entry(&mut self, key: &Key, value: &[u8]) -> anyhow::Result<()> {
        let region = &self.config.region;
        if !is_in_part(region, key) {
            bail!("it has an entry of the registry that is not {region}'s");
        }
        self.entries += 1;
        if key.after(&Key::links(region)).is_some() {
            let link = Link::read(region, key, value).context("a link in it is damaged")?;
            if self.newest.is_none_or(|newest| newest.n < link.n) {
                self.newest = Some(link);
            }
            if self.seen.is_some_and(|seen| seen.n == link.n) {
                self.at_anchor = Some(link);
            }
        }
        Ok(())
    }

    fn finish(mut self, header: Header, archive: Archive<impl Read>) -> anyhow::Result<Contents> {
        let chain = header.chain.as_ref();
        let chain = chain.and_then(|chain| {
            let hash = Hash::parse(&chain.hash)?;
            Some(Link { n: chain.n, hash })
        });
        if chain != self.newest {
            bail!("its registry is not as new as its header says");
        }
        let mut need = |name| {
            let file = self.files.remove(name);
            file.with_context(|| format!("it lacks {name}"))
        };
        let (seal_keys, pin_keys, id) = (need(SEAL)?, need(PIN)?, need(ID)?);
        if String::from_utf8_lossy(&id).trim() != archive.manifest.gateway {
            bail!("its gateway's id is not the one in its manifest");
        }
        Ok(Contents {
            header,
            gateway: archive.manifest.gateway,
            seal_keys,
            pin_keys,
            anchor: self.files.remove(ANCHOR).map(|bytes| bytes.to_vec()),
            audit: self.audit,
            newest: self.newest,
            at_anchor: self.at_anchor,
            entries: self.entries,
        })
    }
}

const SEAL: &str = "the seal keys";
const PIN: &str = "the pin keys";
const ID: &str = "the gateway's id";
const ANCHOR: &str = "the anchor";

fn write(path: &PathBuf, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let unwritable = || format!("cannot write {}", path.display());
    let folder = path.parent().with_context(unwritable)?;
    fs::create_dir_all(folder).with_context(unwritable)?;
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).open(path);
    let mut file = file.with_context(unwritable)?;
    file.write_all(bytes).with_context(unwritable)?;
    file.sync_all().with_context(unwritable)?;
    File::open(folder)
        .and_then(|f| f.sync_all())
        .with_context(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::{About, Writer};
    use crate::registry::SystemRandomness;

    fn written(path: &Path, secret: &Secret) -> Header {
        let about = About {
            region: "frankfurt".to_owned(),
            gateway: "g".to_owned(),
            created_at: "2026-11-23T19:00:00Z".to_owned(),
            chain: None,
        };
        let file = File::create(path).unwrap();
        let writer = Writer::start(file, about, secret, &SystemRandomness).unwrap();
        writer.finish().unwrap();
        archive(path, secret).unwrap().0
    }

    /// Control: what is written is what was checked, not an older backup that took its place.
    #[test]
    fn another_backup_does_not_take_the_place_of_the_one_that_was_checked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("backup");
        let secret = Secret::Recovery {
            id: "recovery".to_owned(),
            key: Zeroizing::new([1; 32]),
        };
        let header = written(&path, &secret);
        assert!(same(&path, &secret, &header).is_ok());
        written(&path, &secret);
        let Err(error) = same(&path, &secret, &header) else {
            panic!("another backup was taken")
        };
        assert!(error.to_string().contains("was replaced"), "{error}");
    }
}
