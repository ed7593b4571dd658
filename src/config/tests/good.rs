use std::net::IpAddr;
use std::time::Duration;

use super::fixture::Fixture;
use crate::config::{Config, Hint, LogFormat, LogLevel, RegistryStore, Scheme, load};
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
        config.tls.names.own,
        [
            "a71.chat.example.com",
            "admin-71.chat.example.com",
            "chat.example.net",
            "msync-api-71.chat.example.com",
            "msync-im-71-tls.chat.example.com",
        ]
    );
    assert!(config.tls.require_name);
    assert_eq!(config.tls.admin_client_ca, None);
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

/// Every documented field, with its default where it has one.
const EXAMPLE: &str = r#"region: frankfurt
catalogue: {path: regions/}
data_dir: /var/lib/domicile
allow_plaintext: false
listen:
  https: "0.0.0.0:8443"         # REST, WebSocket, discovery
  # http: "127.0.0.1:8080"
  msync: "0.0.0.0:6717"
  admin: "0.0.0.0:9443"
  ops:   "0.0.0.0:9090"
  trusted_proxies: []
tls:
  certificates: [{certificate: tls/frankfurt.crt, key: tls/frankfurt.key}]
  names: []
  require_name: true
zones:
  fra1:
    egress: ["10.71.0.0/16"]
    upstreams:
      rest: ["https://10.71.0.10:8443"]
      websocket: ["wss://10.71.0.20:8444/websocket"]
      msync: ["tls://10.71.0.30:6717"]
    channels:
      room: {rest: ["https://10.71.0.11:8443"]}
    tls: {ca: tls/fra1-ca.crt, certificate: tls/gateway.crt, key: tls/gateway.key}
registry:
  embedded: {path: registry.redb}
  anchor: registry.anchor
  cache: {capacity: 1000000, negative_ttl: 5s}
keys:
  seal: {file: keys/frankfurt.seal}
  pin:  {file: keys/frankfurt.pin}
tokens:   {max_age: 24h, clock_skew: 60s}
refusals: {hint: region}
limits: {connections: 65536, connections_per_address: 1024, handshakes: 1024, in_flight_per_channel: 4096, in_flight_per_app: 1024, rate_per_app: none,
         frames_per_session: 100/s, head: 32KiB, headers: 100, body: 10MiB, file: 100MiB, msync_message: 1MiB,
         head_time: 10s, body_idle: 30s, tls_handshake: 10s, provision_time: 10s, connect: 3s, first_byte: 60s, keep_alive: 75s, session_idle: 300s, drain_grace: 5s, drain: 30s}
audit: {retention: 180d}
log: {format: json, level: info}
"#;

#[test]
fn the_documented_example_says_the_defaults() {
    let fixture = Fixture::new();
    fixture.write("example.yaml", EXAMPLE);
    let (example, _) = load(&fixture.path("example.yaml")).unwrap();
    let (config, _) = fixture.good();
    let defaults = |config: &Config| {
        format!(
            "{:?}",
            (
                &config.limits,
                config.tokens,
                config.hint,
                config.audit_retention,
                config.log
            )
        )
    };
    assert_eq!(defaults(&example), defaults(&config));
    assert_eq!(
        example.registry.cache_capacity,
        config.registry.cache_capacity
    );
    assert_eq!(example.registry.negative_ttl, config.registry.negative_ttl);
    assert_eq!(
        example.registry.anchor.to_str(),
        Some("/var/lib/domicile/registry.anchor")
    );
    assert_eq!(example.tls.require_name, config.tls.require_name);
}
