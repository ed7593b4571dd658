//! The rules between `gateway.yaml` and the catalogue.

use super::catalogue::{self, Region};
use super::load::Files;
use super::read::Place;
use crate::domain::{RegionId, ZoneId};

pub(super) fn check(files: &Files) {
    catalogue::check_across(&files.catalogue.files, files.localhost_is_shared());
    check_catalogue(files);
    check_digest(files);
    check_region(files);
    check_names(files);
    check_certificates(files);
    check_registry(files);
    check_upstreams(files);
    check_probe(files);
}

impl Files {
    /// In the demo `localhost` is every region's name; nobody outside the machine can reach it.
    pub(super) fn localhost_is_shared(&self) -> bool {
        let listen = self.gateway.listen.as_ref();
        listen.is_none_or(super::Listen::only_on_loopback)
    }

    /// The names of this gateway; `None` when its region is not in the catalogue.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        self.region()
            .map(|region| self.gateway.tls.all_names(region))
    }

    /// Every name of another region, with that region.
    pub(super) fn foreign_names(&self) -> Vec<(RegionId, String)> {
        let home = self.gateway.region.as_ref();
        let shared = self.localhost_is_shared();
        let mut names = Vec::new();
        for file in &self.catalogue.files {
            let Some(region) = file
                .region
                .as_ref()
                .filter(|region| Some(&region.id) != home)
            else {
                continue;
            };
            let hosts = file.hosts.iter().map(|(_, host)| host);
            let hosts = hosts.filter(|host| !(shared && *host == "localhost"));
            names.extend(hosts.map(|host| (region.id.clone(), host.clone())));
        }
        names
    }
}

fn check_catalogue(files: &Files) {
    let place = Place::of(&["catalogue", "path"]);
    for name in &files.catalogue.skipped {
        let problem = format!("{name:?} is not read: files of the catalogue end in .yaml");
        files.document.warn(&place, problem);
    }
    let listed = files.catalogue.digest.is_some();
    if listed && files.catalogue.files.is_empty() && files.catalogue.faults.is_empty() {
        let expected = "a folder with a YAML file for each region";
        files
            .document
            .fault(&place, "has no *.yaml file in it", expected);
    }
}

fn check_digest(files: &Files) {
    let section = files.gateway.catalogue.as_ref();
    let pinned = section.and_then(|section| section.digest.as_ref());
    let (Some(pinned), Some(found)) = (pinned, &files.catalogue.digest) else {
        return;
    };
    if pinned != found {
        let place = Place::of(&["catalogue", "digest"]);
        let expected = format!("{found:?} for these files, or the files that it was made of");
        files
            .document
            .fault(&place, "is not that of the catalogue's files", expected);
    }
}

fn check_region(files: &Files) {
    let Some(id) = &files.gateway.region else {
        return;
    };
    match files.region() {
        Some(region) => check_zones(files, region),
        None => check_unknown(files, id),
    }
}

/// A file that doesn't tell its region may be the one: it has a fault of its own.
fn check_unknown(files: &Files, id: &RegionId) {
    let complete = files
        .catalogue
        .files
        .iter()
        .all(|file| file.region.is_some());
    if !complete || !files.catalogue.faults.is_empty() || files.catalogue.files.is_empty() {
        return;
    }
    let known: Vec<&str> = files.regions().map(|region| region.id.as_str()).collect();
    let problem = format!("{id} is not in the catalogue");
    let expected = format!("one of {}", known.join(", "));
    files
        .document
        .fault(&Place::of(&["region"]), problem, expected);
}

fn check_zones(files: &Files, region: &Region) {
    // Without zones the catalogue's file has a fault already.
    if region.zones.is_empty() {
        return;
    }
    let Some(named) = &files.gateway.zones.named else {
        return;
    };
    for (place, zone) in named {
        if !region.zones.contains(zone) {
            files
                .document
                .fault(place, foreign_zone(files, region, zone), zones_of(region));
        }
    }
    for zone in &region.zones {
        if !named.iter().any(|(_, id)| id == zone) {
            let place = Place::of(&["zones"]).key(zone.as_str());
            let problem = format!("is missing: Apps pinned to {zone} could not be served");
            files.document.fault(&place, problem, zones_of(region));
        }
    }
}

fn foreign_zone(files: &Files, region: &Region, zone: &ZoneId) -> String {
    match files.regions().find(|other| other.zones.contains(zone)) {
        Some(other) => format!("{zone} is a zone of {}", other.id),
        None => format!("{zone} is no zone of {}", region.id),
    }
}

fn zones_of(region: &Region) -> String {
    let zones: Vec<&str> = region.zones.iter().map(ZoneId::as_str).collect();
    format!("the zones of {}: {}", region.id, zones.join(", "))
}

fn check_names(files: &Files) {
    let foreign = files.foreign_names();
    for (place, name) in &files.gateway.tls.names {
        if let Some((region, _)) = foreign.iter().find(|(_, host)| host == name) {
            let problem = format!("{name} is a name of {region}");
            files
                .document
                .fault(place, problem, "names of this region only");
        }
    }
}

fn check_certificates(files: &Files) {
    let needed = files
        .gateway
        .listen
        .as_ref()
        .is_some_and(super::Listen::has_tls);
    if needed && !files.gateway.tls.names_certificates {
        let place = Place::of(&["tls", "certificates"]);
        let expected = "[{certificate: ..., key: ...}] for the https, msync and admin listeners";
        files.document.fault(&place, "is missing", expected);
    }
}

/// A zone may go without a kind of traffic, but hardly on purpose.
fn check_upstreams(files: &Files) {
    let Some(listen) = &files.gateway.listen else {
        return;
    };
    for (place, zone) in &files.gateway.zones.zones {
        let upstreams = &zone.upstreams;
        for (name, is_absent) in [
            ("websocket", upstreams.websocket.is_empty()),
            (
                "msync",
                upstreams.msync.is_empty() && listen.msync.is_some(),
            ),
        ] {
            if is_absent {
                let problem = "is absent, so such sessions are refused";
                files
                    .document
                    .warn(&place.key("upstreams").key(name), problem);
            }
        }
    }
}

fn check_registry(files: &Files) {
    if files.gateway.has_embedded_registry() && files.regions().count() > 1 {
        let problem = "is used by one process, but the catalogue has several regions: \
                       their gateways must run in this process, or use etcd";
        files
            .document
            .warn(&Place::of(&["registry", "embedded"]), problem);
    }
}

/// The homes of probed Apps, when all regions are known.
fn check_probe(files: &Files) {
    let complete = files.catalogue.files.iter().all(|f| f.region.is_some());
    let probe = files.gateway.probe.as_ref();
    for (place, home) in probe.iter().flat_map(|probe| &probe.homes) {
        if complete && !files.regions().any(|region| region.id == *home) {
            let problem = format!("{home} is not in the catalogue");
            let expected = "the region that the App was registered in";
            files.document.fault(place, problem, expected);
        }
    }
}
