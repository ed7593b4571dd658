//! `gateway.yaml` as it is written, before it meets the catalogue.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::limits::{self, Limits};
use super::listen::{self, Listen};
use super::probe::{self, ProbeSection};
use super::read::{Document, Section};
use super::registry::{self, RegistryConfig};
use super::tls::{self, TlsSection};
use super::tracing::{self, TracingSection};
use super::zones::{self, ZonesSection};
use super::{Hint, KeyFiles, Log, LogFormat, LogLevel, Tokens};
use crate::domain::RegionId;

/// What could be read. Whatever is absent here and required has its fault in the document.
#[derive(Default)]
pub(super) struct Gateway {
    pub(super) region: Option<RegionId>,
    pub(super) catalogue: Option<CatalogueSection>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) allow_plaintext: bool,
    pub(super) listen: Option<Listen>,
    pub(super) tls: TlsSection,
    pub(super) zones: ZonesSection,
    pub(super) registry: Option<RegistryConfig>,
    pub(super) keys: Option<KeyFiles>,
    pub(super) tokens: Tokens,
    pub(super) hint: Hint,
    pub(super) limits: Limits,
    pub(super) audit_retention: Duration,
    pub(super) probe: Option<ProbeSection>,
    pub(super) tracing: Option<TracingSection>,
    pub(super) log: Log,
}

pub(super) struct CatalogueSection {
    pub(super) path: PathBuf,
    pub(super) digest: Option<String>,
}

pub(super) fn read(document: &Document) -> Gateway {
    document.root().section(gateway).unwrap_or_default()
}

fn gateway(s: &mut Section<'_>) -> Gateway {
    let base = s.document().folder();
    let data_dir = s.need_path("data_dir", base);
    let plain = allow_plaintext(s);
    Gateway {
        region: region(s),
        catalogue: catalogue(s, base),
        listen: listen(s, plain),
        tls: s
            .take("tls")
            .map(|item| tls::read(&item))
            .unwrap_or_default(),
        zones: zones(s, plain),
        registry: registry(s, data_dir.as_deref().unwrap_or(base), plain),
        keys: keys(s, base),
        tokens: tokens(s),
        hint: hint(s),
        limits: s
            .take("limits")
            .map(|item| limits::read(&item))
            .unwrap_or_default(),
        audit_retention: audit_retention(s),
        probe: s.take("probe").and_then(|item| probe::read(&item, base)),
        tracing: s
            .take("tracing")
            .and_then(|item| tracing::read(&item, plain, tracing::Exporter::HERE)),
        log: log(s),
        data_dir,
        allow_plaintext: plain,
    }
}

fn allow_plaintext(s: &mut Section<'_>) -> bool {
    let plain = s.flag("allow_plaintext", false);
    if plain {
        let problem = "traffic to the data centre may go without encryption";
        s.document().warn(&s.place("allow_plaintext"), problem);
    }
    plain
}

fn region(s: &mut Section<'_>) -> Option<RegionId> {
    let expected = "the gateway's region, such as frankfurt";
    s.need("region", expected)?.parse(expected, RegionId::parse)
}

fn catalogue(s: &mut Section<'_>, base: &Path) -> Option<CatalogueSection> {
    let item = s.need("catalogue", "{path: regions/}")?;
    item.section(|s| {
        let path = s.need_path("path", base);
        let digest = s.take("digest").and_then(|item| item.parse(DIGEST, digest));
        Some(CatalogueSection {
            path: path?,
            digest,
        })
    })?
}

const DIGEST: &str = "sha256: and 64 hexadecimal digits, as check prints them";

fn digest(text: &str) -> Result<String, &'static str> {
    let digits = text
        .strip_prefix("sha256:")
        .ok_or("is not a sha256: digest")?;
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err("is not 64 hexadecimal digits");
    }
    Ok(text.to_ascii_lowercase())
}

fn listen(s: &mut Section<'_>, plain: bool) -> Option<Listen> {
    let item = s.need("listen", "at least https: \"0.0.0.0:8443\"")?;
    listen::read(&item, plain)
}

fn zones(s: &mut Section<'_>, plain: bool) -> ZonesSection {
    let item = s.need(
        "zones",
        "the region's zones, each with egress and upstreams",
    );
    item.map(|item| zones::read(&item, plain))
        .unwrap_or_default()
}

fn registry(s: &mut Section<'_>, data_dir: &Path, plain: bool) -> Option<RegistryConfig> {
    let item = s.need("registry", "embedded: {path: registry.redb}, or etcd")?;
    registry::read(&item, data_dir, plain)
}

fn keys(s: &mut Section<'_>, base: &Path) -> Option<KeyFiles> {
    let item = s.need("keys", "{seal: {file: ...}, pin: {file: ...}}")?;
    item.section(|s| {
        let seal = key_file(s, "seal", base);
        let pin = key_file(s, "pin", base);
        Some(KeyFiles {
            seal: seal?,
            pin: pin?,
        })
    })?
}

fn key_file(s: &mut Section<'_>, name: &'static str, base: &Path) -> Option<PathBuf> {
    let item = s.need(name, "{file: ...}")?;
    item.section(|s| s.need_path("file", base))?
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

impl Default for Tokens {
    fn default() -> Self {
        Self {
            max_age: DAY,
            clock_skew: Duration::from_secs(60),
        }
    }
}

fn tokens(s: &mut Section<'_>) -> Tokens {
    let default = Tokens::default();
    let tokens = s.take("tokens").and_then(|item| {
        item.section(|s| Tokens {
            max_age: s.duration("max_age", Duration::from_secs(1)..=DAY, default.max_age),
            clock_skew: s.duration("clock_skew", Duration::ZERO..=HOUR, default.clock_skew),
        })
    });
    tokens.unwrap_or_default()
}

fn hint(s: &mut Section<'_>) -> Hint {
    let choices = [("region", Hint::Region), ("none", Hint::None)];
    let refusals = s.take("refusals");
    let hint = refusals.and_then(|item| item.section(|s| s.choice("hint", &choices, Hint::Region)));
    hint.unwrap_or_default()
}

/// As long as the service keeps an unused account.
const RETENTION: Duration = Duration::from_secs(180 * 86_400);
const LONGEST_RETENTION: Duration = Duration::from_secs(36_500 * 86_400);

fn audit_retention(s: &mut Section<'_>) -> Duration {
    let audit = s.take("audit");
    let retention = audit.and_then(|item| {
        item.section(|s| s.duration("retention", DAY..=LONGEST_RETENTION, RETENTION))
    });
    retention.unwrap_or(RETENTION)
}

fn log(s: &mut Section<'_>) -> Log {
    let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
    ];
    let log = s.take("log").and_then(|item| {
        item.section(|s| Log {
            format: s.choice("format", &formats, LogFormat::Json),
            level: s.choice("level", &levels, LogLevel::Info),
        })
    });
    log.unwrap_or_default()
}
