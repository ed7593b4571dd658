use super::complete::{NAMES, NOW, certify, checked, complete, expect};
use super::fixture::Fixture;
use crate::config::check;

const CERTIFICATE: &str = "tls.certificates[0].certificate:11:";

#[test]
fn certificates_are_valid_now() {
    let fixture = complete();
    certify(&fixture, "tls/fra", &NAMES, (2025, 2027));
    expect(
        &fixture,
        &format!("{CERTIFICATE} expired on Jan  1 00:00:00 2027 +00:00"),
    );
    certify(&fixture, "tls/fra", &NAMES, (2028, 2029));
    expect(
        &fixture,
        &format!("{CERTIFICATE} is not valid before Jan  1 00:00:00 2028 +00:00"),
    );
    let near = check(&complete().gateway(), NOW + 360 * 86_400);
    assert!(near.is_ok());
    assert!(
        near.warnings
            .iter()
            .any(|warning| warning.problem.starts_with("expires on "))
    );
}

#[test]
fn certificates_are_for_names_of_this_region_only() {
    let fixture = complete();
    certify(&fixture, "tls/fra", &["other.example.com"], (2026, 2028));
    expect(
        &fixture,
        &format!("{CERTIFICATE} is for no name of this region"),
    );
    certify(
        &fixture,
        "tls/fra",
        &["a71.chat.example.com", "A1.chat.example.com"],
        (2026, 2028),
    );
    expect(
        &fixture,
        &format!("{CERTIFICATE} is for a1.chat.example.com too, a name of beijing"),
    );
    certify(&fixture, "tls/fra", &["*.chat.example.com"], (2026, 2028));
    let report = checked(&fixture);
    assert_eq!(
        report.faults.len(),
        4,
        "a wildcard over all regions: {report}"
    );
}

#[test]
fn a_name_without_a_certificate_is_warned_about() {
    let fixture = complete();
    certify(&fixture, "tls/fra", &NAMES[1..], (2026, 2028));
    let report = checked(&fixture);
    assert!(report.is_ok());
    assert_eq!(
        report.warnings[1].problem,
        "no certificate is for a71.chat.example.com"
    );
}

#[test]
fn addresses_are_names_too() {
    let fixture = complete().with_region("regions/frankfurt.yaml", "a71.chat.example.com", "[::1]");
    let names = ["::1", NAMES[1], NAMES[2], NAMES[3], NAMES[4]];
    certify(&fixture, "tls/fra", &names, (2026, 2028));
    let report = checked(&fixture);
    assert_eq!(
        (report.is_ok(), report.warnings.len()),
        (true, 1),
        "{report}"
    );
}

#[test]
fn localhost_is_everybodys_on_loopback() {
    let shared = || {
        complete()
            .with_region(
                "regions/frankfurt.yaml",
                "a71.chat.example.com",
                "localhost",
            )
            .with_region("regions/beijing.yaml", "vip6", "vip7")
    };
    let certified = |fixture: &Fixture| {
        certify(
            fixture,
            "tls/fra",
            &["localhost", "frankfurt.localhost"],
            (2026, 2028),
        );
    };
    let loopback = (0..4).fold(shared(), |f, _| f.with("0.0.0.0", "127.0.0.1"));
    let loopback = loopback.with_region(
        "regions/beijing.yaml",
        "a1.chat",
        "localhost\", \"https://a1.chat",
    );
    let loopback = loopback.with_region(
        "regions/beijing.yaml",
        "https://localhost",
        "https://localhost:1",
    );
    certified(&loopback);
    assert!(checked(&loopback).is_ok(), "{}", checked(&loopback));
}

#[test]
fn keys_go_with_their_certificates() {
    let fixture = complete();
    certify(&fixture, "tls/other", &NAMES, (2026, 2028));
    let other = fixture.with("tls/fra.key", "tls/other.key");
    let faults = checked(&other).faults;
    assert_eq!(
        (faults.len(), faults[0].path.as_str()),
        (1, "tls.certificates[0].key")
    );
    assert!(
        faults[0]
            .problem
            .starts_with("does not go with the certificate")
    );
}

