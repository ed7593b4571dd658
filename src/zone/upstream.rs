//! One address of a data centre: how to connect to it, and whether it is well.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;

use super::egress::{DialError, Egress};
use super::secured::{Secured, UpstreamTlsError};
use super::stream::Stream;
use crate::config::{Scheme, Upstream};
use crate::domain::ZoneId;
use crate::observe::{Distrust, Metrics, Stopwatch};

/// How often an upstream may fail within [`WINDOW`] before it is left alone for [`EJECTED`].
const FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_secs(10);
const EJECTED: Duration = Duration::from_secs(10);

/// How long a probe waits for an objection.
const OBJECTION: Duration = Duration::from_millis(250);

/// An upstream, shared by all cores.
pub struct Target {
    pub address: Upstream,
    /// Its authority, for `Host`.
    pub authority: HeaderValue,
    egress: Arc<Egress>,
    tls: Option<(Arc<Secured>, ServerName<'static>)>,
    trust: Trust,
    health: Health,
}

/// What became of the newest handshakes, so that each change is logged once.
#[derive(Debug)]
struct Trust {
    zone: ZoneId,
    metrics: Arc<Metrics>,
    last: Mutex<Option<Distrust>>,
}

impl Target {
    /// # Errors
    /// When TLS is asked for and the host is no name that a certificate can carry.
    pub fn new(
        zone: &ZoneId,
        address: Upstream,
        egress: Arc<Egress>,
        tls: Option<Arc<Secured>>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, rustls::pki_types::InvalidDnsNameError> {
        let authority = authority(&address);
        let tls = match (address.scheme, tls) {
            (Scheme::Tls, Some(secured)) => {
                let name = ServerName::try_from(address.host.clone())?;
                Some((secured, name))
            }
            _ => None,
        };
        Ok(Self {
            // A host and a port are visible ASCII.
            authority: HeaderValue::try_from(authority).unwrap_or(HeaderValue::from_static("")),
            address,
            egress,
            tls,
            trust: Trust {
                zone: zone.clone(),
                metrics,
                last: Mutex::default(),
            },
            health: Health::new(),
        })
    }

    /// Opens a connection, with TLS where configured. Nothing of a request is sent.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn connect(&self) -> Result<Stream, DialError> {
        let opened = self.open().await;
        self.trust.note(&self.address, &opened);
        opened
    }

    /// Opens a connection to see whether it stays. A data centre that does not want this gateway's
    /// certificate says so behind the handshake only (RFC 8446 section 4.4.2.4).
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn probe(&self) -> Result<(), DialError> {
        let probed = match self.open().await {
            Ok(Stream::Tls(mut stream)) => {
                let mut byte = [0];
                let heard = tokio::time::timeout(OBJECTION, stream.read(&mut byte)).await;
                match heard {
                    Ok(Err(error)) => Err(UpstreamTlsError::of(error).into()),
                    Ok(Ok(_)) | Err(_) => Ok(()),
                }
            }
            opened => opened.map(drop),
        };
        self.trust.note(&self.address, &probed);
        probed
    }

    async fn open(&self) -> Result<Stream, DialError> {
        let tcp = self
            .egress
            .dial(&self.address.host, self.address.port)
            .await?;
        match (&self.tls, self.address.scheme) {
            (Some((secured, name)), _) => {
                let handshake = secured.shake_hands(name.clone(), tcp);
                let shaken = tokio::time::timeout(self.egress.patience(), handshake).await;
                let tls = shaken.map_err(|_| DialError::Timeout)??;
                Ok(Stream::Tls(Box::new(tls.into())))
            }
            (None, Scheme::Plain) => Ok(Stream::Plain(tcp)),
            (None, Scheme::Tls) => {
                let error = std::io::ErrorKind::Unsupported.into();
                Err(UpstreamTlsError::Handshake(error).into())
            }
        }
    }

    /// Changes when connections that are open are to be replaced.
    pub fn generation(&self) -> u64 {
        self.tls
            .as_ref()
            .map_or(0, |(secured, _)| secured.generation())
    }

    pub const fn health(&self) -> &Health {
        &self.health
    }
}

impl Trust {
    fn note<T>(&self, address: &Upstream, opened: &Result<T, DialError>) {
        let error = match opened {
            Ok(_) => None,
            Err(DialError::Tls(error)) => Some(error),
            // It was not heard at all.
            Err(_) => return,
        };
        let distrust = error.map(UpstreamTlsError::distrust);
        if let Some(distrust) = distrust {
            self.metrics.distrusted(&self.zone, distrust);
        }
        if std::mem::replace(&mut *self.last.lock(), distrust) == distrust {
            return;
        }
        let zone = &self.zone;
        match error {
            Some(error) => {
                let cause = std::error::Error::source(error);
                tracing::warn!(%zone, upstream = %address, %error, cause, "a data centre is not spoken to");
            }
            None => tracing::info!(%zone, upstream = %address, "a data centre is trusted again"),
        }
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
        for _ in 0..100 {
            health.failed();
            assert!(health.failures.lock().len() < FAILURES);
        }
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
