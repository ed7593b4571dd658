use super::fixture::{Fixture, short};
use crate::config::Config;

fn broken(from: &str, to: &str, expected: &str) {
    Fixture::new().with(from, to).expect(expected);
}

fn with(lines: &str, expected: &str) {
    Fixture::new().and(lines).expect(expected);
}

fn loaded(fixture: &Fixture) -> Config {
    fixture.good().0
}

#[test]
fn top_level_fields_are_known_and_there() {
    broken("region: frankfurt\n", "", "region:: is missing");
    broken("data_dir: data\n", "", "data_dir:: is missing");
    broken(
        "catalogue: {path: regions/}\n",
        "",
        "catalogue:: is missing",
    );
    with("keyz: 1\n", "keyz:28: unknown field \"keyz\"");
    with(
        "region: frankfurt\n",
        "region:28: the field \"region\" is here more than once",
    );
    broken("data_dir: data", "data_dir: 5", "data_dir:3: is a number");
    broken("data_dir: data", "data_dir:", "data_dir:3: is empty");
    broken(
        "data_dir: data",
        "data_dir: !x data",
        "data_dir:3: is a tagged value",
    );
    with("allow_plaintext: yes\n", "allow_plaintext:28: is a text");
    with("? [a]\n: b\n", "a list:: unknown field \"a list\"");
}

#[test]
fn a_typo_is_told_with_the_name_that_was_meant() {
    let faults = Fixture::new().and("limit: {}\n").faults();
    assert_eq!(faults[0].expected, "\"limits\"");
    let faults = Fixture::new()
        .with("    egress:", "    egres: []\n    egress:")
        .faults();
    assert_eq!(
        (faults[0].expected.as_str(), faults[0].line),
        ("\"egress\"", Some(15))
    );
    let faults = Fixture::new().and("log: {colour: red}\n").faults();
    assert_eq!(faults[0].expected, "one of format, level");
}

#[test]
fn listeners() {
    broken("\"0.0.0.0:8443\"", "8443", "listen.https:5: is a number");
    broken(
        "\"0.0.0.0:8443\"",
        "localhost:8443",
        "listen.https:5: is not an address and a port",
    );
    broken(
        "  https: \"0.0.0.0:8443\"\n",
        "",
        "listen:4: has neither https nor http",
    );
    broken(
        "0.0.0.0:9090",
        "0.0.0.0:8443",
        "listen.ops:8: port 8443 is also that of https",
    );
    broken(
        "0.0.0.0:9090",
        "127.0.0.1:8443",
        "listen.ops:8: port 8443 is also that of https",
    );
    broken(
        "0.0.0.0:9090",
        "[::]:8443",
        "listen.ops:8: port 8443 is also that of https",
    );
    broken("  ops:", "  opps:", "listen.opps:8: unknown field \"opps\"");
    let own_addresses = Fixture::new()
        .with("0.0.0.0:8443", "10.0.0.1:443")
        .with("0.0.0.0:9443", "10.0.0.2:443");
    assert_eq!(loaded(&own_addresses).listen.admin.unwrap().port(), 443);
    loaded(
        &Fixture::new()
            .with("0.0.0.0:8443", "127.0.0.1:0")
            .with("0.0.0.0:9090", "127.0.0.1:0"),
    );
}

#[test]
fn plain_http_is_for_this_machine_and_only_when_allowed() {
    let http = "  ops: \"0.0.0.0:9090\"\n  http: ";
    let plain = |address: &str| {
        Fixture::new().with("  ops: \"0.0.0.0:9090\"\n", &format!("{http}{address}\n"))
    };
    plain("\"127.0.0.1:8080\"").expect("listen.http:9: is plain text");
    let allowed = |address| plain(address).and("allow_plaintext: true\n");
    allowed("\"10.0.0.1:8080\"").expect("listen.http:9: 10.0.0.1 is not on loopback");
    allowed("\"0.0.0.0:8080\"").expect("listen.http:9: 0.0.0.0 is not on loopback");
    let (config, warnings) = allowed("\"[::1]:8080\"").good();
    assert!(config.listen.http.is_some() && config.allow_plaintext);
    assert!(
        warnings
            .iter()
            .any(|warning| warning.path == "allow_plaintext")
    );
}

