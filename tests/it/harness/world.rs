//! Several regions' gateways and their data centres, in this process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use datacenter::{DataCentre, GatewayAuth, SealKey, SealKeys, Settings};
use domicile::app::{Addresses, App, Options, ReloadError, Running};
use domicile::domain::{AppId, Clock, ManualClock, RegionId};
use domicile::registry::{self, Registered};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::apps::{TestApp, Wish};
use super::centre::Centre;
use super::certificates::{self, Pair};
use super::im::Im;
use super::plan::{self, Plan};
use super::scrape::Metrics;
use super::wire::Wire;

/// When the tests play: 2026-11-23T19:00:00Z.
pub const NOW: u64 = 1_795_460_400;

/// Regions, gateways, data centres and Apps. Every test ends with [`World::finish`].
pub struct World {
    pub clock: Arc<ManualClock>,
    pub(super) apps: Mutex<Vec<TestApp>>,
    pub(super) plan: Plan,
    app: Option<App>,
    centres: BTreeMap<String, Vec<Centre>>,
    ims: BTreeMap<String, Im>,
    references: Vec<DataCentre>,
    folder: Option<TempDir>,
    next: AtomicUsize,
}

/// What a world leaves behind.
pub struct Ended {
    folder: TempDir,
}

impl World {
    /// Beijing with its two zones, and Frankfurt.
    pub async fn new() -> Self {
        Self::of(Plan::default()).await
    }

    /// Starts to say what the world is to be like.
    pub fn plan() -> Plan {
        Plan::default()
    }

    pub async fn of(plan: Plan) -> Self {
        let mut world = Self::without_gateways(plan).await;
        world.start_gateways().await;
        world
    }

    /// Data centres and files, but no gateway yet.
    pub async fn without_gateways(plan: Plan) -> Self {
        super::log::start();
        let folder = tempfile::Builder::new()
            .prefix("domicile-it-")
            .tempdir()
            .unwrap();
        plan.lay_out(folder.path(), NOW);
        let mut world = Self {
            clock: Arc::new(ManualClock::at(NOW)),
            apps: Mutex::default(),
            app: None,
            centres: BTreeMap::new(),
            ims: BTreeMap::new(),
            references: Vec::new(),
            folder: Some(folder),
            next: AtomicUsize::new(1),
            plan,
        };
        world.start_centres().await;
        world
    }

    async fn start_centres(&mut self) {
        for zone in self.plan.zones() {
            let more = self.plan.more.get(zone).copied().unwrap_or(0);
            let mut centres = Vec::new();
            if self.plan.reference {
                self.start_reference(zone).await;
                continue;
            }
            for k in 0..=more {
                centres.push(Centre::start(zone, plan::ip_of(zone, k)).await);
            }
            self.centres.insert(zone.to_owned(), centres);
            let im = Im::start(zone, plan::ip_of(zone, 200)).await;
            self.ims.insert(zone.to_owned(), im);
        }
        for (k, (zone, channel)) in (100..).zip(self.plan.channels.clone()) {
            let centre = Centre::start(zone, plan::ip_of(zone, k)).await;
            self.centres
                .insert(format!("{zone}/{channel}"), vec![centre]);
        }
    }

    async fn start_reference(&mut self, zone: &'static str) {
        struct Shared(Arc<ManualClock>);
        impl datacenter::Clock for Shared {
            fn unix_millis(&self) -> u64 {
                self.0.unix_millis()
            }
        }
        let data = self.root().join("datacenter").join(zone);
        std::fs::create_dir_all(&data).unwrap();
        let settings = Settings {
            region: plan::region_of(zone).to_owned(),
            zone: zone.to_owned(),
            data,
            rest: SocketAddr::new(plan::ip_of(zone, 0), 0),
            websocket: Some(SocketAddr::new(plan::ip_of(zone, 0), 0)),
            msync: Some(SocketAddr::new(plan::ip_of(zone, 0), 0)),
            auth: GatewayAuth::Secret(plan::SECRET.to_owned()),
            keys: centre_keys(&[7]),
            away: datacenter::AWAY,
            sweep_every: datacenter::SWEEP_EVERY,
            clock: Arc::new(Shared(Arc::clone(&self.clock))),
        };
        self.references
            .push(DataCentre::start(settings).await.unwrap());
    }

    /// Writes the configurations and starts their gateways.
    pub async fn start_gateways(&mut self) {
        let mut configs = Vec::new();
        for path in self.configure() {
            let loaded = domicile::config::load_checked(&path, self.clock.unix());
            let (config, _) = loaded.unwrap_or_else(|report| panic!("{report}"));
            configs.push(config);
        }
        let options = Options {
            cores: self.plan.cores,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            store: self.plan.store.clone(),
            ..Options::default()
        };
        self.app = Some(App::start(configs, options).await.unwrap());
    }

    /// Has every region's `gateway.yaml` changed before it is written; for what must be there
    /// before its gateways start.
    pub fn edit(&mut self, edit: impl Fn(&str, String) -> String + Send + Sync + 'static) {
        self.plan.edits.push(Box::new(edit));
    }

