//! The zones of this region: where traffic may go.

mod pin;
mod section;
mod upstream;

use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;

use crate::domain::{Channel, ZoneId};

pub use pin::{SpkiPin, SpkiPinError};
pub(super) use section::{ZonesSection, read, tls};
pub(super) use upstream::collector;

#[derive(Debug)]
pub struct ZoneConfig {
    pub id: ZoneId,
    /// The only addresses that may be dialled for this zone. Never empty, never everything.
    pub egress: Vec<IpNet>,
    /// For channels without upstreams of their own.
    pub upstreams: Upstreams,
    /// A channel's own upstreams, where given.
    pub channels: Vec<(Channel, Upstreams)>,
    pub tls: UpstreamTls,
    /// Sent as `Domicile-Gateway-Secret` to a data centre on loopback.
    pub gateway_secret: Option<SecretString>,
    /// Whether MSYNC connections begin with the preamble of session facts.
    pub msync_preamble: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    pub rest: Vec<Upstream>,
    pub websocket: Vec<Upstream>,
    pub msync: Vec<Upstream>,
}

/// One address of a data centre.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    pub scheme: Scheme,
    /// A name or an IP literal (without brackets), lower case.
    pub host: String,
    pub port: u16,
    /// The path of a WebSocket upstream; `/` elsewhere.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `https`, `wss`, `tls`
    Tls,
    /// `http`, `ws`, `tcp`: only with `allow_plaintext`.
    Plain,
}

/// Files for TLS to the data centre.
#[derive(Debug, Clone, Default)]
pub struct UpstreamTls {
    /// The zone's own CA; without it the machine's trust roots are used.
    pub ca: Option<PathBuf>,
    /// The gateway's client certificate chain, with `key`.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// The keys that the data centre's certificates may have; any when there are none.
    pub pins: Vec<SpkiPin>,
}

impl Upstreams {
    /// All of them, of every kind.
    pub fn all(&self) -> impl Iterator<Item = &Upstream> {
        self.rest.iter().chain(&self.websocket).chain(&self.msync)
    }
}

impl ZoneConfig {
    /// Whether any upstream is reached over TLS.
    pub fn needs_tls(&self) -> bool {
        let all = self.channels.iter().map(|(_, own)| own);
        let mut each = std::iter::once(&self.upstreams)
            .chain(all)
            .flat_map(|u| [&u.rest, &u.websocket, &u.msync])
            .flatten();
        each.any(|upstream| upstream.scheme == Scheme::Tls)
    }

    /// The upstreams of a channel: its own where given, else the zone's.
    pub fn upstreams(&self, channel: Channel) -> &Upstreams {
        let own = self.channels.iter().find(|(c, _)| *c == channel);
        own.map_or(&self.upstreams, |(_, upstreams)| upstreams)
    }
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
