//! `domicile backup`: a region's keys, registry and audit log in one encrypted file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Serialize;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::exit::{Exit, Outcome, Stop, tell};
use super::output::{Output, members};
use super::{secret_file, stopped};
use crate::audit::Action;
use crate::backup::{About, Chain, Part, Secret, Writer};
use crate::config::{Config, KeyFile, SealKey, keys};
use crate::registry::{
    EmbeddedStore, Export, Key, Link, Randomness, Store, SystemRandomness, anchored,
};

/// Writes a stopped gateway's keys, registry and audit log into one encrypted file
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The gateway's configuration
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "new_recovery_key"
    )]
    config: Option<PathBuf>,
    /// The file to write; it must not be there
    #[arg(
        long,
        value_name = "FILE",
        requires = "config",
        required_unless_present = "new_recovery_key"
    )]
    out: Option<PathBuf>,
    #[command(flatten)]
    secret: SecretArgs,
    /// Only make a new recovery key, in a file that is not there yet
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "out", "passphrase_file", "recovery_key_file"])]
    new_recovery_key: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What opens a backup.
#[derive(Debug, clap::Args)]
pub struct SecretArgs {
    /// A file whose first line is the passphrase; - reads it from standard input
    #[arg(long, value_name = "FILE", conflicts_with = "recovery_key_file")]
    passphrase_file: Option<PathBuf>,
    /// A file with a recovery key, as --new-recovery-key makes one
    #[arg(long, value_name = "FILE")]
    recovery_key_file: Option<PathBuf>,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Made {
    file: PathBuf,
    region: String,
    created_at: String,
    /// Of the region's newest link.
    chain: Option<u64>,
    files: u64,
    entries: u64,
}

/// # Errors
/// When the gateway runs, or something cannot be read or written. There is no file then.
pub async fn run(args: &Args) -> Outcome {
    if let Some(path) = &args.new_recovery_key {
        return new_recovery_key(path);
    }
    let (Some(config), Some(out)) = (&args.config, &args.out) else {
        // clap demands them.
        return Err(Stop::WrongUse("--config and --out are needed".to_owned()).into());
    };
    if out.exists() {
        bail!(
            "{} is there already: backup never overwrites",
            out.display()
        );
    }
    let secret = args.secret.read()?;
    let config = stopped::load(config)?;
    let store = stopped::store(&config)?;
    let log = stopped::audit_log(&config)?;
    let act = log.begin(stopped::deed(Action::Backup)).await?;
    match make(&config, &store, &secret, out).await {
        Ok(made) => {
            act.done().await?;
            let printed = args.output.data(&made, table);
            printed.context("the backup is made, but that cannot be printed")?;
            Ok(Exit::Done)
        }
        Err(error) => {
            act.failed("internal").await?;
            Err(error)
        }
    }
}

fn new_recovery_key(path: &Path) -> Outcome {
    let mut key = Zeroizing::new([0; 32]);
    SystemRandomness.fill(key.as_mut_slice())?;
    let day: String = stopped::now()?.chars().take(10).collect();
    let made = keys::write_new(path, &format!("recovery-{day}"), &key);
    made.with_context(|| format!("cannot make {}", path.display()))?;
    tell("Keep the recovery key where the backups are not: without it they open for nobody.");
    Ok(Exit::Done)
}

async fn make(
    config: &Config,
    store: &EmbeddedStore,
    secret: &Secret,
    out: &Path,
) -> anyhow::Result<Made> {
    let newest = whole(config, store).await?;
    let about = About {
        region: config.region.to_string(),
        gateway: gateway_id(config)?,
        created_at: stopped::now()?,
        chain: newest.map(|link| Chain {
            n: link.n,
            hash: link.hash.to_string(),
        }),
    };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let unwritable = || format!("cannot write {}", out.display());
    let beside = NamedTempFile::new_in(folder).with_context(unwritable)?;
    let output = BufWriter::new(beside);
    let mut writer = Writer::start(output, about.clone(), secret, &SystemRandomness)?;
    put_files(config, &mut writer)?;
    put_entries(config, store, &mut writer).await?;
    let (files, entries, output) = writer.finish()?;
    let beside = output.into_inner().map_err(io::IntoInnerError::into_error);
    let beside = beside.with_context(unwritable)?;
    beside.as_file().sync_all().with_context(unwritable)?;
    beside.persist_noclobber(out).with_context(unwritable)?;
    File::open(folder)
        .and_then(|f| f.sync_all())
        .with_context(unwritable)?;
    Ok(Made {
        file: out.to_owned(),
        region: about.region,
        created_at: about.created_at,
        chain: newest.map(|link| link.n),
        files,
        entries,
    })
}

/// The newest link of a store that has lost nothing. A backup of another would be believed later.
async fn whole(config: &Config, store: &EmbeddedStore) -> anyhow::Result<Option<Link>> {
    let (_, seen) = anchored(config.registry.anchor.clone(), &config.region)?;
    if let Some(seen) = seen
        && store.link(&config.region, seen.n).await? != Some(seen)
    {
        bail!(
            "the registry is older than its anchor: bring it up to date with `domicile registry reconcile` first"
        );
    }
    Ok(store.newest_link(&config.region).await?)
}

fn gateway_id(config: &Config) -> anyhow::Result<String> {
    let path = config.data_dir.join("gateway-id");
    let text = fs::read_to_string(&path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

fn put_files<W: Write>(config: &Config, writer: &mut Writer<W>) -> anyhow::Result<()> {
    let parts = [
        (Part::SealKeys, config.keys.seal.clone()),
        (Part::PinKeys, config.keys.pin.clone()),
        (Part::GatewayId, config.data_dir.join("gateway-id")),
        (Part::Anchor, config.registry.anchor.clone()),
    ];
    for (part, path) in parts {
        if part == Part::Anchor && !path.exists() {
            continue;
        }
        writer.file(part, read(&path)?)?;
    }
    let root = stopped::audit_dir(config);
    for path in files(&root)? {
        let inside = path
            .strip_prefix(&root)
            .context("a file outside its folder")?;
        let written = writer.file(Part::Audit(inside.to_owned()), read(&path)?);
        written.with_context(|| format!("{} cannot go into a backup", path.display()))?;
    }
    Ok(())
}

async fn put_entries<W: Write>(
    config: &Config,
    store: &EmbeddedStore,
    writer: &mut Writer<W>,
) -> anyhow::Result<()> {
    let regions = store.read(vec![Key::regions()]).await?;
    if let Some(regions) = regions.into_iter().next().flatten() {
        writer.entry(Key::regions().as_str(), regions)?;
    }
    let mut export = Export::new(store, &config.region);
    loop {
        let entries = export.next().await?;
        if entries.is_empty() {
            return Ok(());
        }
        for (key, value) in entries {
            writer.entry(key.as_str(), value)?;
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// All files below a folder, in the order of their paths.
fn files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let unreadable = || format!("cannot read {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            if entry.file_type().with_context(unreadable)?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn table(made: &Made) -> String {
    members(&serde_json::to_value(made).unwrap_or_default())
}

/// Far more than a passphrase needs, in bytes.
const LONGEST: u64 = 4_096;

/// Shorter ones are guessed, however often each guess is stretched.
const SHORTEST: usize = 12;

impl SecretArgs {
    /// # Errors
    /// When none was given, or its file cannot be read.
    pub fn read(&self) -> anyhow::Result<Secret> {
        match (&self.passphrase_file, &self.recovery_key_file) {
            (Some(path), _) => Ok(Secret::Passphrase(passphrase(path)?)),
            (None, Some(path)) => {
                let newest = KeyFile::<SealKey>::read(path)?.keys.into_iter().next();
                let SealKey { id, key } = newest.context("the recovery key file has no key")?;
                Ok(Secret::Recovery { id, key })
            }
            (None, None) => {
                let problem = "give --passphrase-file or --recovery-key-file: a backup is never written in the clear";
                Err(Stop::WrongUse(problem.to_owned()).into())
            }
        }
    }
}

/// The first line as it is, wherever it comes from: what one way closed, the other opens.
fn passphrase(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = if path == Path::new("-") {
        some(io::stdin().lock()).context("cannot read the passphrase from standard input")?
    } else {
        secret_file::warn_if_others_may_read(path, "the passphrase");
        let unreadable = || format!("cannot read the passphrase from {}", path.display());
        some(File::open(path).with_context(unreadable)?).with_context(unreadable)?
    };
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() as u64 > LONGEST {
        bail!("the passphrase is longer than {LONGEST} bytes");
    }
    let line = std::str::from_utf8(line).context("the passphrase is not UTF-8")?;
    if line.chars().count() < SHORTEST {
        bail!("the passphrase is shorter than {SHORTEST} characters: a file is tried offline");
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// A little more than the longest passphrase.
fn some(input: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it from the start: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * LONGEST as usize));
    input.take(LONGEST + 2).read_to_end(&mut bytes)?;
    Ok(bytes)
}
