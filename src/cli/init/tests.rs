use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::config;
use crate::domain::ManualClock;

const NOW: u64 = 1_760_000_000;

fn args(region: &str, data: &Path, join: Option<&Path>) -> Args {
    Args {
        region: region.to_owned(),
        data: data.to_owned(),
        join: join.map(Path::to_owned),
        zones: Vec::new(),
        location: Some("Frankfurt: \"Main\", #1".to_owned()).filter(|_| join.is_none()),
        service_area: None,
        output: Output::new(crate::cli::Format::Json),
    }
}

/// The test certificates' time, which is the machine's.
fn now() -> u64 {
    SystemClock.unix()
}

fn init(region: &str, data: &Path, join: Option<&Path>) -> anyhow::Result<Made> {
    make(&args(region, data, join), &ManualClock::at(NOW))
}

fn add_certificates(data: &Path, made: &Made) {
    let signed = rcgen::generate_simple_self_signed(vec![
        "frankfurt.chat.example.com".to_owned(),
        "frankfurt-ws.chat.example.com".to_owned(),
        "frankfurt-msync.chat.example.com".to_owned(),
        "frankfurt-admin.chat.example.com".to_owned(),
    ])
    .unwrap();
    for step in &made.missing {
        let (names, _) = step.split_once(':').unwrap_or_default();
        for name in names.split(", ").filter(|name| name.starts_with("tls/")) {
            let key = name.ends_with(".key");
            let text = if key {
                signed.signing_key.serialize_pem()
            } else {
                signed.cert.pem()
            };
            fs::write(data.join(name), text).unwrap();
            fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

#[test]
fn what_is_made_passes_check_once_the_certificates_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let made = init("frankfurt", dir.path(), None).unwrap();
    add_certificates(dir.path(), &made);
    let (config, _) = config::load_checked(&dir.path().join("gateway.yaml"), now()).unwrap();
    assert_eq!(config.region.as_str(), "frankfurt");
    assert_eq!(config.data_dir, dir.path());
    let region = config.catalogue.region(&config.region).unwrap();
    assert_eq!(region.location, "Frankfurt: \"Main\", #1");
    assert!(config.zones[0].msync_preamble);
}

#[test]
fn secrets_are_private_and_the_owner_key_is_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let made = init("frankfurt", dir.path(), None).unwrap();
    let key = made.admin_key.unwrap();
    for name in &made.files {
        let text = fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(!text.contains(&key), "{name}");
    }
    for name in ["keys/frankfurt.seal", "keys/frankfurt.pin", "owner.json"] {
        let mode = fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let seal = fs::read_to_string(dir.path().join("keys/frankfurt.seal")).unwrap();
    assert!(
        seal.lines()
            .last()
            .unwrap()
            .starts_with("frankfurt-2025-10-09 ")
    );
}

#[test]
fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    init("frankfurt", dir.path(), None).unwrap();
    let before = fs::read(dir.path().join("keys/frankfurt.seal")).unwrap();
    assert!(init("frankfurt", dir.path(), None).is_err());
    assert_eq!(
        fs::read(dir.path().join("keys/frankfurt.seal")).unwrap(),
        before
    );
}

#[test]
fn a_further_gateway_has_the_same_keys_and_no_owner_of_its_own() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    init("frankfurt", one.path(), None).unwrap();
    let made = init("frankfurt", two.path(), Some(one.path())).unwrap();
    assert_eq!((made.account, made.admin_key), (None, None));
    for name in [
        "keys/frankfurt.seal",
        "keys/frankfurt.pin",
        "regions/frankfurt.yaml",
        "gateway.yaml",
    ] {
        let texts = [one.path(), two.path()].map(|dir| fs::read(dir.join(name)).unwrap());
        assert_eq!(texts[0], texts[1], "{name}");
    }
}

/// Without the refusal, one region's gateway could open another's records (P6).
#[test]
fn the_keys_of_another_region_are_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    init("frankfurt", one.path(), None).unwrap();
    let error = init("virginia", two.path(), Some(one.path())).unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(Stop::Refused(_))),
        "{error:#}"
    );
    assert!(!two.path().join("keys/virginia.seal").exists());
}

#[test]
fn names_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let error = init("Frankfurt", dir.path(), None).unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(Stop::WrongUse(_))),
        "{error:#}"
    );
}