#[test]
fn trusted_proxies() {
    let with = |ranges: &str| {
        let lines = format!("0.0.0.0:9090\"\n  trusted_proxies: {ranges}");
        Fixture::new().with("0.0.0.0:9090\"", &lines)
    };
    let config = loaded(&with(
        "[\"10.0.0.0/24\", 10.1.0.1, \"::ffff:10.2.0.0/112\"]",
    ));
    let proxies: Vec<String> = config
        .listen
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(proxies, ["10.0.0.0/24", "10.1.0.1/32", "10.2.0.0/16"]);
    with("[a]").expect("listen.trusted_proxies[0]:9: \"a\" is no address range");
    let (_, warnings) = with("[\"0.0.0.0/0\"]").good();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.path == "listen.trusted_proxies")
    );
}

#[test]
fn tls() {
    let pair = "    - {certificate: tls/fra.crt, key: tls/fra.key}\n";
    broken(
        pair,
        "    - {certificate: tls/fra.crt}\n",
        "tls.certificates[0].key:11: is missing",
    );
    broken(pair, "    []\n", "tls.certificates:10: is missing");
    broken(
        "Chat.Example.net",
        "*.example.net",
        "tls.names[0]:12: is no host name",
    );
    broken(
        "Chat.Example.net",
        "A1.chat.example.com",
        "tls.names[0]:12: a1.chat.example.com is a name of beijing",
    );
    broken(
        "  names:",
        "  require_name: maybe\n  names:",
        "tls.require_name:12: is a text",
    );
    let (config, warnings) = Fixture::new()
        .with("  names:", "  require_name: false\n  names:")
        .good();
    assert!(!config.tls.require_name);
    assert!(
        warnings
            .iter()
            .any(|warning| warning.path == "tls.require_name")
    );
}

#[test]
fn certificates_are_needed_only_for_tls_listeners() {
    let tls = "tls:\n  certificates:\n    - {certificate: tls/fra.crt, key: tls/fra.key}\n  names: [\"Chat.Example.net\"]\n";
    broken(tls, "", "tls.certificates:: is missing");
    let listeners =
        "  https: \"0.0.0.0:8443\"\n  msync: \"0.0.0.0:6717\"\n  admin: \"0.0.0.0:9443\"\n";
    let plain = Fixture::new()
        .with(tls, "allow_plaintext: true\n")
        .with(listeners, "  http: \"127.0.0.1:8080\"\n");
    assert!(loaded(&plain).tls.certificates.is_empty());
}

#[test]
fn keys_are_files() {
    broken(
        "  pin: {file: keys/frankfurt.pin}\n",
        "",
        "keys.pin:25: is missing",
    );
    let both = Fixture::new()
        .with("{file: keys/frankfurt.pin}", "{value: a}")
        .faults();
    assert_eq!(
        short(&both),
        [
            "keys.pin.file:27: is missing",
            "keys.pin.value:27: unknown field \"value\""
        ]
    );
}

#[test]
fn times_and_choices() {
    with(
        "tokens: {max_age: 25h}\n",
        "tokens.max_age:28: 25h is out of range",
    );
    with(
        "tokens: {max_age: 0s}\n",
        "tokens.max_age:28: 0s is out of range",
    );
    with(
        "tokens: {clock_skew: 60}\n",
        "tokens.clock_skew:28: has no unit",
    );
    with(
        "refusals: {hint: nothing}\n",
        "refusals.hint:28: is \"nothing\"",
    );
    with(
        "audit: {retention: 1h}\n",
        "audit.retention:28: 1h is out of range",
    );
    with("log: {format: xml}\n", "log.format:28: is \"xml\"");
    with("log: {level: trace}\n", "log.level:28: is \"trace\"");
}

