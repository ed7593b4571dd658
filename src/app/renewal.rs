//! Certificates, keys and CAs, read again when their files change. What cannot be used changes
//! nothing: the last good ones stay.

mod watched;

use std::sync::Arc;
use std::time::Duration;

use super::client_tls::ClientTls;
use crate::config::{
    CertificateFiles, EdgeCertificate, EdgeNames, EdgeTls, UpstreamTls, ZoneConfig,
};
use crate::domain::{Clock, ZoneId};
use crate::observe::Metrics;
use crate::serve::Certificates;
use crate::zone::Secured;

pub use watched::Watched;

use super::StartError;

/// How often files are looked at. A change must be seen twice, so that a pair that is being
/// replaced is not taken by half.
const PERIOD: Duration = Duration::from_millis(500);

/// What a gateway's files became, and what of them has changed since.
pub struct Renewal {
    edge: EdgeFiles,
    zones: Vec<ZoneFiles>,
    clock: Arc<dyn Clock>,
}

struct EdgeFiles {
    certificates: Arc<Certificates>,
    names: EdgeNames,
    pairs: Vec<Pair>,
}

/// A certificate with its key.
struct Pair {
    files: CertificateFiles,
    watched: Watched,
    current: Arc<EdgeCertificate>,
}

/// A zone's CA, certificate and key.
struct ZoneFiles {
    zone: ZoneId,
    tls: UpstreamTls,
    watched: Watched,
    secured: Arc<Secured>,
}

impl Renewal {
    /// Reads everything for the first time.
    ///
    /// # Errors
    /// When something cannot be used.
    pub fn start(
        tls: &EdgeTls,
        zones: &[ZoneConfig],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let now = clock.unix();
        let zones = zones.iter().filter(|zone| zone.needs_tls());
        let zones = zones.map(|zone| ZoneFiles::read(zone, now));
        Ok(Self {
            edge: EdgeFiles::read(tls, now)?,
            zones: zones.collect::<Result<_, _>>()?,
            clock,
        })
    }

    /// The listeners' certificates.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.edge.certificates
    }

    /// The zones whose upstreams have TLS.
    pub fn secured(&self) -> impl Iterator<Item = (&ZoneId, &Arc<Secured>)> {
        self.zones.iter().map(|zone| (&zone.zone, &zone.secured))
    }

    /// Looks at the files for as long as it is polled.
    pub async fn run(mut self, metrics: Arc<Metrics>) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let metrics = Arc::clone(&metrics);
            let looked = tokio::task::spawn_blocking(move || {
                self.look(&metrics);
                self
            });
            // It fails when the process ends.
            let Ok(renewal) = looked.await else { return };
            self = renewal;
        }
    }

    fn look(&mut self, metrics: &Metrics) {
        let now = self.clock.unix();
        self.edge.look(now, metrics);
        for zone in &mut self.zones {
            zone.look(now, metrics);
        }
    }
}

impl EdgeFiles {
    fn read(tls: &EdgeTls, now: u64) -> Result<Self, StartError> {
        let pairs = tls.certificates.iter();
        let pairs: Vec<Pair> = pairs
            .map(|files| Pair::read(files, &tls.names, now))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            certificates: Certificates::new(current(&pairs)),
            names: tls.names.clone(),
            pairs,
        })
    }

    fn look(&mut self, now: u64, metrics: &Metrics) {
        let names = &self.names;
        let mut renewed = false;
        for pair in &mut self.pairs {
            renewed |= pair.look(names, now, metrics);
        }
        if renewed {
            self.certificates.replace(current(&self.pairs));
        }
    }
}

fn current(pairs: &[Pair]) -> Vec<Arc<EdgeCertificate>> {
    pairs.iter().map(|pair| Arc::clone(&pair.current)).collect()
}

impl Pair {
    fn read(files: &CertificateFiles, names: &EdgeNames, now: u64) -> Result<Self, StartError> {
        let watched = Watched::new([Some(&files.certificate), Some(&files.key)]);
        Ok(Self {
            files: files.clone(),
            watched,
            current: Arc::new(EdgeCertificate::read(files, names, now)?),
        })
    }

    /// Whether there is another certificate now.
    fn look(&mut self, names: &EdgeNames, now: u64, metrics: &Metrics) -> bool {
        if !self.watched.has_changed() {
            return false;
        }
        let file = self.files.certificate.display();
        match EdgeCertificate::read(&self.files, names, now) {
            Ok(renewed) => {
                self.current = Arc::new(renewed);
                self.watched.took();
                metrics.reloaded(Ok(()));
                tracing::info!(%file, "a certificate was replaced");
                true
            }
            Err(error) => {
                if self.watched.refused(&error) {
                    metrics.reloaded(Err(()));
                    tracing::warn!(%file, %error, "a changed certificate is not used: the one before stays");
                }
                false
            }
        }
    }
}

impl ZoneFiles {
    fn read(zone: &ZoneConfig, now: u64) -> Result<Self, StartError> {
        let tls = zone.tls.clone();
        let watched = Watched::new([&tls.ca, &tls.certificate, &tls.key].map(Option::as_ref));
        let ClientTls { config, ends } = ClientTls::read(&tls, now)?;
        Ok(Self {
            zone: zone.id.clone(),
            tls,
            watched,
            secured: Secured::new(config, ends),
        })
    }

    fn look(&mut self, now: u64, metrics: &Metrics) {
        if !self.watched.has_changed() {
            return;
        }
        let zone = &self.zone;
        match ClientTls::read(&self.tls, now) {
            Ok(ClientTls { config, ends }) => {
                self.secured.replace(config, ends);
                self.watched.took();
                metrics.reloaded(Ok(()));
                tracing::info!(%zone, "the TLS files of a zone were replaced");
            }
            Err(error) if self.watched.refused(&error) => {
                metrics.reloaded(Err(()));
                tracing::warn!(%zone, %error, "changed TLS files of a zone are not used: those before stay");
            }
            Err(_) => {}
        }
    }
}
