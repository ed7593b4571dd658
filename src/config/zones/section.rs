//! The `zones` section.

use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use super::upstream::{self, Rules};
use super::{SpkiPin, UpstreamTls, Upstreams, ZoneConfig};
use crate::config::read::{Item, Place, Section, shown};
use crate::config::{ranges, secret, url};
use crate::domain::{Channel, ZoneId};

/// The `zones` section as it is written.
#[derive(Default)]
pub(in crate::config) struct ZonesSection {
    /// Every zone that is named, also those with faults; `None` when there is no telling.
    pub(in crate::config) named: Option<Vec<(Place, ZoneId)>>,
    pub(in crate::config) zones: Vec<(Place, ZoneConfig)>,
}

pub(in crate::config) fn read(item: &Item<'_>, allow_plaintext: bool) -> ZonesSection {
    let Some(members) = item.members() else {
        return ZonesSection::default();
    };
    let (mut named, mut zones) = (Vec::new(), Vec::new());
    for (name, item) in &members {
        let id = id(item, name);
        named.extend(id.clone().map(|id| (item.place().clone(), id)));
        let zone = item.section(|s| zone(s, id, allow_plaintext)).flatten();
        zones.extend(zone.map(|zone| (item.place().clone(), zone)));
    }
    ZonesSection {
        named: Some(named),
        zones,
    }
}

fn id(item: &Item<'_>, name: &str) -> Option<ZoneId> {
    match ZoneId::parse(name) {
        Ok(id) => Some(id),
        Err(error) => item.fault(
            format!("{} names no zone: {error}", shown(name)),
            "such as fra1",
        ),
    }
}

fn zone(s: &mut Section<'_>, id: Option<ZoneId>, allow_plaintext: bool) -> Option<ZoneConfig> {
    let egress = ranges::egress(s);
    let rules = Rules {
        egress: &egress,
        allow_plaintext,
    };
    let (upstreams, msync_preamble) = upstreams(s, &rules);
    let channels = channels(s, &rules, &upstreams);
    let tls = tls(s);
    let gateway_secret = gateway_secret(s, &egress, &upstreams, &channels);
    Some(ZoneConfig {
        id: id?,
        egress,
        upstreams,
        channels,
        tls,
        gateway_secret,
        msync_preamble,
    })
}

fn upstreams(s: &mut Section<'_>, rules: &Rules<'_>) -> (Upstreams, bool) {
    let item = s.need("upstreams", "{rest: [...], websocket: [...], msync: [...]}");
    let read = item.and_then(|item| {
        item.section(|s| {
            s.need(
                "rest",
                "[\"https://10.71.0.10:8443\"] or other addresses of the data centre",
            );
            (upstream::read(s, rules), s.flag("msync_preamble", false))
        })
    });
    read.unwrap_or_default()
}

/// Channels' own upstreams. What a channel doesn't name stays that of the zone.
fn channels(s: &mut Section<'_>, rules: &Rules<'_>, zone: &Upstreams) -> Vec<(Channel, Upstreams)> {
    let item = s.take("channels");
    let members = item.and_then(|item| item.members()).unwrap_or_default();
    let channels = members.iter().filter_map(|(name, item)| {
        let own = item.section(|s| upstream::read(s, rules));
        let channel = Channel::ALL
            .into_iter()
            .find(|channel| channel.as_str() == *name);
        let Some(channel) = channel else {
            return item.fault(format!("{} is no channel", shown(name)), CHANNELS);
        };
        Some((channel, own?.or(zone)))
    });
    channels.collect()
}

const CHANNELS: &str = "one_to_one, group, room or general";

impl Upstreams {
    fn or(self, zone: &Self) -> Self {
        let or = |own: Vec<_>, zone: &Vec<_>| if own.is_empty() { zone.clone() } else { own };
        Self {
            rest: or(self.rest, &zone.rest),
            websocket: or(self.websocket, &zone.websocket),
            msync: or(self.msync, &zone.msync),
        }
    }
}

/// The member `tls` of a way out.
pub(in crate::config) fn tls(s: &mut Section<'_>) -> UpstreamTls {
    let base = s.document().folder();
    let item = s.take("tls");
    let tls = item.and_then(|item| {
        let tls = item.section(|s| upstream_tls(s, base))?;
        if tls.certificate.is_some() != tls.key.is_some() {
            let expected = "certificate and key together, or neither";
            item.fault::<()>("has only one of certificate and key", expected);
        }
        Some(tls)
    });
    tls.unwrap_or_default()
}

fn upstream_tls(s: &mut Section<'_>, base: &Path) -> UpstreamTls {
    UpstreamTls {
        ca: s.path("ca", base),
        certificate: s.path("certificate", base),
        key: s.path("key", base),
        pins: pins(s),
    }
}

fn pins(s: &mut Section<'_>) -> Vec<SpkiPin> {
    let items = s.list("pins");
    let pins = items.iter().map(|item| item.parse(PIN, SpkiPin::parse));
    pins.flatten().collect()
}

const PIN: &str = "sha256/ and the base64 of the SHA-256 of a public key";

/// The secret goes over plain connections too, so it never leaves the machine.
fn gateway_secret(
    s: &mut Section<'_>,
    egress: &[IpNet],
    upstreams: &Upstreams,
    channels: &[(Channel, Upstreams)],
) -> Option<SecretString> {
    let item = s.take("gateway_secret")?;
    let own = channels.iter().flat_map(|(_, own)| own.all());
    let mut all = upstreams.all().chain(own);
    if let Some(far) = all.find(|upstream| !stays_here(&upstream.host, egress)) {
        let problem = format!("{} is not on loopback", far.host);
        item.fault::<()>(
            problem,
            "upstreams on loopback, or a client certificate in tls",
        );
    }
    let secret = secret::read(&item, s.document().folder())?;
    if secret.expose_secret().bytes().all(|b| b.is_ascii_graphic()) {
        return Some(secret);
    }
    let problem = "has characters that can't stand in a header";
    item.fault(problem, "visible ASCII without spaces")
}

/// Whether connections to a host end on this machine. What a name resolves to is only bounded by
/// the egress ranges, so for a name these must be loopback too.
fn stays_here(host: &str, egress: &[IpNet]) -> bool {
    let is_literal = host.parse::<IpAddr>().is_ok();
    url::is_loopback(host) && (is_literal || egress.iter().all(ranges::is_loopback))
}
