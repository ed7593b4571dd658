//! The egress guard (promise P8): the only place in the data plane that opens a connection.
//!
//! Names are resolved first and every address outside the zone's ranges is left out; then the
//! connected peer is looked at again before anybody gets to write a byte.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::{TcpSocket, TcpStream};

use super::secured::UpstreamTlsError;
use crate::observe::{Dial, Metrics};

/// The addresses that a zone's traffic may go to, and nothing else.
#[derive(Debug)]
pub struct Egress {
    ranges: Vec<IpNet>,
    connect: Duration,
    metrics: Arc<Metrics>,
}

/// Why there is no connection. Nothing was sent in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("every address of the upstream is outside the zone's egress ranges")]
    Denied,
    #[error("the connected peer is outside the zone's egress ranges")]
    PeerDenied,
    #[error("the upstream's name does not resolve")]
    Resolve(#[source] io::Error),
    #[error("the upstream cannot be connected to")]
    Connect(#[source] io::Error),
    #[error("the upstream did not accept in time")]
    Timeout,
    #[error(transparent)]
    Tls(#[from] UpstreamTlsError),
}

impl DialError {
    /// Whether the guard itself refused, rather than the upstream being away.
    pub const fn is_denial(&self) -> bool {
        matches!(self, Self::Denied | Self::PeerDenied)
    }
}

impl Egress {
    pub fn new(ranges: &[IpNet], connect: Duration, metrics: Arc<Metrics>) -> Self {
        Self {
            ranges: ranges.to_vec(),
            connect,
            metrics,
        }
    }

    /// How long a connection may take to open, and then its handshake.
    pub const fn patience(&self) -> Duration {
        self.connect
    }

    /// Whether the address is inside the ranges. IPv4-mapped IPv6 addresses count as IPv4.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.ranges.iter().any(|range| range.contains(&address))
    }

    /// Connects to the first allowed address that accepts.
    ///
    /// # Errors
    /// When the guard denies, or nobody accepts in time.
    pub async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, DialError> {
        let dialled = tokio::time::timeout(self.connect, self.dial_any(host, port)).await;
        let result = dialled.unwrap_or(Err(DialError::Timeout));
        self.metrics.dialled(match &result {
            Ok(_) => Dial::Allowed,
            Err(error) if error.is_denial() => Dial::Denied,
            Err(_) => Dial::Failed,
        });
        result
    }

    async fn dial_any(&self, host: &str, port: u16) -> Result<TcpStream, DialError> {
        let mut last = DialError::Denied;
        for address in self.resolve(host, port).await? {
            if !self.allows(address.ip()) {
                continue;
            }
            match self.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    #[expect(clippy::disallowed_methods, reason = "the egress guard's DNS")]
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        if let Ok(literal) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(literal, port)]);
        }
        let found = tokio::net::lookup_host((host, port)).await;
        Ok(found.map_err(DialError::Resolve)?.collect())
    }

    #[expect(clippy::disallowed_methods, reason = "the egress guard")]
    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, DialError> {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let socket = socket.map_err(DialError::Connect)?;
        let stream = socket.connect(address).await.map_err(DialError::Connect)?;
        let peer = stream.peer_addr().map_err(DialError::Connect)?;
        if !self.allows(peer.ip()) {
            return Err(DialError::PeerDenied);
        }
        stream.set_nodelay(true).map_err(DialError::Connect)?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RegionId;

    fn egress(ranges: &[&str]) -> Egress {
        let region = RegionId::parse("frankfurt").unwrap();
        let metrics = Arc::new(Metrics::new(&region, &[], std::slice::from_ref(&region)));
        let ranges: Vec<IpNet> = ranges.iter().map(|r| r.parse().unwrap()).collect();
        Egress::new(&ranges, Duration::from_secs(3), metrics)
    }

    #[test]
    fn mapped_addresses_count_as_what_they_are() {
        let egress = egress(&["10.71.0.0/16", "fd00:71::/32"]);
        for (address, allowed) in [
            ("10.71.255.255", true),
            ("::ffff:10.71.0.1", true),
            ("fd00:71::1", true),
            ("10.72.0.0", false),
            ("::ffff:10.61.0.1", false),
            ("fd00:61::1", false),
            ("::10.71.0.1", false),
        ] {
            assert_eq!(
                egress.allows(address.parse().unwrap()),
                allowed,
                "{address}"
            );
        }
    }

    #[tokio::test]
    async fn a_foreign_address_is_never_connected_to() {
        let foreign = tokio::net::TcpListener::bind("127.61.0.1:0").await.unwrap();
        let port = foreign.local_addr().unwrap().port();
        let egress = egress(&["127.71.0.0/16"]);
        for host in ["127.61.0.1", "::ffff:127.61.0.1", "localhost"] {
            let error = egress.dial(host, port).await.unwrap_err();
            assert!(matches!(error, DialError::Denied), "{host}: {error}");
        }
        let accepted = futures_util::future::poll_immediate(foreign.accept()).await;
        assert!(
            accepted.is_none(),
            "a connection reached the foreign address"
        );
    }

    #[tokio::test]
    async fn an_allowed_address_is_connected_to() {
        let home = tokio::net::TcpListener::bind("127.71.0.1:0").await.unwrap();
        let port = home.local_addr().unwrap().port();
        let stream = egress(&["127.71.0.0/16"])
            .dial("127.71.0.1", port)
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap().port(), port);
    }
}