#[test]
fn pem_files_are_pem() {
    let fixture = complete();
    fixture.write("tls/fra.key", "nothing\n");
    expect(
        &fixture,
        "tls.certificates[0].key:11: tls/fra.key: has no private key in it",
    );
    let fixture = complete();
    fixture.write("tls/fra.crt", "-----BEGIN CERTIFICATE-----\n?\n");
    expect(&fixture, &format!("{CERTIFICATE} tls/fra.crt: is not PEM"));
    fixture.write("tls/fra.crt", "");
    expect(
        &fixture,
        &format!("{CERTIFICATE} tls/fra.crt: has no certificate in it"),
    );
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fixture.write("tls/fra.crt", nonsense);
    fixture.write("tls/fra.key", "");
    let report = checked(&fixture);
    let paths: Vec<&str> = report
        .faults
        .iter()
        .map(|fault| fault.path.as_str())
        .collect();
    assert_eq!(
        paths,
        ["tls.certificates[0].key", "tls.certificates[0].certificate"]
    );
}

#[test]
fn a_broken_key_file_shows_nothing_of_the_key() {
    let fixture = complete();
    fixture.write("tls/fra.key", "-----BEGIN PRIVATE KEY-----hidden\n");
    let report = serde_json::to_string(&checked(&fixture)).unwrap();
    assert!(!report.contains("hidden"), "{report}");
    assert!(!report.contains("104, 105"), "{report}");
}

#[test]
fn files_towards_the_zones_are_checked() {
    let fixture = complete();
    fixture.write("tls/ca.crt", "");
    expect(
        &fixture,
        "zones.fra1.tls.ca:22: tls/ca.crt: has no certificate in it",
    );
    let client = complete().with(
        "{ca: tls/ca.crt}",
        "{certificate: tls/client.crt, key: tls/client.key}",
    );
    certify(&client, "tls/client", &["client"], (2020, 2021));
    expect(
        &client,
        "zones.fra1.tls.certificate:22: expired on Jan  1 00:00:00 2021 +00:00",
    );
    certify(&client, "tls/client", &["client"], (2026, 2028));
    assert!(checked(&client).is_ok());
}

#[test]
fn a_client_certificate_is_of_no_other_region() {
    let fixture = complete().with(
        "{ca: tls/ca.crt}",
        "{certificate: tls/client.crt, key: tls/client.key}",
    );
    let own = "domicile://region/frankfurt/gateway";
    let foreign = "domicile://region/beijing/gateway";
    for (uris, is_ok) in [
        (&[own, "spiffe://x/y"][..], true),
        (&[], true),
        (&[foreign], false),
        (&[own, foreign], false),
    ] {
        let names: Vec<&str> = uris.iter().copied().chain(["client"]).collect();
        certify(&fixture, "tls/client", &names, (2026, 2028));
        let report = checked(&fixture);
        assert_eq!(report.is_ok(), is_ok, "{uris:?}: {report}");
        if let Some(fault) = report.faults.first() {
            assert_eq!(fault.path, "zones.fra1.tls.certificate");
            assert_eq!(fault.problem, format!("is for {foreign}"));
        }
    }
}

#[test]
fn pins_are_hashes() {
    let pinned = |pins: &str| {
        complete().with(
            "{ca: tls/ca.crt}",
            &format!("{{ca: tls/ca.crt, pins: {pins}}}"),
        )
    };
    let good = "[\"sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=\"]";
    assert!(checked(&pinned(good)).is_ok());
    expect(
        &pinned("[\"sha256/AAAA\"]"),
        "zones.fra1.tls.pins[0]:22: is not 32 bytes long",
    );
    let two = checked(&pinned("[\"md5/AAAA\", 7]"));
    let paths: Vec<&str> = two.faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["zones.fra1.tls.pins[0]", "zones.fra1.tls.pins[1]"]);
}

/// What some clients still take for a name counts against a certificate, never for it.
#[test]
fn a_certificate_that_some_client_takes_for_another_regions_is_refused() {
    for name in [
        "a*.chat.example.com",
        "*.*.example.com",
        "*1.chat.example.com",
    ] {
        let fixture = complete();
        let names: Vec<&str> = NAMES.into_iter().chain([name]).collect();
        certify(&fixture, "tls/fra", &names, (2026, 2028));
        let report = checked(&fixture);
        assert!(!report.is_ok(), "{name}");
        assert!(
            report.faults[0].problem.contains("too, a name of beijing"),
            "{report}"
        );
    }
}
