//! `domicile init`: what a region's first gateway, or a further one, needs before it can start.

mod files;
mod join;
mod keys;
mod templates;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::exit::{Exit, Outcome, Stop};
use super::output::{Output, members};
use crate::admin::{AdminKey, OwnerFile};
use crate::domain::{Clock, RegionId, SystemClock, ZoneId};
use crate::registry::SystemRandomness;
use files::Folder;
use templates::Site;

/// Makes a region's keys, its catalogue entry, its first owner and a starting configuration
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The region's id, such as frankfurt
    #[arg(long)]
    region: String,
    /// The folder to make it in
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder of another gateway of the same region: its keys, catalogue and owner are used
    #[arg(long, value_name = "DIR")]
    join: Option<PathBuf>,
    /// A cluster of the region, several times for several; by default one named after the region
    #[arg(long = "zone", value_name = "ZONE", conflicts_with = "join")]
    zones: Vec<String>,
    /// Where the data centre is, such as "Frankfurt, Germany"
    #[arg(long, conflicts_with = "join")]
    location: Option<String>,
    /// mainland-china, southeast-asia, europe, us-east or another
    #[arg(long, conflicts_with = "join")]
    service_area: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// What was made.
#[derive(Debug, Serialize)]
struct Made {
    region: String,
    data: PathBuf,
    files: Vec<String>,
    /// The first owner's account, unless the region has one.
    account: Option<String>,
    /// Its key, shown this once.
    admin_key: Option<String>,
    /// What is still to do before the gateway can start.
    missing: Vec<String>,
}

/// # Errors
/// When something is there already, or cannot be made.
pub fn run(args: &Args) -> Outcome {
    let made = make(args, &SystemClock)?;
    let table = |made: &Made| text(made);
    let printed = args.output.data(&made, table);
    printed.context(
        "everything is made, but the owner key cannot be printed: remove the folder and try again",
    )?;
    Ok(Exit::Done)
}

fn make(args: &Args, clock: &dyn Clock) -> anyhow::Result<Made> {
    let region = RegionId::parse(&args.region).map_err(wrong("--region"))?;
    let mut folder = Folder::new(&args.data, &region)?;
    let (site, owner) = match &args.join {
        Some(other) => (join::copy(other, &region, &mut folder)?, None),
        None => first(args, &region, &mut folder, clock)?,
    };
    folder.write("gateway.yaml", &templates::gateway(&site))?;
    let (account, admin_key) = owner.unzip();
    Ok(Made {
        region: region.to_string(),
        data: args.data.clone(),
        files: folder.written(),
        account,
        admin_key: admin_key.map(|key| key.expose().to_owned()),
        missing: templates::missing(&site),
    })
}

type Owner = (String, AdminKey);

/// The region's first gateway: everything is new.
fn first(
    args: &Args,
    region: &RegionId,
    folder: &mut Folder,
    clock: &dyn Clock,
) -> anyhow::Result<(Site, Option<Owner>)> {
    let site = site(args, region)?;
    let keys = keys::generate(region, clock, &SystemRandomness)?;
    folder.write_secret(&format!("keys/{region}.seal"), &keys.seal)?;
    folder.write_secret(&format!("keys/{region}.pin"), &keys.pin)?;
    let entry = templates::region(&site, &keys.pin_id, &keys.pin_public);
    folder.write(&format!("regions/{region}.yaml"), &entry)?;
    let owner = owner(&folder.path("owner.json"), clock)?;
    folder.note("owner.json");
    Ok((site, Some(owner)))
}

fn site(args: &Args, region: &RegionId) -> anyhow::Result<Site> {
    let default = [region.to_string()];
    let names = if args.zones.is_empty() {
        &default[..]
    } else {
        &args.zones
    };
    let zones: Result<Vec<_>, _> = names.iter().map(|name| ZoneId::parse(name)).collect();
    let area = args.service_area.as_deref().unwrap_or(region.as_str());
    let service_area = RegionId::parse(area).map_err(wrong("--service-area"))?;
    Ok(Site {
        region: region.clone(),
        zones: zones.map_err(wrong("--zone"))?,
        location: args.location.clone().unwrap_or_else(|| region.to_string()),
        service_area: service_area.to_string(),
    })
}

fn owner(path: &Path, clock: &dyn Clock) -> anyhow::Result<Owner> {
    let key = AdminKey::generate(&SystemRandomness)?;
    let file = OwnerFile::new(&key.hash(), clock.unix());
    file.write(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok((file.id, key))
}

fn wrong(flag: &'static str) -> impl Fn(crate::domain::NameError) -> Stop {
    move |error| Stop::WrongUse(format!("{flag}: {error}"))
}

fn text(made: &Made) -> String {
    let value = serde_json::to_value(made).unwrap_or_default();
    let mut short = value.clone();
    if let Some(short) = short.as_object_mut() {
        short.retain(|name, value| name != "missing" && !value.is_null());
    }
    let mut text = members(&short);
    if made.admin_key.is_some() {
        text.push_str("\n\nThe admin key is shown this once: keep it where only you read it.");
    }
    text.push_str("\n\nBefore the gateway can start:");
    for step in &made.missing {
        text.push_str(&format!("\n- {step}"));
    }
    text
}

#[cfg(test)]
mod tests;
