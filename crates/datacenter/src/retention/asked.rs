//! What a gateway asks for: a page of Apps with their retentions, and what it has written of earlier reports.

use serde::Deserialize;

use crate::app_key::AppKey;
use crate::server::fault::Fault;

pub(super) struct Asked {
    /// The gateway's clock, in Unix milliseconds.
    pub(super) now: u64,
    /// With days.
    pub(super) apps: Vec<(AppKey, u64)>,
    /// With the last sweep that is in the audit log.
    pub(super) acknowledged: Vec<(AppKey, u64)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    now: u64,
    apps: Vec<Kept>,
    #[serde(default)]
    acknowledged: Vec<Told>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    app_key: String,
    retention_days: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    app_key: String,
    sweep_id: String,
}

impl Asked {
    pub(super) fn read(body: &[u8]) -> Result<Asked, Fault> {
        let body: Body = serde_json::from_slice(body).map_err(|_| NOT_THIS)?;
        if body.apps.len() > APPS || body.acknowledged.len() > APPS {
            return Err(Fault::Illegal("there are more than 1000 Apps"));
        }
        let apps = body.apps.iter();
        let apps = apps.map(|kept| Ok((app(&kept.app_key)?, kept.retention_days)));
        let acknowledged = body.acknowledged.iter();
        let acknowledged = acknowledged.map(|told| Ok((app(&told.app_key)?, id(&told.sweep_id)?)));
        Ok(Asked {
            now: body.now,
            apps: apps.collect::<Result<_, Fault>>()?,
            acknowledged: acknowledged.collect::<Result<_, Fault>>()?,
        })
    }
}

fn app(text: &str) -> Result<AppKey, Fault> {
    let halves = text.split_once('#');
    let app = halves.and_then(|(org, app)| AppKey::new(org, app));
    app.ok_or(Fault::Illegal("an app_key is none"))
}

fn id(text: &str) -> Result<u64, Fault> {
    u64::from_str_radix(text, 16).map_err(|_| Fault::Illegal("a sweep_id is none"))
}

const NOT_THIS: Fault = Fault::Illegal(
    "the body is not an object of now, apps (app_key, retention_days) and, if wanted, acknowledged \
     (app_key, sweep_id)",
);
/// In one request, at most.
const APPS: usize = 1_000;
