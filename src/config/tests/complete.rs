//! A configuration with all the files that it names, right at [`NOW`].

use std::fs;

use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};

use super::fixture::{Fixture, short};
use crate::config::keys::write_new;
use crate::config::{Report, check};

/// 2027-01-01
pub(super) const NOW: u64 = 1_798_761_600;

/// The names of the fixture's region.
pub(super) const NAMES: [&str; 5] = [
    "a71.chat.example.com",
    "msync-api-71.chat.example.com",
    "msync-im-71-tls.chat.example.com",
    "admin-71.chat.example.com",
    "chat.example.net",
];

/// A configuration with all the files that it names.
pub(super) fn complete() -> Fixture {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.path("keys")).unwrap();
    write_new(&fixture.path("keys/frankfurt.seal"), "seal-1", &[1; 32]).unwrap();
    write_new(&fixture.path("keys/frankfurt.pin"), "fra-2026", &[7; 32]).unwrap();
    certify(&fixture, "tls/fra", &NAMES, (2026, 2028));
    certify(&fixture, "tls/ca", &["ca"], (2026, 2028));
    // The public key of the seed [7; 32].
    let known = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";
    fixture.with_region(
        "regions/frankfurt.yaml",
        known,
        "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=",
    )
}

/// A certificate and its key as `NAME.crt` and `NAME.key`, for these names and years.
pub(super) fn certify(fixture: &Fixture, file: &str, names: &[&str], (from, to): (i32, i32)) {
    let (uris, names): (Vec<&str>, Vec<&str>) = names.iter().partition(|n| n.contains("://"));
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let uris = uris
        .into_iter()
        .map(|uri| SanType::URI(uri.try_into().unwrap()));
    params.subject_alt_names.extend(uris);
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fixture.write(&format!("{file}.crt"), certificate.pem());
    fixture.write(&format!("{file}.key"), key.serialize_pem());
}

pub(super) fn checked(fixture: &Fixture) -> Report {
    check(&fixture.gateway(), NOW)
}

/// The only fault, as `path:line: problem`, with the fixture's folder taken out.
#[track_caller]
pub(super) fn expect(fixture: &Fixture, expected: &str) {
    let report = checked(fixture);
    let folder = format!(
        "{}/",
        fixture.path("").display().to_string().trim_end_matches('/')
    );
    let found: Vec<String> = short(&report.faults)
        .iter()
        .map(|s| s.replace(&folder, ""))
        .collect();
    assert_eq!(found, [expected], "{report}");
}
