use super::fixture::{Fixture, short};

const REST: &str = "[\"https://10.71.0.10:8443\"]";
const WEBSOCKET: &str = "[\"wss://10.71.0.20:8444/websocket\"]";
const MSYNC: &str = "[\"tls://10.71.0.30:6717\"]";

#[track_caller]
fn broken(from: &str, to: &str, expected: &str) {
    Fixture::new().with(from, to).expect(expected);
}

#[test]
fn zones_are_those_of_the_region() {
    let foreign = Fixture::new().with("  fra1:", "  bj1:").faults();
    assert_eq!(
        short(&foreign),
        [
            "zones.fra1:13: is missing: Apps pinned to fra1 could not be served",
            "zones.bj1:14: bj1 is a zone of beijing",
        ]
    );
    let both = Fixture::new()
        .with("  fra1:", "  mars1: {}\n  fra1:")
        .faults();
    let problems = short(&both);
    assert!(problems.contains(&"zones.mars1:14: mars1 is no zone of frankfurt".to_owned()));
}

#[test]
fn all_zones_of_the_region_are_there() {
    let fixture = Fixture::new().with_region("regions/frankfurt.yaml", "[fra1]", "[fra1, fra2]");
    fixture.expect("zones.fra2:13: is missing: Apps pinned to fra2 could not be served");
}

#[test]
fn zones_are_in_the_order_of_the_catalogue() {
    let second = "zones:\n  fra2:\n    egress: [\"10.72.0.0/16\"]\n    upstreams: {rest: [\"https://10.72.0.1\"]}\n";
    let fixture = Fixture::new()
        .with_region("regions/frankfurt.yaml", "[fra1]", "[fra1, fra2]")
        .with("zones:\n", second);
    let (config, warnings) = fixture.good();
    let ids: Vec<&str> = config.zones.iter().map(|zone| zone.id.as_str()).collect();
    assert_eq!(ids, ["fra1", "fra2"]);
    let absent: Vec<&str> = warnings
        .iter()
        .map(|warning| warning.path.as_str())
        .collect();
    assert!(absent.contains(&"zones.fra2.upstreams.msync"));
}

#[test]
fn egress_is_never_everything() {
    for (ranges, problem) in [
        ("[\"0.0.0.0/0\"]", "[0]:15: 0.0.0.0/0 is too wide"),
        ("[\"::/0\"]", "[0]:15: ::/0 is too wide"),
        ("[\"10.0.0.0/7\"]", "[0]:15: 10.0.0.0/7 is too wide"),
        ("[\"fd00::/8\"]", "[0]:15: fd00::/8 is too wide"),
        (
            "[\"10.71.0.0/16\", \"128.0.0.0/1\"]",
            "[1]:15: 128.0.0.0/1 is too wide",
        ),
        ("[\"::ffff:0:0/96\"]", "[0]:15: 0.0.0.0/0 is too wide"),
        (
            "[\"10.71.0.10/16\"]",
            "[0]:15: 10.71.0.10/16 has bits set past its prefix",
        ),
        (
            "[\"10.71.0.0/33\"]",
            "[0]:15: \"10.71.0.0/33\" is no address range",
        ),
        (
            "[fra1.example.com]",
            "[0]:15: \"fra1.example.com\" is no address range",
        ),
        ("[7]", "[0]:15: is a number"),
        ("[]", ":15: is empty"),
        ("all", ":15: is a text"),
    ] {
        let faults = Fixture::new().with("[\"10.71.0.0/16\"]", ranges).faults();
        assert_eq!(short(&faults), [format!("zones.fra1.egress{problem}")]);
    }
    broken(
        "    egress: [\"10.71.0.0/16\"]\n",
        "",
        "zones.fra1.egress:14: is missing",
    );
}

#[test]
fn two_halves_are_not_everything_either() {
    let halves = "[\"0.0.0.0/1\", \"128.0.0.0/1\"]";
    let faults = Fixture::new().with("[\"10.71.0.0/16\"]", halves).faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    let quarters: Vec<String> = (0..=255).map(|n| format!("\"{n}.0.0.0/8\"")).collect();
    let all = format!("[{}]", quarters.join(", "));
    broken(
        "[\"10.71.0.0/16\"]",
        &all,
        "zones.fra1.egress:15: is everything when taken together",
    );
}

#[test]
fn mapped_ranges_are_unmapped() {
    let (config, _) = Fixture::new()
        .with("10.71.0.0/16", "::ffff:10.71.0.0/112")
        .good();
    assert_eq!(config.zones[0].egress[0].to_string(), "10.71.0.0/16");
}

#[test]
fn written_addresses_are_inside_egress() {
    broken(
        "10.71.0.10:8443",
        "10.72.0.10:8443",
        "zones.fra1.upstreams.rest[0]:17: 10.72.0.10 is outside the egress ranges",
    );
    broken(
        "10.71.0.11:8443",
        "[::ffff:10.72.0.1]:1",
        "zones.fra1.channels.room.rest[0]:21: 10.72.0.1 is outside the egress ranges",
    );
    let (config, _) = Fixture::new()
        .with("10.71.0.10:8443", "[::ffff:10.71.0.10]:8443")
        .good();
    assert_eq!(config.zones[0].upstreams.rest[0].host, "10.71.0.10");
    let (config, _) = Fixture::new()
        .with("10.71.0.10:8443", "Backend.Example.com")
        .good();
    let rest = &config.zones[0].upstreams.rest[0];
    assert_eq!(
        (rest.host.as_str(), rest.port, rest.path.as_str()),
        ("backend.example.com", 443, "/")
    );
}

