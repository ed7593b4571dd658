//! What a data centre is told when it starts.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

/// One data centre: a zone of a region.
pub struct Settings {
    /// The region it belongs to; only this region's gateways may connect.
    pub region: String,
    /// The zone; names the store's file.
    pub zone: String,
    /// Folder of the store (`{zone}.redb`) and of uploaded files (`files/`). Made when absent.
    pub data: PathBuf,
    /// Where REST listens; port 0 lets the system pick one.
    pub rest: SocketAddr,
    /// Where MSYNC over WebSocket (`/websocket`) listens; port 0 as well; nowhere when absent.
    pub websocket: Option<SocketAddr>,
    /// Where MSYNC over TCP listens; port 0 as well; nowhere when absent.
    pub msync: Option<SocketAddr>,
    /// What seals the store and the files.
    pub keys: SealKeys,
    /// How a gateway shows that it is one.
    pub auth: GatewayAuth,
    /// How long somebody whose last session has ended stays in their rooms: [`AWAY`], but for tests.
    pub away: Duration,
    /// How often what is past its App's retention is deleted: [`SWEEP_EVERY`], but for tests.
    pub sweep_every: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// AES-256 keys, newest first, never none: the first seals, all open. They are wiped when dropped.
pub struct SealKeys(Vec<Zeroizing<[u8; 32]>>);

impl SealKeys {
    /// Nothing when there is no key.
    pub fn new(keys: Vec<Zeroizing<[u8; 32]>>) -> Option<SealKeys> {
        (!keys.is_empty()).then_some(SealKeys(keys))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.0.iter().map(|key| &**key)
    }
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKeys([{} redacted])", self.0.len())
    }
}

/// Longer than SDKs need to come back after a connection broke.
pub const AWAY: Duration = Duration::from_secs(30);

/// Sweeps are told of days, so once an hour is often enough.
pub const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// The time, as an argument.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn unix_millis(&self) -> u64;
}

/// How a gateway shows that it is one.
#[derive(Clone)]
pub enum GatewayAuth {
    /// TLS with a client certificate from `ca` whose URI SAN is `domicile://region/{region}/gateway`.
    /// All three are PEM files; `certificate` and `key` are this data centre's own.
    MutualTls {
        ca: PathBuf,
        certificate: PathBuf,
        key: PathBuf,
    },
    /// Plain text on loopback addresses, with this value in `Domicile-Gateway-Secret`, over TCP in the
    /// preamble's `gateway_secret`.
    Secret(String),
}

impl fmt::Debug for GatewayAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GatewayAuth::MutualTls { ca, .. } => f
                .debug_struct("MutualTls")
                .field("ca", ca)
                .finish_non_exhaustive(),
            GatewayAuth::Secret(_) => f.write_str("Secret([redacted])"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_holds_the_secret() {
        let text = format!("{:?}", GatewayAuth::Secret("hunter2".into()));
        assert_eq!(text, "Secret([redacted])");
    }
}
