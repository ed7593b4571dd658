//! Which certificate a client gets.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::EdgeCertificate;

/// The certificates of a gateway's listeners, which may be replaced while it serves: handshakes
/// that begin later get the new ones.
#[derive(Debug)]
pub struct Certificates(ArcSwap<Vec<Arc<EdgeCertificate>>>);

impl Certificates {
    pub fn new(certificates: Vec<Arc<EdgeCertificate>>) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(certificates)))
    }

    pub fn replace(&self, certificates: Vec<Arc<EdgeCertificate>>) {
        self.0.store(Arc::new(certificates));
    }

    /// When the first of them ends, in unix seconds.
    pub fn end(&self) -> Option<u64> {
        self.0.load().iter().map(|one| one.ends).min()
    }
}

impl ResolvesServerCert for Certificates {
    /// The first one that is for the name, of a kind that the client can verify. A name of this
    /// region that none is for (`check` warns of it) gets the first of all, like a client without one.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let all = self.0.load();
        let fits = |one: &&Arc<EdgeCertificate>| {
            let scheme = one.key.key.choose_scheme(hello.signature_schemes());
            scheme.is_some()
        };
        let covers =
            |one: &&Arc<EdgeCertificate>| hello.server_name().is_none_or(|name| one.covers(name));
        let found = all.iter().filter(fits).find(covers);
        let found = found.or_else(|| all.iter().find(fits)).or(all.first());
        found.map(|one| Arc::clone(&one.key))
    }
}