#[test]
fn schemes_fit_their_kind() {
    for (kind, line, from, to, problem) in [
        (
            "rest",
            17,
            REST,
            "[\"wss://10.71.0.1/\"]",
            "has a scheme other than https and http",
        ),
        ("rest", 17, REST, "[\"https://10.71.0.1/v1\"]", "has a path"),
        (
            "rest",
            17,
            REST,
            "[\"https://u:p@10.71.0.1\"]",
            "has a user name or password in it",
        ),
        ("rest", 17, REST, "[\"https://10.71.0.1?a\"]", "has a query"),
        (
            "rest",
            17,
            REST,
            "[\"https://10.71.0.1#a\"]",
            "has a fragment",
        ),
        ("rest", 17, REST, "[\"http://10.71.0.1\"]", "is plain text"),
        (
            "websocket",
            18,
            WEBSOCKET,
            "[\"https://10.71.0.1/\"]",
            "has a scheme other than wss and ws",
        ),
        (
            "websocket",
            18,
            WEBSOCKET,
            "[\"wss://10.71.0.1\"]",
            "has no path",
        ),
        (
            "websocket",
            18,
            WEBSOCKET,
            "[\"ws://10.71.0.1/a\"]",
            "is plain text",
        ),
        (
            "msync",
            19,
            MSYNC,
            "[\"https://10.71.0.1\"]",
            "has a scheme other than tls and tcp",
        ),
        ("msync", 19, MSYNC, "[\"tls://10.71.0.1\"]", "has no port"),
        (
            "msync",
            19,
            MSYNC,
            "[\"tcp://10.71.0.1:1\"]",
            "is plain text",
        ),
        ("msync", 19, MSYNC, "[\"10.71.0.1:1\"]", "has no scheme"),
    ] {
        broken(
            from,
            to,
            &format!("zones.fra1.upstreams.{kind}[0]:{line}: {problem}"),
        );
    }
    let twice = "[\"https://10.71.0.1\", \"https://10.71.0.1:443/\"]";
    broken(
        REST,
        twice,
        "zones.fra1.upstreams.rest[1]:17: is here more than once",
    );
    broken(MSYNC, "[]", "zones.fra1.upstreams.msync:19: is empty");
    broken(
        "      rest:",
        "      # rest:",
        "zones.fra1.upstreams.rest:16: is missing",
    );
}

#[test]
fn plain_upstreams_are_read_when_allowed() {
    let (config, _) = Fixture::new()
        .with(REST, "[\"http://10.71.0.1\"]")
        .with(WEBSOCKET, "[\"ws://10.71.0.1/websocket\"]")
        .with(MSYNC, "[\"tcp://10.71.0.1:6717\"]")
        .and("allow_plaintext: true\n")
        .good();
    let upstreams = &config.zones[0].upstreams;
    assert!(
        upstreams
            .all()
            .all(|u| u.scheme == crate::config::Scheme::Plain)
    );
    assert_eq!(
        (upstreams.rest[0].port, upstreams.websocket[0].port),
        (80, 80)
    );
}

#[test]
fn channels_are_the_four() {
    broken(
        "      room:",
        "      rooms:",
        "zones.fra1.channels.rooms:21: \"rooms\" is no channel",
    );
    broken(
        "room: {rest",
        "room: {grpc: [], rest",
        "zones.fra1.channels.room.grpc:21: unknown field \"grpc\"",
    );
}

#[test]
fn client_certificate_and_key_go_together() {
    broken(
        "{ca: tls/ca.crt}",
        "{key: a}",
        "zones.fra1.tls:22: has only one of certificate and key",
    );
}

#[test]
fn a_gateway_secret_stays_on_the_machine() {
    let secret = "    tls: {ca: tls/ca.crt}\n    gateway_secret: {value: hidden}\n";
    let far = Fixture::new().with("    tls: {ca: tls/ca.crt}\n", secret);
    far.expect("zones.fra1.gateway_secret:23: 10.71.0.10 is not on loopback");
    let near = far
        .with("10.71.0.0/16", "127.0.0.0/8")
        .with("10.71.0.10", "127.0.0.1")
        .with("10.71.0.20", "localhost")
        .with("10.71.0.30", "127.0.0.3");
    assert_eq!(
        short(&near.faults())[1],
        "zones.fra1.gateway_secret:23: 10.71.0.11 is not on loopback"
    );
    let near = near
        .with("10.71.0.11", "127.0.0.4")
        .with("      msync:", "      msync_preamble: true\n      msync:");
    let (config, _) = near.good();
    assert!(config.zones[0].gateway_secret.is_some() && config.zones[0].msync_preamble);
    assert!(!format!("{config:?}").contains("hidden"));
    let wider = near.with("127.0.0.0/8", "127.0.0.0/8\", \"10.71.0.0/16");
    wider.expect("zones.fra1.gateway_secret:24: localhost is not on loopback");
}

#[test]
fn a_gateway_secret_is_a_header() {
    let secret = "    gateway_secret: {value: hid den}\n    tls: {ca";
    let local = Fixture::new()
        .with("10.71.0.0/16", "127.0.0.0/8")
        .with("    tls: {ca", secret);
    let local = (0..4).fold(local, |f, _| f.with("//10.71.0.", "//127.0.0."));
    local.expect("zones.fra1.gateway_secret:22: has characters that can't stand in a header");
}
