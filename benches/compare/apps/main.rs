//! Registers many Apps in a region's file by the registry's own code, without the API and its audit
//! log, and writes a request for each: a line of what it did goes to standard output.
//!
//! The requests are records of [`RECORD`] bytes, one an App, which `requests.lua` sends: four digits
//! with the length, the request, and what it takes to fill the record.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use access_token::build_user_token;
use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use domicile::config::{self, KeyFile, RegistryStore};
use domicile::domain::{AppKey, Clock as _, SystemClock};
use domicile::registry::{
    EmbeddedStore, FileKeys, NewApp, Parts, Registered, Registry, SystemRandomness, ensure_regions,
};
use tokio::task::JoinSet;

#[derive(Parser)]
struct Args {
    /// The region's gateway.yaml. No gateway may be running.
    #[arg(long)]
    config: PathBuf,
    #[arg(long)]
    apps: usize,
    /// Where the requests go.
    #[arg(long)]
    requests: PathBuf,
}

/// The same in `requests.lua`.
const RECORD: usize = 384;

/// Tasks that register at once, so that commits are grouped.
const TASKS: usize = 256;

const USER: &str = "u7k2m9";
const DAY: u32 = 24 * 60 * 60;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let making = Arc::new(Making {
        registry: registry(&args.config).await?,
        requests: File::create(&args.requests)?,
        now: u32::try_from(SystemClock.unix())?,
    });
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let making = Arc::clone(&making);
        tasks.spawn(async move {
            for n in (task..args.apps).step_by(TASKS) {
                making.app(n).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let count = making.registry.count().await?;
    ensure!(count == args.apps as u64, "{count} Apps are registered");
    Ok(())
}

async fn registry(file: &std::path::Path) -> anyhow::Result<Arc<Registry>> {
    let Ok((config, _)) = config::load(file) else {
        bail!("{} has faults", file.display())
    };
    let RegistryStore::Embedded { path } = &config.registry.store else {
        bail!("the registry is not a file")
    };
    let store = EmbeddedStore::open(path)?;
    ensure_regions(&*store, &config.catalogue).await?;
    let pin_keys = KeyFile::read(&config.keys.pin)?;
    let pin_key = pin_keys.keys.into_iter().next().context("no pin key")?;
    let parts = Parts {
        region: config.region.clone(),
        catalogue: Arc::clone(&config.catalogue),
        store,
        keys: Arc::new(FileKeys::new(KeyFile::read(&config.keys.seal)?, &pin_key)?),
        anchor: config.registry.anchor.clone(),
        cache_capacity: 1_024,
        negative_ttl: config.registry.negative_ttl,
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        require_anchor: false,
    };
    Ok(Registry::open(parts).await?)
}

struct Making {
    registry: Arc<Registry>,
    requests: File,
    /// Unix seconds.
    now: u32,
}

impl Making {
    async fn app(&self, n: usize) -> anyhow::Result<()> {
        let name = format!("app-{n}");
        let new = NewApp {
            app_id: None,
            app_key: AppKey::parse(&format!("acme#{name}"))?,
            region: None,
            zone: None,
            plan: None,
            auth_mode: None,
        };
        let Registered::Created { app, .. } = self.registry.register(new).await? else {
            bail!("{name} was there before")
        };
        let texts = app.certificate_texts();
        let certificate = texts.first().context("no certificate")?;
        let salt = u32::try_from(n)? + 1;
        let token = build_user_token(app.app_id.as_str(), certificate, USER, DAY, self.now, salt)?;
        let record = record(&name, &token)?;
        self.requests
            .write_all_at(record.as_bytes(), (n * RECORD) as u64)?;
        Ok(())
    }
}

fn record(name: &str, token: &str) -> anyhow::Result<String> {
    let request = format!(
        "GET /acme/{name}/users/{USER} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let text = format!("{:04}{request}", request.len());
    ensure!(text.len() <= RECORD, "a request of {} bytes", request.len());
    Ok(format!("{text:RECORD$}"))
}
