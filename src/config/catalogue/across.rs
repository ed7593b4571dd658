//! What may be in one region only.

use super::region::RegionFile;
use crate::config::read::Place;

/// Finds ids, zones, hosts and pin keys of two regions. The demo's regions share `localhost`.
pub(in crate::config) fn check(files: &[RegionFile], localhost_is_shared: bool) {
    for (i, file) in files.iter().enumerate() {
        for other in &files[..i] {
            if is_same_region(file, other) {
                continue;
            }
            check_zones(file, other);
            check_hosts(file, other, localhost_is_shared);
            check_pin_keys(file, other);
        }
    }
}

impl RegionFile {
    /// What to call the region in a message.
    fn name(&self) -> &str {
        self.region
            .as_ref()
            .map_or("another region", |region| region.id.as_str())
    }
}

/// Two files of one region agree in everything else too: that is one fault, not many.
fn is_same_region(file: &RegionFile, other: &RegionFile) -> bool {
    let (Some(region), Some(before)) = (&file.region, &other.region) else {
        return false;
    };
    if region.id == before.id {
        let problem = format!("{} is in another file too", region.id);
        let place = Place::of(&["region"]);
        file.document
            .fault(&place, problem, "a file for each region");
    }
    region.id == before.id
}

fn check_zones(file: &RegionFile, other: &RegionFile) {
    for (place, zone) in &file.zones {
        if other.zones.iter().any(|(_, before)| before == zone) {
            let problem = format!("{zone} is a zone of {} too", other.name());
            file.document
                .fault(place, problem, "zones of this region only");
        }
    }
}

fn check_hosts(file: &RegionFile, other: &RegionFile, localhost_is_shared: bool) {
    for (place, host) in &file.hosts {
        let shared = localhost_is_shared && host == "localhost";
        if !shared && other.hosts.iter().any(|(_, before)| before == host) {
            let problem = format!("{host} is a name of {} too", other.name());
            file.document
                .fault(place, problem, "names of this region only");
        }
    }
}

fn check_pin_keys(file: &RegionFile, other: &RegionFile) {
    for (place, key) in &file.pin_keys {
        let taken = other
            .pin_keys
            .iter()
            .any(|(_, b)| b.id == key.id || b.key == key.key);
        if taken {
            let problem = format!(
                "{} has the id or the key of a pin key of {}",
                key.id,
                other.name()
            );
            file.document
                .fault(place, problem, "pin keys of this region only");
        }
    }
}
