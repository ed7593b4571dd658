//! Where pins and records are kept.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

#[derive(Debug)]
pub struct RegistryConfig {
    pub store: RegistryStore,
    /// The highest registry state seen (SPEC 7, rollback).
    pub anchor: PathBuf,
    /// How many known Apps stay in memory.
    pub cache_capacity: u64,
    /// How long a miss is remembered; at most 5 s.
    pub negative_ttl: Duration,
}

#[derive(Debug)]
pub enum RegistryStore {
    /// One file, used by one process.
    Embedded { path: PathBuf },
    /// Several machines.
    Etcd {
        endpoints: Vec<String>,
        prefix: String,
        username: Option<String>,
        password: Option<SecretString>,
        ca: Option<PathBuf>,
    },
}
