//! Destinations, read from the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::{Kept, Listener, To, Traffic};
use crate::config::{Config, Endpoint, RegistryStore, Scheme, Upstream, UpstreamTls, ZoneConfig};
use crate::domain::{Channel, RegionId};

/// Whether something gets out of the gateway's region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Leaves {
    /// It stays on this machine, or goes to the zone's egress ranges.
    No,
    /// It goes wherever the other side is.
    May,
}

impl Leaves {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::May => "may",
        }
    }
}

pub(super) struct Place {
    pub(super) destination: String,
    pub(super) region: Option<String>,
    pub(super) leaves: Leaves,
    pub(super) protection: String,
}

pub(super) fn places(config: &Config, to: To) -> Vec<Place> {
    match to {
        To::Zone(traffic) => {
            let zones = config.zones.iter();
            zones
                .flat_map(|zone| upstreams(config, zone, traffic))
                .collect()
        }
        To::Resolver => resolver(config).into_iter().collect(),
        To::Etcd => etcd(config),
        To::Collector => collector(config).into_iter().collect(),
        To::Regions => probed(config).map(canary).collect(),
        To::Listener(listener) => listening(config, listener),
        To::StandardError => vec![here(config, "standard error of the process", "none")],
        To::Disk(kept) => disk(config, kept).into_iter().collect(),
        To::Files(which) => vec![here(config, which, MODE)],
        To::Caller(whom, protection) => vec![caller(whom, protection)],
    }
}

/// Each address once, with the channels that use it.
fn upstreams(config: &Config, zone: &ZoneConfig, traffic: Traffic) -> Vec<Place> {
    let mut used: BTreeMap<String, (&Upstream, Vec<&str>)> = BTreeMap::new();
    for (name, list, scheme) in lists(zone, traffic) {
        for upstream in list {
            let url = url(upstream, scheme);
            used.entry(url).or_insert((upstream, vec![])).1.push(name);
        }
    }
    let ranges: Vec<String> = zone.egress.iter().map(ToString::to_string).collect();
    let ranges = ranges.join(", ");
    let place = |(url, (upstream, mut names)): (String, (&Upstream, Vec<&str>))| {
        names.dedup();
        let names = if traffic == Traffic::Rest {
            format!(" ({})", names.join(", "))
        } else {
            String::new()
        };
        Place {
            destination: format!("zone {}: {url}{names}, inside {ranges}", zone.id),
            region: Some(config.region.to_string()),
            leaves: Leaves::No,
            protection: protection(upstream, &zone.tls),
        }
    };
    used.into_iter().map(place).collect()
}

type List<'a> = (&'static str, &'a [Upstream], (&'static str, &'static str));

/// What the traffic uses: sessions have one upstream for all channels.
fn lists(zone: &ZoneConfig, traffic: Traffic) -> Vec<List<'_>> {
    let general = zone.upstreams(Channel::General);
    let rest =
        |channel: Channel| -> List<'_> { (channel.as_str(), &zone.upstreams(channel).rest, HTTP) };
    let websocket: List<'_> = ("sessions", &general.websocket, WEBSOCKET);
    let msync: List<'_> = ("sessions", &general.msync, TCP);
    match traffic {
        Traffic::Rest => Channel::ALL.into_iter().map(rest).collect(),
        Traffic::WebSocket => vec![websocket],
        Traffic::Msync => vec![msync],
        Traffic::Management => vec![rest(Channel::General)],
        Traffic::Probe => {
            let rest = Channel::ALL.into_iter().map(rest);
            rest.chain([websocket, msync]).collect()
        }
    }
}

/// With TLS and without.
const HTTP: (&str, &str) = ("https", "http");
const WEBSOCKET: (&str, &str) = ("wss", "ws");
const TCP: (&str, &str) = ("tls", "tcp");

fn url(upstream: &Upstream, (tls, plain): (&str, &str)) -> String {
    let scheme = match upstream.scheme {
        Scheme::Tls => tls,
        Scheme::Plain => plain,
    };
    let path = upstream.path.trim_end_matches('/');
    format!("{scheme}://{upstream}{path}")
}

fn protection(upstream: &Upstream, tls: &UpstreamTls) -> String {
    if upstream.scheme == Scheme::Plain {
        return plain(is_here(&upstream.host));
    }
    let mutual = if tls.certificate.is_some() {
        "mutual TLS"
    } else {
        "TLS"
    };
    let roots = if tls.ca.is_some() {
        "the zone's own CA"
    } else {
        "the machine's CAs"
    };
    let pinned = if tls.pins.is_empty() {
        ""
    } else {
        ", pinned keys"
    };
    format!("{mutual}, {roots}{pinned}")
}

fn plain(loopback: bool) -> String {
    let text = if loopback {
        "none: loopback"
    } else {
        "none: plain text"
    };
    text.to_owned()
}

