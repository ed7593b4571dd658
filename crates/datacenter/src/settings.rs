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

/// An AES-256 key, and the id that the log and errors call it by. It is wiped when dropped.
pub struct SealKey {
    pub id: String,
    pub key: Zeroizing<[u8; 32]>,
}

/// Keys, newest first, never none: the first seals, all open.
pub struct SealKeys(Vec<SealKey>);

impl SealKeys {
    /// Nothing when there is no key.
    pub fn new(keys: Vec<SealKey>) -> Option<SealKeys> {
        (!keys.is_empty()).then_some(SealKeys(keys))
    }

    #[cfg(test)]
    pub(crate) fn for_tests(bytes: &[u8]) -> SealKeys {
        let key = |byte: &u8| SealKey {
            id: format!("key-{byte}"),
            key: Zeroizing::new([*byte; 32]),
        };
        SealKeys(bytes.iter().map(key).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SealKey> {
        self.0.iter()
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
