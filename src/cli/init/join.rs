//! `--join`: a further gateway of a region that has one.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use super::files::{Folder, read};
use super::templates::Site;
use crate::cli::exit::Stop;
use crate::domain::{RegionId, ZoneId};

/// What is read of the other gateway's configuration.
#[derive(Deserialize)]
struct Gateway {
    region: String,
}

/// What is read of the region's catalogue entry.
#[derive(Deserialize)]
struct Entry {
    location: String,
    service_area: String,
    zones: Vec<String>,
}

/// Copies the keys and the catalogue of another gateway, if it is of this region.
///
/// # Errors
/// When it is of another region, or lacks a file.
pub fn copy(other: &Path, region: &RegionId, folder: &mut Folder) -> anyhow::Result<Site> {
    refuse_another_region(other, region)?;
    let site = site(other, region)?;
    for kind in ["seal", "pin"] {
        let name = format!("keys/{region}.{kind}");
        folder.write_secret(&name, &read(&other.join(&name))?)?;
    }
    let regions = other.join("regions");
    let files = fs::read_dir(&regions);
    let files = files.with_context(|| format!("cannot read {}", regions.display()))?;
    for file in files {
        let name = file.context("cannot read the catalogue")?.file_name();
        let name = format!("regions/{}", name.to_string_lossy());
        if name.ends_with(".yaml") {
            folder.write(&name, &read(&other.join(&name))?)?;
        }
    }
    Ok(site)
}

fn refuse_another_region(other: &Path, region: &RegionId) -> anyhow::Result<()> {
    let path = other.join("gateway.yaml");
    let gateway: Gateway = parse(&path)?;
    if gateway.region == region.as_str() {
        return Ok(());
    }
    let problem = format!(
        "{} is a gateway of {}: its keys never serve {region}. Join a gateway of {region}, or leave --join out",
        path.display(),
        gateway.region
    );
    Err(Stop::Refused(problem).into())
}

fn site(other: &Path, region: &RegionId) -> anyhow::Result<Site> {
    let path = other.join(format!("regions/{region}.yaml"));
    let entry: Entry = parse(&path)?;
    let zones: Result<Vec<_>, _> = entry.zones.iter().map(|name| ZoneId::parse(name)).collect();
    Ok(Site {
        region: region.clone(),
        zones: zones.with_context(|| format!("{} names a zone wrongly", path.display()))?,
        location: entry.location,
        service_area: entry.service_area,
    })
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    let value = serde_yaml::from_str(&read(path)?);
    value.with_context(|| format!("{} is not as init writes it", path.display()))
}
