//! Somebody has edited the registry in etcd by hand, as its root.

use aws_lc_rs::digest::{SHA256, digest};

use super::client::{self, App, message, rest, session};
use super::lab::Lab;
use super::places::{PLACES, Place, place};
use super::scenarios::{ELSEWHERE, SERVED, Seen};
use crate::harness::sdk::BOTH;

/// Control: a pin under another region's prefix does not verify.
pub fn pin_moved(lab: &mut Lab, seen: &mut Seen) {
    let app = victim(lab, "moved");
    let from = format!("/domicile/pins/frankfurt/{}", hash(&app.app_key));
    let to = format!("/domicile/pins/virginia/{}", hash(&app.app_key));
    let record = format!("/domicile/apps/virginia/{}", hash(&app.app_key));
    let pin = value(lab, &from);
    lab.etcdctl(&["put", &to], &pin);
    lab.etcdctl(&["del", &from], b"");
    // And its record, so that Virginia lacks nothing but the right.
    let own = value(lab, &record.replace("virginia", "frankfurt"));
    lab.etcdctl(&["put", &record], &own);
    at_all_regions(&app, seen, |_| UNTRUSTED);
    lab.etcdctl(&["put", &from], &pin);
    lab.etcdctl(&["del", &to], b"");
    lab.etcdctl(&["del", &record], b"");
    served_again(&app, seen);
}

/// Control: two pins for one hash are believed neither.
pub fn pin_copied(lab: &mut Lab, seen: &mut Seen) {
    let app = victim(lab, "copied");
    let from = format!("/domicile/pins/frankfurt/{}", hash(&app.app_key));
    let to = format!("/domicile/pins/singapore/{}", hash(&app.app_key));
    let pin = value(lab, &from);
    lab.etcdctl(&["put", &to], &pin);
    at_all_regions(&app, seen, |_| UNTRUSTED);
    lab.etcdctl(&["del", &to], b"");
    served_again(&app, seen);
}

/// Control: a record is bound to its App, and opens under no other.
pub fn records_swapped(lab: &mut Lab, seen: &mut Seen) {
    let apps = [victim(lab, "swapped-1"), victim(lab, "swapped-2")];
    let keys = apps
        .each_ref()
        .map(|app| format!("/domicile/apps/frankfurt/{}", hash(&app.app_key)));
    let records = keys.each_ref().map(|key| value(lab, key));
    lab.etcdctl(&["put", &keys[0]], &records[1]);
    lab.etcdctl(&["put", &keys[1]], &records[0]);
    for app in &apps {
        at_all_regions(app, seen, |place| match place.region {
            "frankfurt" => UNTRUSTED,
            _ => ELSEWHERE,
        });
    }
    lab.etcdctl(&["put", &keys[0]], &records[0]);
    lab.etcdctl(&["put", &keys[1]], &records[1]);
    apps.iter().for_each(|app| served_again(app, seen));
}

const UNTRUSTED: &[&str] = &["503 registry_untrusted"];

/// What every region says of an App that somebody has tampered with.
fn at_all_regions(app: &App, seen: &mut Seen, expected: fn(Place) -> &'static [&'static str]) {
    for place in PLACES {
        let sent = rest(app, place, "POST", "messages/users", &message());
        seen.says(format!("at {}", place.region), &sent, expected(place));
        for by in BOTH {
            let session = session(app, place, by);
            let what = format!("a session at {} by {by:?}", place.region);
            seen.holds(what, session.starts_with("8 "), &session);
        }
    }
}

/// All is as it was: home serves it, so what was seen came of the tampering.
fn served_again(app: &App, seen: &mut Seen) {
    let mut made = String::new();
    for _ in 0..100 {
        made = client::make_user(app);
        if made == SERVED[0] {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    seen.says("put back", &made, SERVED);
}

/// The hash of an AppKey in the registry (SPEC 7).
fn hash(app_key: &str) -> String {
    let text = format!("domicile-app-key\0{}", app_key.to_ascii_lowercase());
    hex::encode(digest(&SHA256, text.as_bytes()))
}

/// The value as it is, in a text that etcdctl puts back byte for byte.
fn value(lab: &Lab, key: &str) -> Vec<u8> {
    use base64::Engine as _;
    let printed = lab.etcdctl(&["get", "-w", "json", key], b"");
    let found: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let text = found["kvs"][0]["value"].as_str();
    let text = text.unwrap_or_else(|| panic!("{key} is not there: {printed}"));
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

/// A fresh App of Frankfurt that no gateway has asked for.
fn victim(lab: &mut Lab, name: &str) -> App {
    let frankfurt = place("frankfurt");
    let zone = frankfurt.zones().next().unwrap();
    lab.register(frankfurt, zone, name)
}
