//! The command for operators' own machines (`staging.py`), on this network.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::lab::Lab;
use super::network::at;
use super::places::{CLIENTS, PLACES, Zone, place};

/// It proves what is so, and finds one attempt to connect to another region.
pub fn tells_what_crosses(lab: &Lab) {
    let targets = write_targets(lab);
    for place in PLACES {
        let rules = python(lab, &["rules", "--region", place.region], &targets);
        assert!(rules.0, "{}", rules.1);
        let gateway = place.gateway();
        lab.network
            .feed(&gateway, "nft", &["-f", "-"], rules.1.as_bytes());
    }
    let state = lab.path("staging.state").display().to_string();
    let folder = lab.path("staging");
    let report = folder.display().to_string();
    let finish = ["finish", "--state", &state, "--report", &report];
    start(lab, &targets, &state);
    let (proven, said) = python(lab, &finish, &targets);
    assert!(proven, "{said}");
    start(lab, &targets, &state);
    connect_abroad();
    let (proven, said) = python(lab, &finish, &targets);
    assert!(!proven, "a packet went to Virginia: {said}");
    let found = std::fs::read(folder.join("report.json")).unwrap();
    let found: Value = serde_json::from_slice(&found).unwrap();
    let failed = found["gateways"].as_array().unwrap().iter();
    let failed: Vec<_> = failed.filter(|gateway| gateway["ok"] == false).collect();
    assert_eq!(failed.len(), 1, "{found:#}");
    assert_eq!(failed[0]["region"], "frankfurt");
    assert!(failed[0]["to"]["virginia"]["packets"].as_u64() > Some(0));
}

/// What no gateway does.
#[expect(clippy::disallowed_methods, reason = "the test's own leak")]
fn connect_abroad() {
    let va1 = place("virginia").zones().next().unwrap();
    let centre = SocketAddr::from((va1.address(), 8443));
    let stream = at(&place("frankfurt").gateway(), || TcpStream::connect(centre));
    let stream = stream.unwrap();
    // Closed by a reset, so that nothing of it comes later.
    let at_once = Some(std::time::Duration::ZERO);
    socket2::SockRef::from(&stream).set_linger(at_once).unwrap();
}

fn start(lab: &Lab, targets: &Path, state: &str) {
    let (started, said) = python(lab, &["start", "--state", state], targets);
    assert!(started, "{said}");
}

fn write_targets(lab: &Lab) -> PathBuf {
    let prefixes = PLACES.map(|place| {
        let zones: Vec<_> = place.zones().map(Zone::prefix).collect();
        (place.region.to_owned(), json!(zones))
    });
    let gateways = PLACES.map(|place| {
        let full = lab.network.name(&place.gateway());
        let list = "nft -j list counters".split(' ');
        let words = ["ip", "netns", "exec", &full].into_iter().chain(list);
        let words: Vec<_> = words.collect();
        json!({"name": place.gateway(), "region": place.region, "counters": words})
    });
    let path = |name: &str| lab.path(name).display().to_string();
    let targets = json!({
        "prefixes": serde_json::Map::from_iter(prefixes),
        "gateways": gateways,
        "probe": [env!("CARGO_BIN_EXE_domicile"), "probe", "--apps", lab.canaries(),
            "--catalogue", path("regions"), "--ca", path("ca.crt")],
    });
    let file = lab.path("targets.json");
    std::fs::write(&file, targets.to_string()).unwrap();
    file
}

/// Whether it succeeded, and what it said.
fn python(lab: &Lab, words: &[&str], targets: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/residency/staging.py");
    let mut command = lab.network.command(CLIENTS, "python3");
    command
        .arg(script)
        .args(words)
        .arg("--targets")
        .arg(targets);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => (true, said),
        Some(1) => (false, format!("{said}{error}")),
        code => panic!("{code:?}: {said}{error}"),
    }
}
