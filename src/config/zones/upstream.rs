//! Upstream URLs: what fits which kind of traffic.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Scheme, Upstream, Upstreams};
use crate::config::read::{Item, Section};
use crate::config::url::{self, Url};

/// What the zone allows.
pub(super) struct Rules<'a> {
    pub(super) egress: &'a [IpNet],
    pub(super) allow_plaintext: bool,
}

/// A kind of upstream: its two schemes, and whether a path belongs to it.
struct Kind {
    tls: &'static str,
    plain: &'static str,
    /// Without a port of their own the schemes have these; a raw protocol has none.
    ports: Option<(u16, u16)>,
    has_path: bool,
    expected: &'static str,
}

const REST: Kind = Kind {
    tls: "https",
    plain: "http",
    ports: Some((443, 80)),
    has_path: false,
    expected: "a URL such as \"https://10.71.0.10:8443\"",
};

const WEBSOCKET: Kind = Kind {
    tls: "wss",
    plain: "ws",
    ports: Some((443, 80)),
    has_path: true,
    expected: "a URL such as \"wss://10.71.0.20:8444/websocket\"",
};

const MSYNC: Kind = Kind {
    tls: "tls",
    plain: "tcp",
    ports: None,
    has_path: false,
    expected: "a URL such as \"tls://10.71.0.30:6717\"",
};

const COLLECTOR: Kind = Kind {
    tls: "https",
    plain: "http",
    ports: Some((443, 80)),
    has_path: false,
    expected: "a URL such as \"https://10.71.0.60:4318\"",
};

/// Where traces go, in ranges of its own.
pub(in crate::config) fn collector(
    item: &Item<'_>,
    egress: &[IpNet],
    allow_plaintext: bool,
) -> Option<Upstream> {
    let rules = Rules {
        egress,
        allow_plaintext,
    };
    read_one(item, &COLLECTOR, &rules)
}

pub(super) fn read(s: &mut Section<'_>, rules: &Rules<'_>) -> Upstreams {
    Upstreams {
        rest: list(s, "rest", &REST, rules),
        websocket: list(s, "websocket", &WEBSOCKET, rules),
        msync: list(s, "msync", &MSYNC, rules),
    }
}

fn list(s: &mut Section<'_>, name: &'static str, kind: &Kind, rules: &Rules<'_>) -> Vec<Upstream> {
    let Some(item) = s.take(name) else {
        return Vec::new();
    };
    let items = item.list().unwrap_or_default();
    if item.is_empty_list() {
        item.fault::<()>("is empty", kind.expected);
    }
    let mut upstreams = Vec::new();
    for item in &items {
        match read_one(item, kind, rules) {
            Some(upstream) if upstreams.contains(&upstream) => {
                item.fault::<()>("is here more than once", "each address once");
            }
            upstream => upstreams.extend(upstream),
        }
    }
    upstreams
}

fn read_one(item: &Item<'_>, kind: &Kind, rules: &Rules<'_>) -> Option<Upstream> {
    let url = item.parse(kind.expected, url::url)?;
    let scheme = scheme(item, kind, &url)?;
    if scheme == Scheme::Plain && !rules.allow_plaintext {
        item.fault::<()>(
            "is plain text",
            format!("{}, or allow_plaintext: true", kind.tls),
        );
    }
    check_egress(item, &url.host, rules.egress);
    let port = port(item, kind, scheme, url.port);
    let path = path(item, kind, url.path);
    Some(Upstream {
        scheme,
        host: url.host,
        port: port?,
        path: path?,
    })
}

fn scheme(item: &Item<'_>, kind: &Kind, url: &Url) -> Option<Scheme> {
    if url.scheme == kind.tls {
        return Some(Scheme::Tls);
    }
    if url.scheme == kind.plain {
        return Some(Scheme::Plain);
    }
    let problem = format!("has a scheme other than {} and {}", kind.tls, kind.plain);
    item.fault(problem, kind.expected)
}

fn port(item: &Item<'_>, kind: &Kind, scheme: Scheme, port: Option<u16>) -> Option<u16> {
    let default = kind.ports.map(|(tls, plain)| match scheme {
        Scheme::Tls => tls,
        Scheme::Plain => plain,
    });
    port.or(default)
        .or_else(|| item.fault("has no port", kind.expected))
}

fn path(item: &Item<'_>, kind: &Kind, path: String) -> Option<String> {
    match (kind.has_path, path.as_str()) {
        (true, "") => item.fault("has no path", kind.expected),
        (true, _) => Some(path),
        (false, "" | "/") => Some("/".to_owned()),
        (false, _) => item.fault("has a path", kind.expected),
    }
}

/// An address that is written down can be checked now; a name is checked whenever it is dialled.
fn check_egress(item: &Item<'_>, host: &str, egress: &[IpNet]) {
    let Ok(address) = host.parse::<IpAddr>() else {
        return;
    };
    // Without ranges there is a fault already.
    if egress.is_empty() || egress.iter().any(|range| range.contains(&address)) {
        return;
    }
    let ranges: Vec<String> = egress.iter().map(ToString::to_string).collect();
    let problem = format!("{address} is outside the egress ranges");
    item.fault::<()>(problem, format!("an address inside {}", ranges.join(", ")));
}
