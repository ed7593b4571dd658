//! The canary: Apps that every region but their home must refuse.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::read::{Item, Place, Section};
use crate::domain::{AppKey, RegionId};

/// What the gateway's own probe asks for.
#[derive(Debug, Clone)]
pub struct Probe {
    pub interval: Duration,
    pub apps: Vec<ProbedApp>,
    /// CAs of the regions' public certificates; the machine's own without it.
    pub ca: Option<PathBuf>,
}

/// An App that is registered to be asked for. It has no users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbedApp {
    pub app_key: AppKey,
    pub region: RegionId,
}

const INTERVAL: Duration = Duration::from_secs(60);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(86_400);
const APPS: &str = "an App for each region: [{app_key: \"org#app\", region: frankfurt}]";
const APP_KEY: &str = "an AppKey such as \"acme#probe-fra\"";
const REGION: &str = "the App's home, such as frankfurt";

/// The section, and where its Apps' homes stand, to be compared with the catalogue.
pub(super) struct ProbeSection {
    pub(super) probe: Probe,
    pub(super) homes: Vec<(Place, RegionId)>,
}

pub(super) fn read(item: &Item<'_>, base: &Path) -> Option<ProbeSection> {
    let mut homes = Vec::new();
    let probe = item.section(|s| Probe {
        interval: s.duration("interval", SHORTEST..=LONGEST, INTERVAL),
        apps: apps(s, &mut homes),
        ca: s.path("ca", base),
    });
    probe.map(|probe| ProbeSection { probe, homes })
}

fn apps(s: &mut Section<'_>, homes: &mut Vec<(Place, RegionId)>) -> Vec<ProbedApp> {
    let mut apps: Vec<ProbedApp> = Vec::new();
    for item in s.need_list("apps", APPS) {
        let Some(app) = item.section(app).flatten() else {
            continue;
        };
        if apps.iter().any(|other| other.app_key == app.app_key) {
            item.fault::<()>("is in the list already", "each App once");
        }
        homes.push((item.place().key("region"), app.region.clone()));
        apps.push(app);
    }
    apps
}

fn app(s: &mut Section<'_>) -> Option<ProbedApp> {
    let app_key = s.need("app_key", APP_KEY);
    let app_key = app_key.and_then(|item| item.parse(APP_KEY, AppKey::parse));
    let region = s.need("region", REGION);
    let region = region.and_then(|item| item.parse(REGION, RegionId::parse));
    Some(ProbedApp {
        app_key: app_key?,
        region: region?,
    })
}
