//! What a reload can change, and what only a restart can.

use super::fixture::{FRANKFURT, Fixture};

/// What the members are in which a change of the text shows.
fn fixed(fixture: Fixture, from: &str, to: &str) -> Vec<&'static str> {
    let (before, _) = fixture.good();
    let changed = fixture.with(from, to);
    before.fixed(&changed.good().0)
}

#[test]
fn each_member_that_needs_a_restart_is_named() {
    for (from, to, member) in [
        ("data_dir: data", "data_dir: other", "data_dir"),
        ("0.0.0.0:8443", "0.0.0.0:8444", "listen"),
        ("0.0.0.0:9090", "0.0.0.0:9091", "listen"),
        ("path: registry.redb", "path: other.redb", "registry"),
        ("keys/frankfurt.pin", "keys/other.pin", "keys"),
        ("keys/frankfurt.seal", "keys/other.seal", "keys"),
        ("keys:\n", "tokens: {max_age: 1h}\nkeys:\n", "tokens"),
        ("keys:\n", "audit: {retention: 90d}\nkeys:\n", "audit"),
        ("keys:\n", "log: {level: debug}\nkeys:\n", "log"),
        (
            "  names: [",
            "  admin_client_ca: ca.crt\n  names: [",
            "tls.admin_client_ca",
        ),
    ] {
        let named = fixed(Fixture::new(), from, to);
        let expected: &[&str] = match member {
            // Its registry is in there.
            "data_dir" => &["data_dir", "registry"],
            _ => &[member],
        };
        assert_eq!(named, expected, "{to}");
    }
    let fixture = Fixture::new();
    let (before, _) = fixture.good();
    fixture.write("regions/frankfurt.yaml", FRANKFURT.replace(", Germany", ""));
    assert_eq!(before.fixed(&fixture.good().0), ["catalogue"]);
}

#[test]
fn another_password_of_etcd_is_another_registry() {
    let etcd = |password: &str| {
        format!(
            "etcd: {{endpoints: [\"https://10.0.0.1:2379\"], username: a, password: {{value: {password}}}}}"
        )
    };
    let fixture = Fixture::new().with("embedded: {path: registry.redb}", &etcd("one"));
    assert_eq!(fixed(fixture, "value: one", "value: two"), ["registry"]);
}

#[test]
fn the_rest_can_change() {
    for (from, to) in [
        ("10.71.0.10:8443", "10.71.0.12:8443"),
        ("10.71.0.0/16", "10.71.0.0/17"),
        ("Chat.Example.net", "im.example.net"),
        ("tls/fra.crt", "tls/other.crt"),
        ("keys:\n", "limits: {body: 1MiB}\nkeys:\n"),
        ("keys:\n", "refusals: {hint: none}\nkeys:\n"),
        (
            "  msync: \"0.0",
            "  trusted_proxies: [\"10.0.0.0/8\"]\n  msync: \"0.0",
        ),
    ] {
        assert_eq!(fixed(Fixture::new(), from, to), [""; 0], "{to}");
    }
}