    /// Has the gateway of a region take its configuration, as it would be written now.
    ///
    /// # Errors
    /// When the gateway keeps the one it has.
    pub async fn reload(&self, region: &str) -> Result<(), ReloadError> {
        let regions = &self.plan.regions;
        let n = regions.iter().position(|r| *r == region).unwrap();
        let path = &self.configure()[n];
        let loaded = domicile::config::load_checked(path, self.clock.unix());
        let (config, _) = loaded.unwrap_or_else(|report| panic!("{report}"));
        self.app
            .as_ref()
            .expect("gateways run")
            .reload(n, config)
            .await
    }

    /// Writes a file into a region's folder, as an administrator would: in one step.
    pub fn put(&self, region: &str, name: &str, text: &str) {
        let folder = self.root().join(region);
        let fresh = folder.join("fresh");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(fresh, folder.join(name)).unwrap();
    }

    /// Gives a region's listeners another certificate.
    pub fn certify(&self, region: &str, names: &[&str]) -> Pair {
        let pair = certificates::issue(&certificates::Wish::names(names));
        self.put(region, "tls.crt", &pair.certificate);
        self.put(region, "tls.key", &pair.key);
        pair
    }

    /// Writes every region's `gateway.yaml`.
    pub fn configure(&self) -> Vec<PathBuf> {
        let zones = self.plan.zones();
        let addresses = |zone: &str, channel: Option<&str>| {
            let key = channel.map_or(zone.to_owned(), |channel| format!("{zone}/{channel}"));
            match self.centres.get(&key) {
                Some(centres) => centres.iter().map(|c| c.address).collect(),
                None => {
                    let n = zones.iter().position(|z| *z == zone).unwrap();
                    vec![self.references[n].rest_addr()]
                }
            }
        };
        let sessions = |zone: &str| match self.ims.get(zone) {
            Some(im) => Some((im.websocket, im.msync)),
            None => {
                let n = zones.iter().position(|z| *z == zone).unwrap();
                let centre = &self.references[n];
                Some((centre.websocket_addr()?, centre.msync_addr()?))
            }
        };
        let regions = self.plan.regions.iter();
        regions
            .map(|region| {
                let root = self.root();
                self.plan.configure(&root, region, addresses, sessions)
            })
            .collect()
    }

    /// Drains and ends the gateways; data centres and files stay.
    pub async fn stop_gateways(&mut self) {
        if let Some(app) = self.app.take() {
            app.shutdown().await;
        }
    }

    /// Begins to drain and end the gateways.
    pub fn begin_shutdown(&mut self) -> tokio::task::JoinHandle<()> {
        let app = self.app.take().expect("gateways are running");
        tokio::spawn(app.shutdown())
    }

    /// The folder of everything.
    pub fn root(&self) -> PathBuf {
        self.folder
            .as_ref()
            .expect("the world stands")
            .path()
            .to_owned()
    }

    pub fn gateway(&self, region: &str) -> &Running {
        let app = self.app.as_ref().expect("gateways are running");
        app.gateway(&RegionId::parse(region).unwrap())
            .expect("the region is in the plan")
    }

    pub fn addresses(&self, region: &str) -> Addresses {
        self.gateway(region).addresses
    }

    /// The zone's first data centre.
    pub fn centre(&self, zone: &str) -> &Centre {
        &self.centres_of(zone)[0]
    }

    pub fn centres_of(&self, zone: &str) -> &[Centre] {
        self.centres
            .get(zone)
            .unwrap_or_else(|| panic!("no data centre {zone}"))
    }

    /// The session side of the zone's data centre.
    pub fn im(&self, zone: &str) -> &Im {
        &self.ims[zone]
    }

    pub fn ims(&self) -> impl Iterator<Item = &Im> {
        self.ims.values()
    }

    /// The data centre of one channel, as in [`Plan::channel`].
    pub fn channel_centre(&self, zone: &str, channel: &str) -> &Centre {
        &self.centres_of(&format!("{zone}/{channel}"))[0]
    }

    pub fn all_centres(&self) -> impl Iterator<Item = &Centre> {
        self.centres.values().flatten()
    }

    /// Requests that any data centre has seen.
    pub fn forwarded(&self) -> usize {
        self.all_centres().map(Centre::count).sum()
    }

    /// Registers an App in a zone, under names of its own.
    pub async fn app(&self, zone: &'static str) -> TestApp {
        self.app_with(zone, Wish::default()).await
    }

    pub async fn app_with(&self, zone: &'static str, wish: Wish) -> TestApp {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.app_named(zone, "acme", &format!("chat-{n}"), wish)
            .await
    }

    pub async fn app_named(&self, zone: &'static str, org: &str, app: &str, wish: Wish) -> TestApp {
        let region = plan::region_of(zone);
        let registry = &self.gateway(region).lasting.registry;
        let new = wish.new_app(org, app, region, zone);
        let Registered::Created {
            app: made,
            certificate,
            ..
        } = registry.register(new).await.unwrap()
        else {
            panic!("{org}#{app} was there before")
        };
        let app = TestApp {
            app_id: made.app_id.to_string(),
            org: org.to_owned(),
            app: app.to_owned(),
            region,
            zone,
            certificate: certificate.value.expose_secret().to_owned(),
            clock: Arc::clone(&self.clock),
        };
        self.apps.lock().unwrap().push(app.clone());
        app
    }

