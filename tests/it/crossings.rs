//! What `domicile check --what-crosses` tells, and that the page in the documents says the same.

use std::fs;
use std::path::Path;

use domicile::config::{self, Config};
use domicile::sinks::{Crossing, Data, Leaves, SINKS, Sink, crossings};

/// The configuration of `docs/configuration.md`, with changes.
fn config(changes: &[(&str, &str)]) -> Config {
    let document = read("docs/configuration.md");
    let (_, block) = document.split_once("```yaml\n").unwrap();
    let yaml = block.split_once("```").unwrap().0.to_owned();
    let regions = root().join("regions").display().to_string();
    let yaml = yaml.replace("path: regions/", &format!("path: {regions}"));
    let changed = changes.iter().fold(yaml, |yaml, (from, to)| {
        assert!(yaml.contains(from), "{from}");
        yaml.replace(from, to)
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    fs::write(&file, changed).unwrap();
    config::load(&file).unwrap().0
}

const EMBEDDED: &str = "embedded: {path: registry.redb}";
#[cfg(feature = "otel")]
const TRACED: &str = "\ntracing: {otlp: {endpoint: \"https://10.71.0.60:4318\", egress: [\"10.71.0.60\"], tls: {ca: c.crt}}}\nzones:";
const ETCD: &str = "etcd: {endpoints: [\"https://etcd.example.com:2379\"]}";

/// Control: the page is what the code says. What it should be is in the failure.
#[test]
fn the_page_says_what_the_code_says() {
    let page = read("docs/what-crosses.md");
    let sinks = sinks();
    assert!(page.contains(&sinks), "docs/what-crosses.md lacks\n{sinks}");
    let table = table(&crossings(&config(&[])));
    assert!(page.contains(&table), "docs/what-crosses.md lacks\n{table}");
    let mut elsewhere = crossings(&config(&[(EMBEDDED, ETCD)]));
    elsewhere.retain(|c| matches!(c.sink, "dns" | "registry.etcd"));
    let rows = rows(&elsewhere);
    assert!(page.contains(&rows), "docs/what-crosses.md lacks\n{rows}");
}

/// The page's last table, and that a collector with a name is asked for.
#[cfg(feature = "otel")]
#[test]
fn a_collector_is_told() {
    let page = read("docs/what-crosses.md");
    let mut traced = crossings(&config(&[("\nzones:", TRACED)]));
    traced.retain(|c| c.sink == "traces");
    assert_eq!(traced.len(), 1);
    let rows = rows(&traced);
    assert!(page.contains(&rows), "docs/what-crosses.md lacks\n{rows}");
    let named = TRACED.replace("https://10.71.0.60:4318", "https://otel.example.com");
    let named = crossings(&config(&[("\nzones:", &named)]));
    let dns = named.iter().find(|c| c.sink == "dns").unwrap();
    assert_eq!(dns.destination, "this machine's resolver: otel.example.com");
}

/// P1, P6, P7: what users say goes to the zone and to who asked for it; private keys go nowhere.
#[test]
fn nothing_of_users_and_no_key_leaves_the_region_unasked() {
    let plain = [
        ("allow_plaintext: false", "allow_plaintext: true"),
        ("https://10.71.0.10:8443", "http://a.example.com:8080"),
        (EMBEDDED, ETCD),
    ];
    for crossing in crossings(&config(&plain)) {
        let asked = crossing.sink.starts_with("clients.") || crossing.sink.starts_with("command.");
        let leaves = crossing.leaves_region != Leaves::No;
        let holds = |data| crossing.data.contains(&data);
        let name = crossing.sink;
        assert!(!(leaves && holds(Data::Secrets)), "{name}");
        assert!(asked || !(leaves && holds(Data::Content)), "{name}");
        assert!(!holds(Data::Content) || name != "log" && name != "ops" && name != "audit");
    }
}

#[test]
fn an_embedded_registry_sends_nothing_and_addresses_ask_no_dns() {
    let crossings = crossings(&config(&[]));
    let sinks: Vec<_> = crossings.iter().map(|c| c.sink).collect();
    assert!(!sinks.contains(&"registry.etcd") && !sinks.contains(&"dns"));
    assert!(sinks.contains(&"registry.embedded"));
}

#[test]
fn a_store_elsewhere_and_names_are_told() {
    let named = [
        (EMBEDDED, ETCD),
        ("https://10.71.0.10:8443", "https://im.fra1.example.com"),
    ];
    let crossings = crossings(&config(&named));
    let of = |sink: &str| crossings.iter().find(|c| c.sink == sink).unwrap();
    let etcd = of("registry.etcd");
    assert_eq!(
        etcd.destination,
        "https://etcd.example.com:2379, below /domicile"
    );
    assert_eq!(
        (etcd.leaves_region, etcd.region.as_ref()),
        (Leaves::May, None)
    );
    let dns = "this machine's resolver: etcd.example.com, im.fra1.example.com";
    assert_eq!(of("dns").destination, dns);
    assert!(crossings.iter().all(|c| c.sink != "registry.embedded"));
}

/// What goes without encryption is called so.
#[test]
fn plain_text_is_told() {
    let plain = [
        ("allow_plaintext: false", "allow_plaintext: true"),
        ("https://10.71.0.10:8443", "http://10.71.0.10:8080"),
    ];
    let crossings = crossings(&config(&plain));
    let rest = crossings.iter().filter(|c| c.sink == "upstream.rest");
    let protections: Vec<_> = rest.map(|c| c.protection.as_str()).collect();
    assert_eq!(
        protections,
        ["none: plain text", "mutual TLS, the zone's own CA"]
    );
}

fn sinks() -> String {
    let row = |sink: &Sink| {
        let mut code: Vec<_> = sink.ways.iter().map(|way| way.file).collect();
        code.dedup();
        let code: Vec<_> = code.iter().map(|file| format!("`{file}`")).collect();
        format!(
            "| `{}` | {} | {} | {} |",
            sink.name,
            data(sink.data),
            sink.sends,
            code.join(", ")
        )
    };
    let head = "| sink | data | what | code |\n|---|---|---|---|\n";
    format!("{head}{}", lines(SINKS.iter().map(row)))
}

fn table(crossings: &[Crossing]) -> String {
    let head = "| sink | destination | region | leaves it | data | protection |\n|---|---|---|---|---|---|\n";
    format!("{head}{}", rows(crossings))
}

fn rows(crossings: &[Crossing]) -> String {
    let row = |c: &Crossing| {
        let region = c.region.as_deref().unwrap_or("anywhere");
        let leaves = c.leaves_region.as_str();
        format!(
            "| `{}` | {} | {region} | {leaves} | {} | {} |",
            c.sink,
            c.destination,
            data(c.data),
            c.protection
        )
    };
    lines(crossings.iter().map(row))
}

fn lines(rows: impl Iterator<Item = String>) -> String {
    rows.map(|row| row + "\n").collect()
}

fn data(data: &[Data]) -> String {
    let names: Vec<_> = data.iter().map(|data| data.as_str()).collect();
    names.join(", ")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