fn is_here(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// Only names are asked for; addresses are not.
fn resolver(config: &Config) -> Option<Place> {
    let zones = config.zones.iter().flat_map(|zone| {
        let lists = lists(zone, Traffic::Probe);
        lists.into_iter().flat_map(|(_, list, _)| list)
    });
    let mut names: BTreeSet<&str> = zones.map(|upstream| upstream.host.as_str()).collect();
    names.extend(endpoints(config).iter().map(|url| host(url)));
    let tracing = config.tracing.as_ref();
    names.extend(tracing.map(|tracing| tracing.collector.endpoint.host.as_str()));
    names.extend(probed(config).map(|(_, endpoint)| endpoint.host.as_str()));
    names.retain(|name| name.parse::<IpAddr>().is_err());
    if names.is_empty() {
        return None;
    }
    let names: Vec<_> = names.into_iter().collect();
    Some(Place {
        destination: format!("this machine's resolver: {}", names.join(", ")),
        region: None,
        leaves: Leaves::May,
        protection: "the resolver's own".to_owned(),
    })
}

fn endpoints(config: &Config) -> &[String] {
    match &config.registry.store {
        RegistryStore::Embedded { .. } => &[],
        RegistryStore::Etcd(etcd) => &etcd.endpoints,
    }
}

/// Of `scheme://host:port`, without brackets.
fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    host.trim_matches(['[', ']'])
}

/// Nothing binds the store to a region.
fn etcd(config: &Config) -> Vec<Place> {
    let RegistryStore::Etcd(etcd) = &config.registry.store else {
        return Vec::new();
    };
    let (endpoints, prefix) = (&etcd.endpoints, &etcd.prefix);
    let roots = etcd
        .ca
        .as_ref()
        .map_or("the machine's CAs", |_| "its own CA");
    let place = |url: &String| Place {
        destination: format!("{url}, below {prefix}"),
        region: None,
        leaves: Leaves::May,
        protection: if url.starts_with("https://") {
            match etcd.identity {
                Some(_) => format!("mutual TLS, {roots}"),
                None => format!("TLS, {roots}"),
            }
        } else {
            plain(is_here(host(url)))
        },
    };
    endpoints.iter().map(place).collect()
}

/// Its ranges bind it to a region, as those of a zone do.
fn collector(config: &Config) -> Option<Place> {
    let collector = &config.tracing.as_ref()?.collector;
    let ranges: Vec<String> = collector.egress.iter().map(ToString::to_string).collect();
    let (url, ranges) = (url(&collector.endpoint, HTTP), ranges.join(", "));
    let protection = protection(&collector.endpoint, &collector.tls);
    Some(Place {
        destination: format!("{url}/v1/traces, inside {ranges}"),
        region: Some(config.region.to_string()),
        leaves: Leaves::No,
        protection: protection.replace("the zone's own CA", "its own CA"),
    })
}

/// The endpoints that the gateway's own probe asks, with their regions.
fn probed(config: &Config) -> impl Iterator<Item = (&RegionId, &Endpoint)> {
    let regions = config.probe.iter().flat_map(|_| &config.catalogue.regions);
    regions.flat_map(|region| {
        let all = [&region.rest, &region.websocket, &region.msync];
        let endpoints = all.into_iter().flatten();
        endpoints.map(move |endpoint| (&region.id, endpoint))
    })
}

fn canary((region, endpoint): (&RegionId, &Endpoint)) -> Place {
    Place {
        destination: endpoint.text.clone(),
        region: Some(region.to_string()),
        leaves: Leaves::May,
        protection: "TLS".to_owned(),
    }
}

fn listening(config: &Config, listener: Listener) -> Vec<Place> {
    let listen = &config.listen;
    let admin = match config.tls.admin_client_ca {
        Some(_) => "mutual TLS, admin keys",
        None => "TLS, admin keys",
    };
    let all: &[(Option<SocketAddr>, &str, &str)] = match listener {
        Listener::Calls => &[
            (listen.https, "https", "TLS"),
            (listen.http, "http", "none: loopback"),
        ],
        Listener::Msync => &[(listen.msync, "msync", "TLS")],
        Listener::Admin => &[(listen.admin, "admin", admin)],
        Listener::Ops => &[(listen.ops, "ops", "none: plain text")],
    };
    let each = all.iter().filter_map(|(address, name, protection)| {
        let address = (*address)?;
        let loopback = address.ip().to_canonical().is_loopback();
        let destination = format!("whoever connected to listen.{name} ({address})");
        Some(if loopback {
            here(config, &destination, protection)
        } else {
            Place {
                destination,
                region: None,
                leaves: Leaves::May,
                protection: (*protection).to_owned(),
            }
        })
    });
    each.collect()
}

fn disk(config: &Config, kept: Kept) -> Option<Place> {
    let path = match (kept, &config.registry.store) {
        (Kept::Registry, RegistryStore::Embedded { path }) => path.clone(),
        (Kept::Registry, RegistryStore::Etcd { .. }) => return None,
        (Kept::Anchor, _) => config.registry.anchor.clone(),
        (Kept::Audit, _) => config.data_dir.join("audit"),
        (Kept::KeyUse, _) => config.data_dir.join("keys.json"),
    };
    let path = path.display().to_string();
    Some(here(config, &path, MODE))
}

/// A command runs where its caller is.
fn caller(whom: &str, protection: &str) -> Place {
    Place {
        destination: whom.to_owned(),
        region: None,
        leaves: Leaves::May,
        protection: protection.to_owned(),
    }
}

const MODE: &str = "permissions of the files";

/// On this machine, which is in the region.
fn here(config: &Config, destination: &str, protection: &str) -> Place {
    Place {
        destination: destination.to_owned(),
        region: Some(config.region.to_string()),
        leaves: Leaves::No,
        protection: protection.to_owned(),
    }
}
