//! One address of a data centre: how to connect to it, and whether it is well.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::egress::{DialError, Egress};
use super::stream::Stream;
use crate::config::{Scheme, Upstream};
use crate::observe::Stopwatch;

/// How often an upstream may fail within [`WINDOW`] before it is left alone for [`EJECTED`].
const FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_secs(10);
const EJECTED: Duration = Duration::from_secs(10);

/// An upstream, shared by all cores.
pub struct Target {
    pub address: Upstream,
    /// Its authority, for `Host`.
    pub authority: HeaderValue,
    egress: Arc<Egress>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    health: Health,
}

impl Target {
    /// # Errors
    /// When TLS is asked for and the host is no name that a certificate can carry.
    pub fn new(
        address: Upstream,
        egress: Arc<Egress>,
        tls: Option<TlsConnector>,
    ) -> Result<Self, rustls::pki_types::InvalidDnsNameError> {
        let authority = authority(&address);
        let tls = match (address.scheme, tls) {
            (Scheme::Tls, Some(connector)) => {
                let name = ServerName::try_from(address.host.clone())?;
                Some((connector, name))
            }
            _ => None,
        };
        Ok(Self {
            // A host and a port are visible ASCII.
            authority: HeaderValue::try_from(authority).unwrap_or(HeaderValue::from_static("")),
            address,
            egress,
            tls,
            health: Health::new(),
        })
    }

    /// Opens a connection, with TLS where configured. Nothing of a request is sent.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn connect(&self) -> Result<Stream, DialError> {
        let tcp = self
            .egress
            .dial(&self.address.host, self.address.port)
            .await?;
        match (&self.tls, self.address.scheme) {
            (Some((connector, name)), _) => {
                let handshake = connector.connect(name.clone(), tcp);
                let shaken = tokio::time::timeout(self.egress.patience(), handshake).await;
                let tls = shaken.map_err(|_| DialError::Timeout)?;
                let tls = tls.map_err(DialError::Tls)?;
                Ok(Stream::Tls(Box::new(tls.into())))
            }
            (None, Scheme::Plain) => Ok(Stream::Plain(tcp)),
            (None, Scheme::Tls) => Err(DialError::Tls(std::io::ErrorKind::Unsupported.into())),
        }
    }

    pub const fn health(&self) -> &Health {
        &self.health
    }
}

/// `host:port`, an IPv6 literal in brackets.
fn authority(address: &Upstream) -> String {
    if address.host.contains(':') {
        format!("[{}]:{}", address.host, address.port)
    } else {
        format!("{}:{}", address.host, address.port)
    }
}

/// What is known of an upstream's state, from its answers (passive) and from probes (active).
#[derive(Debug)]
pub struct Health {
    clock: Stopwatch,
    failures: Mutex<VecDeque<Duration>>,
    /// Milliseconds of `clock`; 0 when it is in use.
    ejected_until: AtomicU64,
    probe_failed: AtomicBool,
}

impl Health {
    fn new() -> Self {
        Self {
            clock: Stopwatch::start(),
            failures: Mutex::new(VecDeque::new()),
            ejected_until: AtomicU64::new(0),
            probe_failed: AtomicBool::new(false),
        }
    }

    /// Whether requests may go there.
    pub fn is_well(&self) -> bool {
        !self.probe_failed.load(Ordering::Relaxed) && !self.is_ejected()
    }

    fn is_ejected(&self) -> bool {
        let until = self.ejected_until.load(Ordering::Relaxed);
        until != 0 && self.millis() < until
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A request or a connection failed there.
    pub fn failed(&self) {
        let now = self.clock.elapsed();
        let mut failures = self.failures.lock();
        failures.push_back(now);
        while failures.front().is_some_and(|at| now - *at > WINDOW) {
            failures.pop_front();
        }
        if failures.len() >= FAILURES {
            failures.clear();
            let until = u64::try_from((now + EJECTED).as_millis()).unwrap_or(u64::MAX);
            self.ejected_until.store(until, Ordering::Relaxed);
        }
    }

    /// What a probe found.
    pub fn probed(&self, well: bool) {
        self.probe_failed.store(!well, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_eject() {
        let health = Health::new();
        for _ in 0..4 {
            health.failed();
        }
        assert!(health.is_well());
        health.failed();
        assert!(!health.is_well());
    }

    #[test]
    fn a_failed_probe_takes_an_upstream_out_until_one_succeeds() {
        let health = Health::new();
        health.probed(false);
        assert!(!health.is_well());
        health.probed(true);
        assert!(health.is_well());
    }
}
