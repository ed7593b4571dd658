//! A sample App for each zone, with a user and tokens.

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::files::Folder;
use super::places::{Place, Zone};
use crate::app::{App, Running};
use crate::audit::{Action, Actor, Deed};
use crate::domain::{AppKey, Clock};
use crate::registry::{self, AppName, Home, NewApp, Registered};

/// What `--json` says of a sample App.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    pub app_id: String,
    pub app_key: String,
    pub org: String,
    pub app: String,
    pub region: String,
    pub zone: String,
    pub certificate: String,
    pub user: String,
    pub user_token: String,
    pub app_token: String,
}

/// The org of all samples.
const ORG: &str = "demo";

/// A random-looking id, as user ids should be.
const USER: &str = "u7k2m9";

/// How long the demo's tokens live: the most that is allowed.
const TTL: u32 = 24 * 60 * 60;

/// Registers the samples that are not there, and makes their users through the gateways.
///
/// # Errors
/// When an App cannot be registered, or a gateway does not answer.
pub async fn ensure(
    app: &App,
    places: &[Place],
    folder: &Folder,
    clock: &dyn Clock,
) -> anyhow::Result<Vec<Sample>> {
    let http = crate::cli::http_client(Some(&folder.ca()), None)?;
    let mut samples = Vec::new();
    for place in places {
        let gateway = app
            .gateway(&place.region)
            .context("the region is not running")?;
        for zone in place.zones() {
            let registered = registered(gateway, place, &zone).await?;
            let sample = sample(&registered, place, &zone, clock)?;
            make_user(&http, place, &sample).await?;
            samples.push(sample);
        }
    }
    Ok(samples)
}

async fn registered(
    gateway: &Running,
    place: &Place,
    zone: &Zone,
) -> anyhow::Result<std::sync::Arc<registry::App>> {
    let registry = &gateway.lasting.registry;
    let app_key = AppKey::new(ORG, zone.id.as_str())?;
    if let Some(known) = registry.look_up(AppName::Key(app_key)).await? {
        return match &known.home {
            Home::Here(app) => Ok(std::sync::Arc::clone(app)),
            Home::Elsewhere(region) => bail!("{app_key} lives in {region}"),
        };
    }
    let new = NewApp {
        app_id: None,
        app_key,
        region: Some(place.region.clone()),
        zone: Some(zone.id.clone()),
        plan: None,
        auth_mode: None,
    };
    let deed = Deed {
        actor: Actor::Gateway,
        action: Action::Register,
        app_id: None,
    };
    let act = gateway.lasting.audit.begin(deed).await?;
    let registered = registry.register(new).await?;
    let (Registered::Created { app, pins, .. } | Registered::Existing { app, pins }) = registered;
    let act = act.about(app.app_id).pinned(&pins.id, &pins.key);
    act.done().await?;
    Ok(app)
}

fn sample(
    app: &registry::App,
    place: &Place,
    zone: &Zone,
    clock: &dyn Clock,
) -> anyhow::Result<Sample> {
    let certificate = app
        .certificates
        .first()
        .context("the App has no certificate")?;
    let certificate = certificate.value.expose_secret();
    let now = u32::try_from(clock.unix()).context("this machine's clock is wrong")?;
    let id = app.app_id.as_str();
    Ok(Sample {
        app_id: id.to_owned(),
        app_key: app.app_key.to_string(),
        org: app.app_key.org().to_owned(),
        app: app.app_key.app().to_owned(),
        region: place.region.to_string(),
        zone: zone.id.to_string(),
        certificate: certificate.to_owned(),
        user: USER.to_owned(),
        user_token: access_token::build_user_token(id, certificate, USER, TTL, now, salt()?)?,
        app_token: access_token::build_app_token(id, certificate, TTL, now, salt()?)?,
    })
}

fn salt() -> anyhow::Result<u32> {
    use crate::registry::{Randomness, SystemRandomness};
    let mut bytes = [0; 4];
    SystemRandomness
        .fill(&mut bytes)
        .context("the system gives no random bytes")?;
    Ok(1 + u32::from_le_bytes(bytes) % 99_999_999)
}

/// Makes the user in the data centre, as the App's backend would. One that is there is fine.
async fn make_user(http: &reqwest::Client, place: &Place, sample: &Sample) -> anyhow::Result<()> {
    let (org, app) = (&sample.org, &sample.app);
    let base = format!("https://localhost:{}/{org}/{app}/users", place.https());
    let there = http
        .get(format!("{base}/{USER}"))
        .bearer_auth(&sample.app_token);
    let there = there.send().await.context("a gateway does not answer")?;
    if there.status().is_success() {
        return Ok(());
    }
    let body = serde_json::json!({"username": USER, "password": sample.app_id});
    let made = http.post(&base).bearer_auth(&sample.app_token).json(&body);
    let made = made.send().await.context("a gateway does not answer")?;
    if !made.status().is_success() {
        bail!(
            "a sample user cannot be made in zone {}: {}",
            sample.zone,
            made.status()
        );
    }
    Ok(())
}
