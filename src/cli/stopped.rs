//! A stopped gateway's region, for the commands that work on its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};

use super::exit::Stop;
use crate::audit::{self, Action, Actor, AuditLog, Deed, Origin};
use crate::config::{self, Config, KeyFile, PinSigningKey, RegistryStore, SealKey};
use crate::domain::{Clock, SystemClock};
use crate::registry::{
    EmbeddedError, EmbeddedStore, EtcdStore, FileKeys, Parts, Registry, Store, SystemRandomness,
};

/// # Errors
/// All that is wrong with the configuration.
pub fn load(path: &Path) -> anyhow::Result<Config> {
    let loaded = config::load(path);
    let (config, _) = loaded.map_err(|faults| anyhow!("{faults}"))?;
    Ok(config)
}

/// The file of the embedded registry.
///
/// # Errors
/// When the registry is elsewhere.
pub fn registry_file(config: &Config) -> anyhow::Result<&Path> {
    match &config.registry.store {
        RegistryStore::Embedded { path } => Ok(path),
        RegistryStore::Etcd(_) => {
            bail!(
                "this command works on an embedded registry's file: etcd is backed up and restored by its own means (docs/registry.md, \"Registry in etcd\")"
            )
        }
    }
}

/// Opens the registry's file, which must be there.
///
/// # Errors
/// When a gateway runs, or there is no registry.
pub fn store(config: &Config) -> anyhow::Result<Arc<EmbeddedStore>> {
    let path = registry_file(config)?;
    if !path.exists() {
        bail!("there is no registry at {}", path.display());
    }
    opened(path)
}

/// The registry's store, whichever it is.
///
/// # Errors
/// When a gateway has its file, there is no registry, or the way to etcd cannot be made.
pub fn any_store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    match &config.registry.store {
        RegistryStore::Embedded { .. } => Ok(store(config)?),
        RegistryStore::Etcd(etcd) => Ok(EtcdStore::open(etcd, &config.region)?),
    }
}

fn opened(path: &Path) -> anyhow::Result<Arc<EmbeddedStore>> {
    EmbeddedStore::open(path).map_err(|error| unopened(path, error))
}

/// Why the registry's file was not opened.
pub fn unopened(path: &Path, error: EmbeddedError) -> anyhow::Error {
    match error {
        EmbeddedError::InUse => anyhow!(
            "{} is in use: stop the gateway first, and start it again afterwards",
            path.display()
        ),
        error => anyhow!(error).context(format!("cannot open {}", path.display())),
    }
}

/// The region's view of its store. `anchor` is the file to compare it with.
///
/// # Errors
/// When keys or anchor cannot be used.
pub async fn registry(
    config: &Config,
    store: Arc<dyn Store>,
    anchor: PathBuf,
) -> anyhow::Result<Arc<Registry>> {
    let pin_keys = KeyFile::<PinSigningKey>::read(&config.keys.pin)?;
    let pin_key = pin_keys.keys.into_iter().next();
    let pin_key = pin_key.context("the file of pin keys has no key")?;
    let seal_keys = KeyFile::<SealKey>::read(&config.keys.seal)?;
    let parts = Parts {
        region: config.region.clone(),
        catalogue: Arc::clone(&config.catalogue),
        store,
        keys: Arc::new(FileKeys::new(seal_keys, &pin_key)?),
        anchor,
        cache_capacity: 1_024,
        negative_ttl: config.registry.negative_ttl,
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        require_anchor: false,
    };
    Ok(Registry::open(parts).await?)
}

/// The gateway's audit log, to go on with.
///
/// # Errors
/// When it cannot be used, or a gateway runs.
pub fn audit_log(config: &Config) -> anyhow::Result<AuditLog> {
    audit_log_of(config, &KeyFile::<PinSigningKey>::read(&config.keys.pin)?)
}

/// The gateway's audit log, by these keys.
///
/// # Errors
/// As [`audit_log`].
pub fn audit_log_of(config: &Config, keys: &KeyFile<PinSigningKey>) -> anyhow::Result<AuditLog> {
    let gateway_id = audit::gateway_id(&config.data_dir, &SystemClock)
        .context("the gateway's id cannot be read")?;
    let origin = Origin {
        region: config.region.clone(),
        gateway_id,
    };
    let seeds: Vec<_> = keys.keys.iter().map(|key| &*key.seed).collect();
    let log = AuditLog::open(&audit_dir(config), origin, &seeds, Arc::new(SystemClock));
    log.context("nothing is done that cannot be audited (is the gateway still running?)")
}

pub fn audit_dir(config: &Config) -> PathBuf {
    config.data_dir.join("audit")
}

/// What the machine's administrator does with a command.
pub fn deed(action: Action) -> Deed {
    Deed {
        actor: Actor::Gateway,
        action,
        app_id: None,
    }
}

/// Refuses, and writes it into the audit log where there is one.
pub async fn refused(
    config: &Config,
    action: Action,
    code: &'static str,
    problem: String,
) -> anyhow::Error {
    if audit_dir(config).join("checkpoint").exists() {
        match audit_log(config) {
            Ok(log) => {
                if let Err(error) = log.refuse(&deed(action), code).await {
                    return anyhow!("{problem}; and it cannot be audited: {error}");
                }
            }
            // The refusal stands, whatever keeps the log from being opened.
            Err(error) => super::exit::tell(&format!("the refusal is not audited: {error:#}")),
        }
    }
    Stop::Refused(problem).into()
}

/// RFC 3339, to the second.
///
/// # Errors
/// When the machine's clock is wrong.
pub fn now() -> anyhow::Result<String> {
    let seconds = i64::try_from(SystemClock.unix()).context("this machine's clock is wrong")?;
    let time = jiff::Timestamp::from_second(seconds);
    Ok(time.context("this machine's clock is wrong")?.to_string())
}
