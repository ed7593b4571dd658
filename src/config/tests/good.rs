use std::net::IpAddr;
use std::time::Duration;

use super::fixture::Fixture;
use crate::config::{Hint, LogFormat, LogLevel, RegistryStore, Scheme};
use crate::domain::Channel;

#[test]
fn a_right_configuration_is_read() {
    let fixture = Fixture::new();
    let (config, warnings) = fixture.good();
    assert_eq!(config.region.as_str(), "frankfurt");
    assert_eq!(config.data_dir, fixture.path("data"));
    assert_eq!(config.listen.https.unwrap().port(), 8443);
    assert_eq!(config.keys.seal, fixture.path("keys/frankfurt.seal"));
    assert_eq!(config.registry.anchor, fixture.path("data/registry.anchor"));
    let RegistryStore::Embedded { path } = &config.registry.store else {
        panic!("not embedded");
    };
    assert_eq!(*path, fixture.path("data/registry.redb"));
    assert_eq!(config.tokens.max_age, Duration::from_secs(86_400));
    assert_eq!(
        (config.hint, config.log.format, config.log.level),
        (Hint::Region, LogFormat::Json, LogLevel::Info)
    );
    assert_eq!(config.audit_retention, Duration::from_secs(180 * 86_400));
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].path, "registry.embedded");
}

#[test]
fn the_catalogue_is_sorted_and_has_its_digest() {
    let (config, _) = Fixture::new().good();
    let ids: Vec<&str> = config
        .catalogue
        .regions
        .iter()
        .map(|r| r.id.as_str())
        .collect();
    assert_eq!(ids, ["beijing", "frankfurt"]);
    assert!(config.catalogue.digest.starts_with("sha256:"));
    let frankfurt = &config.catalogue.regions[1];
    assert_eq!(frankfurt.rest[0].port, 443);
    assert_eq!(frankfurt.admin[0].port, 9443);
    assert_eq!(frankfurt.pin_keys[0].key, [9; 32]);
    assert_eq!(
        config.catalogue.regions[0].pin_keys[0].not_after,
        Some(1_893_456_000)
    );
}

#[test]
fn names_are_those_of_this_region_in_lower_case() {
    let (config, _) = Fixture::new().good();
    assert_eq!(
        config.tls.names,
        [
            "a71.chat.example.com",
            "admin-71.chat.example.com",
            "chat.example.net",
            "msync-api-71.chat.example.com",
            "msync-im-71-tls.chat.example.com",
        ]
    );
    assert!(config.tls.require_name);
}

#[test]
fn a_channel_without_upstreams_of_a_kind_takes_those_of_the_zone() {
    let (config, _) = Fixture::new().good();
    let zone = &config.zones[0];
    let room = zone.upstreams(Channel::Room);
    assert_eq!(room.rest[0].host, "10.71.0.11");
    assert_eq!(room.websocket, zone.upstreams.websocket);
    assert_eq!(zone.upstreams(Channel::Group).rest[0].host, "10.71.0.10");
    let websocket = &room.websocket[0];
    assert_eq!(
        (websocket.scheme, websocket.path.as_str()),
        (Scheme::Tls, "/websocket")
    );
    assert!(zone.egress[0].contains(&"10.71.255.1".parse::<IpAddr>().unwrap()));
}
