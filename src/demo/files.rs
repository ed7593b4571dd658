//! The demo's folder: what is made once and kept, and what is written at each start.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datacenter::SealKeys;
use rcgen::SanType;
use zeroize::Zeroizing;

use super::certificates::{Authority, Use, write};
use super::places::{Place, Ports, Zone, places};
use crate::admin::{AdminKey, OwnerFile};
use crate::cli::centre_keys;
use crate::config::keys::write_new;
use crate::config::{self, KeyFile, PinSigningKey};
use crate::domain::Clock;
use crate::registry::{Randomness, SystemRandomness};

/// `--data`, or the temporary folder.
pub struct Folder {
    root: PathBuf,
}

/// Certificates that have less left are made anew at the start, in seconds.
const MONTH: u64 = 30 * 24 * 60 * 60;

/// A zone's TLS files.
pub struct ZoneTls {
    pub ca: PathBuf,
    pub centre_certificate: PathBuf,
    pub centre_key: PathBuf,
    pub gateway_certificate: PathBuf,
    pub gateway_key: PathBuf,
}

impl Folder {
    /// Opens the folder; what is not there yet is made: keys, certificates, owners. Certificates
    /// that are near their end are made anew, by another CA.
    ///
    /// # Errors
    /// When something cannot be made.
    pub fn open(root: &Path, clock: &dyn Clock) -> anyhow::Result<Self> {
        let folder = Self { root: root.into() };
        let now = clock.unix();
        if !folder.ca().exists() {
            for place in places(0) {
                folder.make(&place, clock)?;
            }
            folder.certify(now)?;
        } else if !folder.is_certified(now) {
            folder.certify(now)?;
        }
        Ok(folder)
    }

    fn certify(&self, now: u64) -> anyhow::Result<()> {
        let authority = Authority::new("Domicile demo CA", now)?;
        for place in places(0) {
            self.make_tls(&place, &authority, now)?;
        }
        // Last, so that a folder with a CA is complete.
        write(&self.ca(), authority.pem().as_bytes(), 0o644)
    }

    /// All certificates were made with the CA, and end with it.
    fn is_certified(&self, now: u64) -> bool {
        let chain = config::read_chain(&self.ca());
        let end = chain
            .ok()
            .and_then(|chain| config::valid_until(&chain, now).ok());
        end.is_some_and(|end| end.saturating_sub(now) > MONTH)
    }

    pub fn ca(&self) -> PathBuf {
        self.root.join("ca.pem")
    }

    pub fn region(&self, place: &Place) -> PathBuf {
        self.root.join(place.region.as_str())
    }

    pub fn centre(&self, place: &Place, zone: &Zone) -> PathBuf {
        self.region(place).join("datacenter").join(zone.id.as_str())
    }

    pub fn gateway_yaml(&self, place: &Place) -> PathBuf {
        self.region(place).join("gateway.yaml")
    }

