//! Where the gateway listens.

use std::net::SocketAddr;

use ipnet::IpNet;

#[derive(Debug, Clone)]
pub struct Listen {
    /// REST, WebSocket and discovery over TLS.
    pub https: Option<SocketAddr>,
    /// The same without TLS: loopback only, and only with `allow_plaintext`.
    pub http: Option<SocketAddr>,
    /// MSYNC over TLS over TCP.
    pub msync: Option<SocketAddr>,
    /// The admin API, over TLS.
    pub admin: Option<SocketAddr>,
    /// `/metrics`, `/healthz`, `/readyz`: plain HTTP by design.
    pub ops: Option<SocketAddr>,
    /// Peers whose PROXY protocol or X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpNet>,
}
