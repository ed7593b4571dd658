//! The document of `domicile demo --json` (SPEC 5).

use std::path::PathBuf;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::files::Folder;
use super::places::Place;
use super::samples::Sample;

#[derive(Debug, Serialize)]
pub struct Document {
    pub ca: PathBuf,
    #[serde(serialize_with = "by_region")]
    pub regions: Vec<(String, Region)>,
    pub apps: Vec<Sample>,
}

#[derive(Debug, Serialize)]
pub struct Region {
    pub https: String,
    pub websocket: String,
    pub msync: String,
    pub admin: String,
    pub admin_key: String,
    pub ops: String,
    pub zones: Vec<String>,
    pub data: PathBuf,
}

impl Document {
    /// # Errors
    /// When an owner's key cannot be read.
    pub fn new(folder: &Folder, places: &[Place], apps: Vec<Sample>) -> anyhow::Result<Self> {
        let region = |place: &Place| Ok((place.region.to_string(), Region::new(folder, place)?));
        Ok(Self {
            ca: folder.ca(),
            regions: places.iter().map(region).collect::<anyhow::Result<_>>()?,
            apps,
        })
    }

    pub fn region(&self, id: &str) -> Option<&Region> {
        let found = self.regions.iter().find(|(region, _)| region == id);
        found.map(|(_, region)| region)
    }
}

impl Region {
    fn new(folder: &Folder, place: &Place) -> anyhow::Result<Self> {
        let https = place.https();
        Ok(Self {
            https: format!("https://localhost:{https}"),
            websocket: format!("wss://localhost:{https}/websocket"),
            msync: format!("localhost:{}", place.msync()),
            admin: format!("https://localhost:{}", place.admin()),
            admin_key: folder.admin_key(place)?.to_string(),
            ops: format!("http://localhost:{}", place.ops()),
            zones: place.zones().map(|z| z.id.to_string()).collect(),
            data: folder.region(place),
        })
    }
}

/// A map in the order of the regions' numbers.
fn by_region<S: serde::Serializer>(
    regions: &[(String, Region)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(regions.len()))?;
    for (id, region) in regions {
        map.serialize_entry(id, region)?;
    }
    map.end()
}
