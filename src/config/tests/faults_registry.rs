use super::fixture::Fixture;
use crate::config::Config;

#[test]
fn registries() {
    let embedded = "  embedded: {path: registry.redb}\n";
    broken(
        embedded,
        "  anchor: a\n",
        "registry:23: has neither embedded nor etcd",
    );
    let both = format!("{embedded}  etcd: {{endpoints: [\"https://10.0.0.1:2379\"]}}\n");
    broken(embedded, &both, "registry:23: has both embedded and etcd");
    let cache = |fields: &str| format!("{embedded}  cache: {{{fields}}}\n");
    broken(
        embedded,
        &cache("negative_ttl: 6s"),
        "registry.cache.negative_ttl:25: 6s is out of range",
    );
    broken(
        embedded,
        &cache("negative_ttl: 5"),
        "registry.cache.negative_ttl:25: has no unit",
    );
    broken(
        embedded,
        &cache("capacity: 0"),
        "registry.cache.capacity:25: is out of range",
    );
    let config = loaded(&Fixture::new().with(embedded, &cache("capacity: 7, negative_ttl: 1s")));
    assert_eq!(config.registry.cache_capacity, 7);
}

#[test]
fn etcd() {
    let etcd = |fields: &str| {
        Fixture::new().with(
            "embedded: {path: registry.redb}",
            &format!("etcd: {{{fields}}}"),
        )
    };
    let one = |url: &str| etcd(&format!("endpoints: [\"{url}\"]"));
    let at = "registry.etcd.endpoints[0]:24:";
    one("http://10.0.0.1:2379").expect(&format!("{at} is plain text"));
    one("ftp://10.0.0.1:2379").expect(&format!("{at} has a scheme other than https"));
    one("https://10.0.0.1").expect(&format!("{at} is not just a host and a port"));
    one("https://a:b@10.0.0.1:1").expect(&format!("{at} has a user name or password in it"));
    etcd("endpoints: []").expect("registry.etcd.endpoints:24: is empty");
    let url = "endpoints: [\"https://10.0.0.1:2379\"]";
    etcd(&format!("{url}, username: a"))
        .expect("registry.etcd:24: has only one of username and password");
    etcd(&format!("{url}, tls: {{certificate: a.crt}}"))
        .expect("registry.etcd.tls:24: has only one of certificate and key");
    etcd(&format!("{url}, prefix: domicile/"))
        .expect("registry.etcd.prefix:24: is not a path of letters, digits, '_', '.' and '-'");
    let fixture = etcd(&format!(
        "{url}, username: a, password: {{file: secret}}, tls: {{ca: ca.crt}}"
    ));
    fixture.write_private("data/secret", "hidden\n");
    assert!(!format!("{:?}", loaded(&fixture)).contains("hidden"));
}

#[test]
fn secrets_are_files_or_values_and_nobody_else_reads_them() {
    let password = |secret: &str| {
        let etcd = format!(
            "etcd: {{endpoints: [\"https://10.0.0.1:2379\"], username: a, password: {secret}}}"
        );
        Fixture::new().with("embedded: {path: registry.redb}", &etcd)
    };
    let at = "registry.etcd.password";
    password("{}").expect(&format!("{at}:24: has neither a file nor a value"));
    password("{file: a, value: b}").expect(&format!("{at}:24: has both a file and a value"));
    password("hidden").expect(&format!("{at}:24: is a text"));
    password("{value: 12345}").expect(&format!("{at}.value:24: is a number"));
    let file = password("{file: secret}");
    assert!(file.faults()[0].problem.starts_with("cannot be read: "));
    file.write_private("data/secret", "\r\n");
    file.expect(&format!("{at}.file:24: is an empty file"));
    file.write_private("data/secret", [0xff]);
    file.expect(&format!("{at}.file:24: is not UTF-8"));
    file.write_private("data/secret", "hidden");
    if cfg!(unix) {
        file.set_mode("data/secret", 0o640);
        file.expect(&format!(
            "{at}.file:24: has mode 0640, so others may read it"
        ));
    }
}

#[track_caller]
fn broken(from: &str, to: &str, expected: &str) {
    Fixture::new().with(from, to).expect(expected);
}

fn loaded(fixture: &Fixture) -> Config {
    fixture.good().0
}
