use super::fixture::{BEIJING, FRANKFURT, Fixture, short};
use crate::config::Fault;

const FILE: &str = "regions/frankfurt.yaml";
const KEY: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";

#[track_caller]
fn broken(from: &str, to: &str, expected: &str) {
    Fixture::new().with_region(FILE, from, to).expect(expected);
}

#[test]
fn fields_are_known_and_there() {
    broken(
        "location: Frankfurt, Germany\n",
        "",
        "location:: is missing",
    );
    broken(
        "service_area: europe",
        "service_area: The Moon",
        "service_area:3: a name is 1 to 32 of a-z, 0-9 and '-', and starts with a letter",
    );
    broken(
        "zones: [fra1]",
        "zones: [fra1]\nupstreams: {}",
        "upstreams:5: unknown field \"upstreams\"",
    );
    broken(
        "zones: [fra1]",
        "zones: [fra1, fra1]",
        "zones[1]:4: \"fra1\" is here more than once",
    );
    broken(
        "  rest:",
        "  restt: []\n  rest:",
        "endpoints.restt:6: unknown field \"restt\"",
    );
    broken(
        "region: frankfurt",
        "region: Frankfurt",
        "region:1: a name is 1 to 32 of a-z, 0-9 and '-', and starts with a letter",
    );
}

#[test]
fn zones_are_needed_and_one_fault_is_enough() {
    broken("zones: [fra1]", "zones: []", "zones:4: is empty");
}

#[test]
fn endpoints_are_urls_of_their_kind() {
    for (from, to, expected) in [
        (
            "https://a71.chat.example.com",
            "http://a71.chat.example.com",
            "rest[0]:6: has a scheme other than https",
        ),
        (
            "https://a71.chat.example.com",
            "https://a71.chat.example.com/v1",
            "rest[0]:6: has a path",
        ),
        (
            "https://a71.chat.example.com",
            "a71.chat.example.com",
            "rest[0]:6: has no scheme",
        ),
        ("com/websocket", "com", "websocket[0]:7: has no path"),
        (
            "tls.chat.example.com:443",
            "tls.chat.example.com",
            "msync[0]:8: has no port",
        ),
        ("com:9443", "com:0", "admin[0]:9: has no valid port"),
    ] {
        broken(from, to, &format!("endpoints.{expected}"));
    }
    let (config, _) = Fixture::new()
        .with_region(
            FILE,
            "https://a71.chat.example.com",
            "https://[2001:DB8::1]:8443",
        )
        .good();
    let rest = &config.catalogue.regions[1].rest[0];
    assert_eq!((rest.host.as_str(), rest.port), ("2001:db8::1", 8443));
    assert!(config.tls.names.own.contains(&"2001:db8::1".to_owned()));
}

#[test]
fn pin_keys_are_keys() {
    for (from, to, expected) in [
        (KEY, "CQkJ", "[0].key:11: is not 32 bytes"),
        (KEY, "?", "[0].key:11: is not base64"),
        (
            KEY,
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "[0].key:11: is not a key: it would verify what nobody signed",
        ),
        (
            "fra-2026",
            "fra 2026",
            "[0].id:11: is not 1 to 64 of letters, digits, '_', '.' and '-'",
        ),
        (
            "{id: fra-2026",
            "{id: fra-2026, not_after: soon",
            "[0].not_after:11: is not an RFC 3339 time",
        ),
        (
            "{id: fra-2026",
            "{id: fra-2026, not_after: \"1960-01-01T00:00:00Z\"",
            "[0].not_after:11: is before 1970",
        ),
    ] {
        broken(from, to, &format!("pin_keys{expected}"));
    }
    let again = format!("fra-2026, key: \"{KEY}\"}}\n  - {{id: fra-2027");
    broken(
        "fra-2026",
        &again,
        "pin_keys[1]:12: has the id or the key of another pin key",
    );
}