    pub fn registry(&self, region: &str) -> &Arc<registry::Registry> {
        &self.gateway(region).lasting.registry
    }

    pub async fn suspend(&self, app: &TestApp) {
        let id = AppId::parse(&app.app_id).unwrap();
        self.registry(app.region).suspend(&id, None).await.unwrap();
    }

    pub async fn resume(&self, app: &TestApp) {
        let id = AppId::parse(&app.app_id).unwrap();
        self.registry(app.region).resume(&id, None).await.unwrap();
    }

    pub async fn retire(&self, app: &TestApp) {
        let id = AppId::parse(&app.app_id).unwrap();
        self.registry(app.region).retire(&id, None).await.unwrap();
    }

    pub async fn revoke_user(&self, app: &TestApp, user: &str) {
        let id = AppId::parse(&app.app_id).unwrap();
        let registry = self.registry(app.region);
        registry.revoke_user(&id, None, user).await.unwrap();
    }

    /// Gives the App another certificate, and revokes the one that signs its tokens.
    pub async fn replace_certificate(&self, app: &TestApp) {
        let id = AppId::parse(&app.app_id).unwrap();
        let registry = self.registry(app.region);
        let (before, fresh) = registry.create_certificate(&id, None).await.unwrap();
        let promoted = registry.promote_certificate(&id, None, &fresh.id).await;
        promoted.unwrap();
        let old = &before.certificates[0].id;
        registry.delete_certificate(&id, None, old).await.unwrap();
    }

    /// A connection over TLS, with the region's own name.
    pub async fn wire(&self, region: &str) -> Wire {
        let address = self.addresses(region).https.unwrap();
        Wire::tls(address, &plan::rest_name(region)).await
    }

    /// A connection without TLS.
    pub async fn plain_wire(&self, region: &str) -> Wire {
        Wire::plain(self.addresses(region).http.unwrap()).await
    }

    pub async fn metrics(&self, region: &str) -> Metrics {
        Metrics::scrape(self.addresses(region).ops.unwrap()).await
    }

    /// The region's owner key.
    pub fn admin_key(&self, region: &str) -> String {
        std::fs::read_to_string(self.root().join(region).join("admin.key")).unwrap()
    }

    /// Ends everything, and checks the isolation invariant.
    ///
    /// # Panics
    /// When a data centre got a byte of an App that isn't pinned to its zone.
    pub async fn finish(self) -> Ended {
        self.finish_with_violations(0.0).await
    }

    /// The same for a test in which the data centre itself breaks the isolation, which is counted.
    ///
    /// # Panics
    /// As [`World::finish`].
    pub async fn finish_with_violations(mut self, expected: f64) -> Ended {
        let mut found = 0.0;
        if self.app.is_some() {
            for region in &self.plan.regions {
                let metrics = self.metrics(region).await;
                found += metrics.sum("domicile_residency_violations_total", &[]);
            }
            assert_eq!(found, expected, "residency violations");
        }
        self.stop_gateways().await;
        let trespasses = self.trespasses();
        assert!(
            trespasses.is_empty(),
            "isolation is broken:\n{}",
            trespasses.join("\n")
        );
        for reference in std::mem::take(&mut self.references) {
            reference.shutdown().await;
        }
        let folder = self.folder.take().expect("a world ends once");
        Ended { folder }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let checked = self.folder.is_none();
        assert!(
            checked || std::thread::panicking(),
            "a test ends with World::finish"
        );
    }
}

impl Ended {
    /// A region's audit log, entry by entry.
    pub fn audit(&self, region: &str) -> Vec<serde_json::Value> {
        let entries = super::audit::entries(&self.audit_folder(region));
        entries
            .iter()
            .map(|entry| serde_json::from_str(entry).unwrap())
            .collect()
    }

    pub fn audit_text(&self, region: &str) -> String {
        super::audit::entries(&self.audit_folder(region)).join("\n")
    }

    pub fn audit_folder(&self, region: &str) -> PathBuf {
        self.folder.path().join(region).join("audit")
    }

    /// The sum of the counts of a code's `traffic` entries, of one App or of none.
    pub fn refused(&self, region: &str, code: &str, app_id: Option<&str>) -> u64 {
        let entries = self.audit(region);
        let fits = entries.iter().filter(|entry| {
            entry["action"] == "traffic"
                && entry["code"] == code
                && entry.get("app_id").and_then(|id| id.as_str()) == app_id
        });
        fits.map(|entry| entry["count"].as_u64().unwrap()).sum()
    }
}

/// Keys of a data centre that are told by their bytes, newest first.
pub fn centre_keys(bytes: &[u8]) -> SealKeys {
    let key = |byte: &u8| SealKey {
        id: format!("key-{byte}"),
        key: zeroize::Zeroizing::new([*byte; 32]),
    };
    SealKeys::new(bytes.iter().map(key).collect()).unwrap()
}
