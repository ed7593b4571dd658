//! `gateway.yaml` and `regions/*.yaml`: read, checked as a whole, and handed out section by section.

mod catalogue;
mod certificates;
mod certified_name;
mod check;
mod edge_certificate;
mod faults;
mod fixed;
mod gateway;
pub mod key_use;
pub mod keys;
mod limits;
mod listen;
mod load;
mod probe;
mod ranges;
mod read;
mod registry;
mod rules;
mod secret;
#[cfg(test)]
mod tests;
mod tls;
mod tracing;
mod url;
mod zones;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::RegionId;

pub use catalogue::{Catalogue, Endpoint, PinKey, Region};
pub use certificates::{CertifiedFiles, PemError, read_certificates, read_chain, read_key};
pub use check::{check, load_checked};
pub use edge_certificate::{CertificateFault, EdgeCertificate, EdgeNames, NEAR_END, valid_until};
pub use faults::{Fault, Faults, Report, Warning};
pub use key_use::{Count, KeyUse};
pub use keys::{KeyFile, KeyFileError, KeyLineError, PinSigningKey, SealKey};
pub use limits::Limits;
pub use listen::Listen;
pub use load::{load, load_catalogue};
pub use probe::{Probe, ProbedApp};
pub use registry::{EtcdConfig, RegistryConfig, RegistryStore, etcd_prefix};
pub use secret::PrivateFileError;
pub use tls::{CertificateFiles, EdgeTls};
pub use tracing::{Collector, TraceParents, Tracing};
pub use zones::{Scheme, SpkiPin, SpkiPinError, Upstream, UpstreamTls, Upstreams, ZoneConfig};

/// One gateway's checked configuration. It has one region, and upstreams of that region only.
#[derive(Debug)]
pub struct Config {
    pub region: RegionId,
    pub catalogue: Arc<Catalogue>,
    pub data_dir: PathBuf,
    /// Plain-text upstreams, and plain-text listeners on loopback, are allowed.
    pub allow_plaintext: bool,
    pub listen: Listen,
    pub tls: EdgeTls,
    /// In the order of the region's catalogue entry; the first one is the default.
    pub zones: Vec<ZoneConfig>,
    pub registry: RegistryConfig,
    pub keys: KeyFiles,
    pub tokens: Tokens,
    pub hint: Hint,
    pub limits: Limits,
    /// How long the audit log is kept.
    pub audit_retention: Duration,
    /// Off when there is none.
    pub probe: Option<Probe>,
    /// Off when there is none.
    pub tracing: Option<Tracing>,
    pub log: Log,
}

/// Where the region's keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    pub seal: PathBuf,
    pub pin: PathBuf,
}

/// How long tokens live, and how far clocks may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    pub max_age: Duration,
    pub clock_skew: Duration,
}

/// Whether a refusal names the App's home.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hint {
    #[default]
    Region,
    None,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Log {
    pub format: LogFormat,
    pub level: LogLevel,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Json,
    /// For people who read along; our own addition.
    Text,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}