    /// The owner's key: the demo alone keeps it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn admin_key(&self, place: &Place) -> anyhow::Result<Zeroizing<String>> {
        let path = self.region(place).join("owner.key");
        let key = fs::read_to_string(&path).map(Zeroizing::new);
        let key = key.with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Zeroizing::new(key.trim().to_owned()))
    }

    pub fn zone_tls(&self, place: &Place, zone: &Zone) -> ZoneTls {
        let tls = self.region(place).join("tls");
        let file = |name: &str| tls.join(format!("{}-{name}", zone.id));
        ZoneTls {
            ca: file("ca.crt"),
            centre_certificate: file("datacenter.crt"),
            centre_key: file("datacenter.key"),
            gateway_certificate: file("gateway.crt"),
            gateway_key: file("gateway.key"),
        }
    }

    /// What seals a zone's data centre: made at its first start.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn centre_keys(&self, place: &Place, zone: &Zone) -> anyhow::Result<SealKeys> {
        let path = self.region(place).join(format!("keys/{}.seal", zone.id));
        Ok(centre_keys::read_or_make(&path, zone.id.as_str())?)
    }

    fn make(&self, place: &Place, clock: &dyn Clock) -> anyhow::Result<()> {
        let region = self.region(place);
        for name in ["keys", "tls"] {
            make_folder(&region.join(name))?;
        }
        for zone in place.zones() {
            make_folder(&self.centre(place, &zone))?;
        }
        make_keys(&region, place)?;
        make_owner(&region, clock)
    }

    fn make_tls(&self, place: &Place, authority: &Authority, now: u64) -> anyhow::Result<()> {
        for zone in place.zones() {
            self.make_zone_tls(place, &zone, now)?;
        }
        let tls = self.region(place).join("tls");
        let names = ["localhost".to_owned(), place.name()].map(dns);
        let names = names.into_iter().collect::<anyhow::Result<_>>()?;
        let (certificate, key) = (tls.join("gateway.crt"), tls.join("gateway.key"));
        authority.issue(&place.name(), names, Use::Server, &certificate, &key)
    }

    fn make_zone_tls(&self, place: &Place, zone: &Zone, now: u64) -> anyhow::Result<()> {
        let files = self.zone_tls(place, zone);
        let authority = Authority::new(&format!("Domicile demo CA of zone {}", zone.id), now)?;
        write(&files.ca, authority.pem().as_bytes(), 0o644)?;
        let addresses = [true, false].map(|guarded| SanType::IpAddress(zone.ip(guarded)));
        authority.issue(
            &format!("data centre {}", zone.id),
            addresses.into(),
            Use::Server,
            &files.centre_certificate,
            &files.centre_key,
        )?;
        let identity = format!("domicile://region/{}/gateway", place.region);
        authority.issue(
            &format!("gateway of {}", place.region),
            vec![SanType::URI(identity.try_into()?)],
            Use::Client,
            &files.gateway_certificate,
            &files.gateway_key,
        )
    }

    /// Writes the catalogue entry and the configuration, for the ports of this start.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn configure(&self, place: &Place, centres: &[Ports], guarded: bool) -> anyhow::Result<()> {
        let regions = self.root.join("regions");
        make_folder(&regions)?;
        let entry = regions.join(format!("{}.yaml", place.region));
        write(&entry, self.catalogue_entry(place)?.as_bytes(), 0o644)?;
        let yaml = self.gateway(place, centres, guarded);
        write(&self.gateway_yaml(place), yaml.as_bytes(), 0o644)
    }

    fn catalogue_entry(&self, place: &Place) -> anyhow::Result<String> {
        let file = KeyFile::<PinSigningKey>::read(&pin_key(&self.region(place), place))?;
        let newest = file.newest().context("the pin key file is empty")?;
        let key = newest.public_key();
        let key = key.map_err(|_| anyhow::anyhow!("the pin key cannot be used"))?;
        let zones: Vec<String> = place.zones().map(|z| z.id.to_string()).collect();
        Ok(format!(
            "region: {region}\n\
             location: \"{location}\"\n\
             service_area: {area}\n\
             zones: [{zones}]\n\
             endpoints:\n\
             \x20 rest: [\"https://localhost:{https}\"]\n\
             \x20 websocket: [\"wss://localhost:{https}/websocket\"]\n\
             \x20 msync: [\"localhost:{msync}\"]\n\
             \x20 admin: [\"https://localhost:{admin}\"]\n\
             pin_keys:\n\
             \x20 - {{id: {id}, key: \"{key}\"}}\n",
            region = place.region,
            location = place.location,
            area = place.service_area,
            zones = zones.join(", "),
            https = place.https(),
            msync = place.msync(),
            admin = place.admin(),
            id = newest.id,
            key = STANDARD.encode(key),
        ))
    }

    fn gateway(&self, place: &Place, centres: &[Ports], guarded: bool) -> String {
        let zones = place.zones().zip(centres);
        let zones: String = zones
            .map(|(zone, ports)| zone_yaml(&zone, ports, guarded))
            .collect();
        format!(
            "region: {region}\n\
             catalogue: {{path: ../regions/}}\n\
             data_dir: .\n\
             listen:\n\
             \x20 https: \"127.0.0.1:{https}\"\n\
             \x20 msync: \"127.0.0.1:{msync}\"\n\
             \x20 admin: \"127.0.0.1:{admin}\"\n\
             \x20 ops: \"127.0.0.1:{ops}\"\n\
             tls:\n\
             \x20 certificates: [{{certificate: tls/gateway.crt, key: tls/gateway.key}}]\n\
             \x20 names: [\"{name}\"]\n\
             \x20 require_name: false\n\
             zones:\n{zones}\
             registry:\n\
             \x20 embedded: {{path: ../registry.redb}}\n\
             \x20 anchor: registry.anchor\n\
             keys:\n\
             \x20 seal: {{file: keys/{region}.seal}}\n\
             \x20 pin: {{file: keys/{region}.pin}}\n\
             limits: {{connections_per_address: 20000, drain_grace: 0s, drain: 5s}}\n",
            region = place.region,
            https = place.https(),
            msync = place.msync(),
            admin = place.admin(),
            ops = place.ops(),
            name = place.name(),
        )
    }
}

fn zone_yaml(zone: &Zone, ports: &Ports, guarded: bool) -> String {
    format!(
        "\x20 {id}:\n\
         \x20   egress: [\"{egress}\"]\n\
         \x20   upstreams:\n\
         \x20     rest: [\"https://{rest}\"]\n\
         \x20     websocket: [\"wss://{websocket}/websocket\"]\n\
         \x20     msync: [\"tls://{msync}\"]\n\
         \x20     msync_preamble: true\n\
         \x20   tls: {{ca: tls/{id}-ca.crt, certificate: tls/{id}-gateway.crt, key: tls/{id}-gateway.key}}\n",
        rest = ports.rest,
        websocket = ports.websocket,
        msync = ports.msync,
        id = zone.id,
        egress = zone.egress(guarded),
    )
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))
}

fn dns(name: String) -> anyhow::Result<SanType> {
    Ok(SanType::DnsName(name.try_into()?))
}

fn pin_key(region: &Path, place: &Place) -> PathBuf {
    region.join(format!("keys/{}.pin", place.region))
}

fn make_keys(region: &Path, place: &Place) -> anyhow::Result<()> {
    let seal = region.join(format!("keys/{}.seal", place.region));
    for path in [seal, pin_key(region, place)] {
        let mut key = Zeroizing::new([0; 32]);
        SystemRandomness
            .fill(&mut *key)
            .context("the system gives no random bytes")?;
        let id = format!("{}-demo", place.region);
        write_new(&path, &id, &key).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn make_owner(region: &Path, clock: &dyn Clock) -> anyhow::Result<()> {
    let key = AdminKey::generate(&SystemRandomness).context("the system gives no random bytes")?;
    write(&region.join("owner.key"), key.expose().as_bytes(), 0o600)?;
    let owner = OwnerFile::new(&key.hash(), clock.unix());
    owner
        .write(&region.join("owner.json"))
        .context("cannot write owner.json")
}