#[test]
fn limits() {
    for (field, problem) in [
        ("connections: 0", "is out of range"),
        ("connections: -1", "is out of range"),
        ("connections: 1.5", "is a number"),
        ("connections: many", "is a text"),
        ("rate_per_app: 100", "has no unit"),
        ("rate_per_app: 100/m", "is neither none nor a rate a second"),
        ("frames_per_session: 0/s", "is out of range"),
        ("head: 4KiB", "4KiB is out of range"),
        ("head: 32768", "has no unit"),
        ("body: 10MB", "has a unit other than B, KiB, MiB and GiB"),
        ("connect: 0s", "0s is out of range"),
        ("drain: 30", "has no unit"),
        ("connect: soon", "is not a whole number and a unit"),
    ] {
        let name = field.split(':').next().unwrap();
        with(
            &format!("limits: {{{field}}}\n"),
            &format!("limits.{name}:28: {problem}"),
        );
    }
    let lines = "limits: {rate_per_app: 5/s, frames_per_session: none, body: 1MiB, drain: 0s}\n";
    let limits = loaded(&Fixture::new().and(lines)).limits;
    assert_eq!(limits.rate_per_app.unwrap().get(), 5);
    assert_eq!((limits.frames_per_session, limits.body), (None, 1_048_576));
    assert!(limits.drain.is_zero());
}

#[test]
fn what_cannot_be_understood_is_told_alone() {
    let fixture = Fixture::new().and("a: [\n");
    let faults = fixture.faults();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].problem.starts_with("is not YAML: "), "{faults:?}");
    assert!(faults[0].line.is_some());
    fixture.write("other.yaml", [0xff, 0xfe, 0xfd]);
    let encoding = crate::config::load(&fixture.path("other.yaml")).unwrap_err();
    assert_eq!(short(&encoding.faults), [":: is not UTF-8"]);
    fixture.write("other.yaml", vec![b'#'; 1024 * 1024 + 1]);
    let long = crate::config::load(&fixture.path("other.yaml")).unwrap_err();
    assert!(long.faults[0].problem.starts_with("cannot be read: "));
    let absent = crate::config::load(&fixture.path("absent.yaml")).unwrap_err();
    assert!(absent.faults[0].problem.starts_with("cannot be read: "));
    fixture.write("other.yaml", "[a]\n");
    let list = crate::config::load(&fixture.path("other.yaml")).unwrap_err();
    assert_eq!(short(&list.faults), [":: is a list"]);
}

#[test]
fn probed_apps_are_named_with_homes_of_the_catalogue() {
    let probe = |apps: &str| format!("probe: {{interval: 30s, apps: [{apps}]}}\n");
    let fra = "{app_key: \"acme#probe\", region: frankfurt}";
    let config = loaded(&Fixture::new().and(&probe(fra)));
    let probe_of = config.probe.unwrap();
    assert_eq!(probe_of.interval.as_secs(), 30);
    assert_eq!(probe_of.apps[0].app_key.as_str(), "acme#probe");
    assert!(loaded(&Fixture::new()).probe.is_none(), "off by default");
    for (apps, expected) in [
        ("", "probe.apps:28: is empty"),
        (
            "{region: frankfurt}",
            "probe.apps[0].app_key:28: is missing",
        ),
        (
            "{app_key: acme, region: frankfurt}",
            "probe.apps[0].app_key:28: an AppKey is org#app with exactly one '#'",
        ),
        (
            "{app_key: \"acme#probe\", region: virginia}",
            "probe.apps[0].region:28: virginia is not in the catalogue",
        ),
        (
            &format!("{fra}, {fra}"),
            "probe.apps[1]:28: is in the list already",
        ),
    ] {
        with(&probe(apps), expected);
    }
    with("probe: {interval: 60s}\n", "probe.apps:28: is missing");
    with(
        "probe: {interval: 0s, apps: [{app_key: \"a#b\", region: beijing}]}\n",
        "probe.interval:28: 0s is out of range",
    );
}
