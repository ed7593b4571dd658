//! The public catalogue, `regions/*.yaml`: the same files in every region.

mod across;
mod endpoint;
mod folder;
mod pin_key;
mod region;

use crate::domain::{RegionId, ZoneId};

pub(super) use across::check as check_across;
pub(super) use folder::{CatalogueFiles, open};
pub(super) use pin_key::is_key_id;

/// All regions, sorted by id.
#[derive(Debug, PartialEq, Eq)]
pub struct Catalogue {
    pub regions: Vec<Region>,
    /// `sha256:` and the hex digest over the files, in the order of their names.
    pub digest: String,
}

/// One data centre, as the public knows it. No upstream address is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    pub id: RegionId,
    pub location: String,
    /// `mainland-china`, `southeast-asia`, `europe`, `us-east`, or another.
    pub service_area: String,
    /// The first one is the default.
    pub zones: Vec<ZoneId>,
    pub rest: Vec<Endpoint>,
    pub websocket: Vec<Endpoint>,
    pub msync: Vec<Endpoint>,
    pub admin: Vec<Endpoint>,
    pub pin_keys: Vec<PinKey>,
}

/// A public address of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// As written in the file.
    pub text: String,
    /// Lower case.
    pub host: String,
    /// The scheme's default when the text has none.
    pub port: u16,
}

/// A public key that verifies the pins of its region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinKey {
    pub id: String,
    /// An Ed25519 public key (RFC 8032).
    pub key: [u8; 32],
    /// Unix seconds: pins made at or after it do not verify under this key.
    pub not_after: Option<u64>,
}

impl Catalogue {
    pub fn region(&self, id: &RegionId) -> Option<&Region> {
        self.regions.iter().find(|r| r.id == *id)
    }
}

impl Region {
    /// Every host that is a name of this region (TLS server name, Host), lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.rest, &self.websocket, &self.msync, &self.admin]
            .into_iter()
            .flatten()
            .map(|e| e.host.as_str())
    }
}