#[test]
fn no_two_regions_share_anything() {
    for (from, to, expected) in [
        (
            "zones: [fra1]",
            "zones: [fra1, bj1]",
            "zones[1]:4: bj1 is a zone of beijing too",
        ),
        (
            "https://a71.",
            "https://A1.",
            "endpoints.rest[0]:6: a1.chat.example.com is a name of beijing too",
        ),
        ("a71.chat.example.com", "localhost", ""),
        (
            "fra-2026",
            "bj-2026",
            "pin_keys[0]:11: bj-2026 has the id or the key of a pin key of beijing",
        ),
        (
            KEY,
            "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
            "pin_keys[0]:11: fra-2026 has the id or the key of a pin key of beijing",
        ),
    ] {
        let faults = Fixture::new().with_region(FILE, from, to).faults();
        let found = short(&of_catalogue(&faults));
        assert_eq!(found.join(""), expected);
    }
    let fixture = Fixture::new();
    fixture.write("regions/frankfurt-2.yaml", FRANKFURT);
    fixture.expect("region:1: frankfurt is in another file too");
}

fn of_catalogue(faults: &[Fault]) -> Vec<Fault> {
    let of_catalogue = |fault: &&Fault| !fault.file.ends_with("gateway.yaml");
    faults.iter().filter(of_catalogue).cloned().collect()
}

/// The demo's rule: all regions are `localhost`, as long as nobody outside can reach them.
#[test]
fn localhost_is_shared_only_on_loopback() {
    let shared = || {
        Fixture::new()
            .with_region(FILE, "a71.chat.example.com", "localhost")
            .with_region("regions/beijing.yaml", "a1.chat.example.com", "localhost")
    };
    shared().expect("endpoints.rest[0]:6: localhost is a name of beijing too");
    let loopback = |fixture: Fixture| (0..4).fold(fixture, |f, _| f.with("0.0.0.0", "127.0.0.1"));
    let (config, _) = loopback(shared()).good();
    assert!(config.tls.names.own.contains(&"localhost".to_owned()));
    let other = shared()
        .with_region(FILE, "localhost", "x.localhost")
        .with_region("regions/beijing.yaml", "localhost", "x.localhost");
    loopback(other).expect("endpoints.rest[0]:6: x.localhost is a name of beijing too");
}

#[test]
fn the_region_is_in_the_catalogue() {
    Fixture::new()
        .with("region: frankfurt", "region: virginia")
        .expect("region:1: virginia is not in the catalogue");
    let faults = Fixture::new().with("regions/", "absent/").faults();
    assert_eq!(
        (faults.len(), faults[0].path.as_str()),
        (1, "catalogue.path")
    );
    let fixture = Fixture::new().with("regions/", "empty/");
    fixture.write("empty/.frankfurt.yaml", FRANKFURT);
    fixture.expect("catalogue.path:2: has no *.yaml file in it");
}

#[test]
fn a_file_that_is_no_yaml_does_not_hide_the_others_faults() {
    let fixture =
        Fixture::new().with_region("regions/beijing.yaml", "zones: [bj1, vip6]", "zones: 5");
    fixture.write("regions/frankfurt.yaml", "region: [\n");
    let faults = fixture.faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults
            .iter()
            .any(|fault| fault.problem.starts_with("is not YAML"))
    );
    assert!(faults.iter().any(|fault| fault.path == "zones"));
}

#[test]
fn a_digest_pins_the_files() {
    let found = Fixture::new().good().0.catalogue.digest.clone();
    let mut bytes = Vec::new();
    for (name, text) in [("beijing.yaml", BEIJING), ("frankfurt.yaml", FRANKFURT)] {
        for part in [name, text] {
            bytes.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            bytes.extend(part.as_bytes());
        }
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    assert_eq!(found, format!("sha256:{}", hex::encode(digest)));
    let pinned = |digest: &str| {
        let section = format!("{{path: regions/, digest: \"{digest}\"}}");
        Fixture::new().with("{path: regions/}", &section)
    };
    pinned(&found).good();
    pinned("sha256:00").expect("catalogue.digest:2: is not 64 hexadecimal digits");
    pinned("md5:00").expect("catalogue.digest:2: is not a sha256: digest");
    let other = pinned(&found).with_region(FILE, "Frankfurt, Germany", "Frankfurt");
    other.expect("catalogue.digest:2: is not that of the catalogue's files");
}

#[test]
fn names_that_look_like_the_catalogues_are_warned_about() {
    let fixture = Fixture::new();
    fixture.write("regions/virginia.yml", "region: virginia\n");
    let (_, warnings) = fixture.good();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.problem.contains("virginia.yml"))
    );
}
