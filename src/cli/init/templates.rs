//! The texts that `init` writes, for people to go on with.

use crate::domain::{RegionId, ZoneId};

/// What the texts are about.
pub struct Site {
    pub region: RegionId,
    pub zones: Vec<ZoneId>,
    pub location: String,
    pub service_area: String,
}

/// `regions/R.yaml`.
pub fn region(site: &Site, pin_id: &str, pin_public: &str) -> String {
    let Site {
        region,
        service_area,
        ..
    } = site;
    let location = quoted(&site.location);
    let zones = names(&site.zones);
    format!(
        "\
# {region}, as everybody sees it. The same file is in every region's catalogue.
region: {region}
location: {location}
service_area: {service_area}
zones: [{zones}]   # the first one is the default
# Replace these addresses by your own: their hosts are the region's names.
endpoints:
  rest: [\"https://{region}.chat.example.com\"]
  websocket: [\"wss://{region}-ws.chat.example.com/websocket\"]
  msync: [\"{region}-msync.chat.example.com:443\"]
  admin: [\"https://{region}-admin.chat.example.com:9443\"]
# A replaced key stays here with a not_after, and goes on verifying the pins made before.
pin_keys:
  - {{id: {pin_id}, key: \"{pin_public}\"}}
"
    )
}

/// `gateway.yaml`.
pub fn gateway(site: &Site) -> String {
    let Site { region, .. } = site;
    let zones: String = site.zones.iter().enumerate().map(zone).collect();
    format!(
        "\
# One gateway of {region}. `domicile check --config gateway.yaml` says what is wrong with it.
region: {region}
catalogue: {{path: regions/}}   # digest: pins it, check prints it
data_dir: .
listen:
  https: \"0.0.0.0:8443\"       # REST, WebSocket, discovery
  msync: \"0.0.0.0:6717\"       # the SDKs' private transport
  admin: \"0.0.0.0:9443\"       # admin API
  ops: \"127.0.0.1:9090\"       # /metrics /healthz /readyz, plain HTTP
tls:
  # For the hosts of regions/{region}.yaml.
  certificates: [{{certificate: tls/{region}.crt, key: tls/{region}.key}}]
# Where traffic may go. Replace the addresses by those of your data centre.
zones:
{zones}registry:
  # One file for one process. Several machines need etcd:
  # etcd: {{endpoints: [\"https://...\"], prefix: /domicile, username: {region}, password: {{file: ...}}}}
  embedded: {{path: registry.redb}}
  anchor: registry.anchor
keys:
  seal: {{file: keys/{region}.seal}}
  pin: {{file: keys/{region}.pin}}
"
    )
}

/// What `init` cannot make.
pub fn missing(site: &Site) -> Vec<String> {
    let region = &site.region;
    let mut steps = vec![
        format!(
            "regions/{region}.yaml: the region's public addresses, instead of those of example.com"
        ),
        format!("regions/: the entries of the other regions, and regions/{region}.yaml in theirs"),
        format!("tls/{region}.crt, tls/{region}.key: a certificate for those addresses"),
        format!(
            "tls/gateway.crt, tls/gateway.key: a client certificate with the URI domicile://region/{region}/gateway"
        ),
    ];
    for zone in &site.zones {
        steps.push(format!(
            "tls/{zone}-ca.crt: the CA of zone {zone}, which signed its servers' certificates"
        ));
        steps.push(format!(
            "gateway.yaml, zones.{zone}: its egress range and upstream addresses"
        ));
    }
    steps.push(
        "domicile check --config gateway.yaml, then domicile serve --config gateway.yaml"
            .to_owned(),
    );
    steps
}

/// Each zone gets a range of its own among the private addresses.
fn zone((number, zone): (usize, &ZoneId)) -> String {
    let net = format!("10.{}.0", 71 + number % 100);
    format!(
        "  {zone}:
    egress: [\"{net}.0/16\"]    # the only addresses that are ever dialled
    upstreams:
      rest: [\"https://{net}.10:8443\"]
      websocket: [\"wss://{net}.20:8444/websocket\"]
      msync: [\"tls://{net}.30:6717\"]
      msync_preamble: true    # for domicile's own data centre; false for others
    tls: {{ca: tls/{zone}-ca.crt, certificate: tls/gateway.crt, key: tls/gateway.key}}
"
    )
}

fn names(zones: &[ZoneId]) -> String {
    let names: Vec<&str> = zones.iter().map(ZoneId::as_str).collect();
    names.join(", ")
}

/// A text in quotes: what is quoted in JSON is in YAML, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
