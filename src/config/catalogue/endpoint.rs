//! A region's public addresses.

use super::Endpoint;
use crate::config::read::{Item, Place, Section};
use crate::config::url::{self, Url};

type Placed = Vec<(Place, Endpoint)>;

#[derive(Default)]
pub(super) struct Endpoints {
    pub(super) rest: Placed,
    pub(super) websocket: Placed,
    pub(super) msync: Placed,
    pub(super) admin: Placed,
}

impl Endpoints {
    /// Every host once, at its first place.
    pub(super) fn hosts(&self) -> Vec<(Place, String)> {
        let mut hosts: Vec<(Place, String)> = Vec::new();
        for (place, endpoint) in [&self.rest, &self.websocket, &self.msync, &self.admin]
            .into_iter()
            .flatten()
        {
            if !hosts.iter().any(|(_, host)| *host == endpoint.host) {
                hosts.push((place.clone(), endpoint.host.clone()));
            }
        }
        hosts
    }
}

pub(super) fn read(s: &mut Section<'_>) -> Endpoints {
    let item = s.need(
        "endpoints",
        "{rest: [...], websocket: [...], msync: [...], admin: [...]}",
    );
    let endpoints = item.and_then(|item| {
        item.section(|s| Endpoints {
            rest: list(&s.need_list("rest", REST), rest),
            websocket: list(&s.list("websocket"), websocket),
            msync: list(&s.list("msync"), msync),
            admin: list(&s.list("admin"), rest),
        })
    });
    endpoints.unwrap_or_default()
}

const REST: &str = "a URL such as \"https://a71.chat.example.com\"";
const WEBSOCKET: &str = "a URL such as \"wss://msync-api-71.chat.example.com/websocket\"";
const MSYNC: &str = "a host and a port, such as \"msync-im-71-tls.chat.example.com:443\"";

fn list(items: &[Item<'_>], read: fn(&Item<'_>) -> Option<Endpoint>) -> Placed {
    let endpoints = items
        .iter()
        .filter_map(|item| Some((item.place().clone(), read(item)?)));
    endpoints.collect()
}

fn rest(item: &Item<'_>) -> Option<Endpoint> {
    let url = item.parse(REST, url::url)?;
    let port = port(item, &url, ("https", "http"), REST)?;
    if !matches!(url.path.as_str(), "" | "/") {
        return item.fault("has a path", REST);
    }
    endpoint(item, url.host, port)
}

fn websocket(item: &Item<'_>) -> Option<Endpoint> {
    let url = item.parse(WEBSOCKET, url::url)?;
    let port = port(item, &url, ("wss", "ws"), WEBSOCKET)?;
    if url.path.is_empty() {
        return item.fault("has no path", WEBSOCKET);
    }
    endpoint(item, url.host, port)
}

fn msync(item: &Item<'_>) -> Option<Endpoint> {
    let (host, port) = item.parse(MSYNC, url::authority_of)?;
    match port {
        Some(port) => endpoint(item, host, port),
        None => item.fault("has no port", MSYNC),
    }
}

/// The port of a URL with one of two schemes. The plain one is for this machine only.
fn port(item: &Item<'_>, url: &Url, schemes: (&str, &str), expected: &str) -> Option<u16> {
    let (tls, plain) = schemes;
    if url.scheme == tls {
        return Some(url.port.unwrap_or(443));
    }
    if url.scheme == plain && url::is_loopback(&url.host) {
        return Some(url.port.unwrap_or(80));
    }
    item.fault(format!("has a scheme other than {tls}"), expected)
}

fn endpoint(item: &Item<'_>, host: String, port: u16) -> Option<Endpoint> {
    let text = item.text("an address")?.to_owned();
    Some(Endpoint { text, host, port })
}
