//! `domicile demo`: four regions on this machine, in one process, with real parts.

mod certificates;
mod document;
mod files;
mod places;
mod samples;
mod tour;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use datacenter::{DataCentre, GatewayAuth, Settings};

use crate::app::{App, Options};
use crate::config;
use crate::domain::{Clock, SystemClock};

use document::Document;
use files::Folder;
use places::{Place, Ports, Zone, places};

/// How to run the demo.
#[derive(Debug)]
pub struct Plan {
    /// Region n listens on this port plus n, 10+n, 20+n and 30+n.
    pub port: u16,
    /// Where everything is kept; a temporary folder without it.
    pub data: Option<PathBuf>,
}

/// A running demo.
pub struct Demo {
    app: App,
    centres: Vec<DataCentre>,
    document: Document,
    /// Whether each zone has addresses of its own to guard.
    guarded: bool,
    /// Removed when the demo ends.
    _temporary: Option<tempfile::TempDir>,
}

impl Demo {
    /// Starts data centres and gateways, and makes the sample Apps and their users.
    ///
    /// # Errors
    /// When a port is taken, or something cannot be made.
    pub async fn start(plan: &Plan) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (root, temporary) = root(plan)?;
        let folder = Folder::open(&root, &*clock)?;
        let places = places(plan.port);
        let guarded = places::has_addresses();
        let mut centres = Vec::new();
        let mut configs = Vec::new();
        for place in &places {
            let mut ports = Vec::new();
            for zone in place.zones() {
                let centre = start_centre(&folder, place, &zone, guarded).await?;
                ports.push(ports_of(&centre)?);
                centres.push(centre);
            }
            folder.configure(place, &ports, guarded)?;
        }
        for place in &places {
            let (config, _) = config::load_checked(&folder.gateway_yaml(place), clock.unix())
                .map_err(|report| anyhow::anyhow!("the demo's own configuration: {report}"))?;
            configs.push(config);
        }
        let app = App::start(configs, Options::default()).await?;
        let samples = samples::ensure(&app, &places, &folder, &*clock).await?;
        let document = Document::new(&folder, &places, samples)?;
        Ok(Self {
            app,
            centres,
            document,
            guarded,
            _temporary: temporary,
        })
    }

    /// The document of `--json`.
    ///
    /// # Errors
    /// Never in practice: the document is plain data.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(&self.document)?)
    }

    /// A screenful for a newcomer.
    pub fn tour(&self) -> String {
        tour::text(&self.document, self.guarded)
    }

    /// Ends everything, in order.
    pub async fn shutdown(self) {
        self.app.shutdown().await;
        for centre in self.centres {
            centre.shutdown().await;
        }
    }
}

fn root(plan: &Plan) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(data) = &plan.data {
        std::fs::create_dir_all(data)
            .with_context(|| format!("cannot make the folder {}", data.display()))?;
        let root = std::path::absolute(data).context("cannot find the data folder")?;
        return Ok((root, None));
    }
    let temporary = tempfile::Builder::new()
        .prefix("domicile-demo-")
        .tempdir()
        .context("cannot make a temporary folder; name one with --data")?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

async fn start_centre(
    folder: &Folder,
    place: &Place,
    zone: &Zone,
    guarded: bool,
) -> anyhow::Result<DataCentre> {
    let tls = folder.zone_tls(place, zone);
    let settings = Settings {
        region: place.region.to_string(),
        zone: zone.id.to_string(),
        data: folder.centre(place, zone),
        rest: zone.address(guarded),
        websocket: Some(zone.address(guarded)),
        msync: Some(zone.address(guarded)),
        auth: GatewayAuth::MutualTls {
            ca: tls.ca,
            certificate: tls.centre_certificate,
            key: tls.centre_key,
        },
        keys: folder.centre_keys(place, zone)?,
        away: datacenter::AWAY,
        sweep_every: datacenter::SWEEP_EVERY,
        clock: Arc::new(CentreClock),
    };
    DataCentre::start(settings)
        .await
        .with_context(|| format!("the data centre of zone {} does not start", zone.id))
}

fn ports_of(centre: &DataCentre) -> anyhow::Result<Ports> {
    Ok(Ports {
        rest: centre.rest_addr(),
        websocket: centre.websocket_addr().context("no WebSocket port")?,
        msync: centre.msync_addr().context("no MSYNC port")?,
    })
}

/// The data centres' clock is this machine's.
struct CentreClock;

impl datacenter::Clock for CentreClock {
    fn unix_millis(&self) -> u64 {
        SystemClock.unix_millis()
    }
}
