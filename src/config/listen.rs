//! Where the gateway listens.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::ranges;
use super::read::{Item, Section};

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

impl Listen {
    /// Every listener with its field.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let fields = [
            ("https", self.https),
            ("http", self.http),
            ("msync", self.msync),
            ("admin", self.admin),
            ("ops", self.ops),
        ];
        fields
            .into_iter()
            .filter_map(|(name, address)| Some((name, address?)))
    }

    /// Whether any listener needs a certificate.
    pub const fn has_tls(&self) -> bool {
        self.https.is_some() || self.msync.is_some() || self.admin.is_some()
    }

    /// Whether nobody outside this machine can reach the gateway.
    pub fn only_on_loopback(&self) -> bool {
        self.all()
            .all(|(_, address)| address.ip().to_canonical().is_loopback())
    }
}

pub(super) fn read(item: &Item<'_>, allow_plaintext: bool) -> Option<Listen> {
    item.section(|s| {
        if s.take("https").is_none() && s.take("http").is_none() {
            item.fault::<()>("has neither https nor http", "https: \"0.0.0.0:8443\"");
        }
        let listen = Listen {
            https: address(s, "https"),
            http: address(s, "http"),
            msync: address(s, "msync"),
            admin: address(s, "admin"),
            ops: address(s, "ops"),
            trusted_proxies: trusted_proxies(s),
        };
        check_plain(s, &listen, allow_plaintext);
        check_ports(s, &listen);
        listen
    })
}

fn address(s: &mut Section<'_>, name: &'static str) -> Option<SocketAddr> {
    let item = s.take(name)?;
    item.parse("an address and a port, such as \"0.0.0.0:8443\"", |text| {
        text.parse::<SocketAddr>()
            .map_err(|_| "is not an address and a port")
    })
}

fn trusted_proxies(s: &mut Section<'_>) -> Vec<IpNet> {
    let items = s.list("trusted_proxies");
    let ranges: Vec<IpNet> = items.iter().filter_map(ranges::range).collect();
    if ranges.iter().any(ranges::is_too_wide) {
        let place = s.place("trusted_proxies");
        s.document()
            .warn(&place, "almost anybody may claim any client address");
    }
    ranges
}

fn check_plain(s: &Section<'_>, listen: &Listen, allow_plaintext: bool) {
    let Some(address) = listen.http else { return };
    let place = s.place("http");
    if !allow_plaintext {
        s.document()
            .fault(&place, "is plain text", "https, or allow_plaintext: true");
    }
    if !address.ip().to_canonical().is_loopback() {
        let problem = format!("{} is not on loopback", address.ip());
        s.document()
            .fault(&place, problem, "an address such as \"127.0.0.1:8080\"");
    }
}

fn check_ports(s: &Section<'_>, listen: &Listen) {
    let all: Vec<_> = listen.all().collect();
    for (i, (name, address)) in all.iter().enumerate() {
        let taken = all[..i].iter().find(|(_, other)| overlap(*address, *other));
        if let Some((other, _)) = taken {
            let problem = format!("port {} is also that of {other}", address.port());
            s.document()
                .fault(&s.place(name), problem, "a port of its own");
        }
    }
}

/// Whether two listeners can't both have their port. Port 0 is picked by the system.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let (one, other) = (a.ip(), b.ip());
    let everywhere = one.is_unspecified() && (one.is_ipv6() || other.is_ipv4())
        || other.is_unspecified() && (other.is_ipv6() || one.is_ipv4());
    a.port() != 0 && a.port() == b.port() && (everywhere || one == other)
}
