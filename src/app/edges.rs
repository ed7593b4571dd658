//! The listeners' TLS.

use std::sync::Arc;

use super::StartError;
use crate::call::Names;
use crate::config::Config;
use crate::serve::{Certificates, Edge, EdgeRules, Handshakes};

/// Of each listener that is configured.
pub struct Edges {
    pub https: Option<Arc<Edge>>,
    pub msync: Option<Arc<Edge>>,
    pub admin: Option<Arc<Edge>>,
}

/// Handshakes of the admin listener at once: a part of its connections.
const ADMIN_HANDSHAKES: usize = 128;

impl Edges {
    /// # Errors
    /// When there is no certificate, or cryptography does not work here.
    pub fn new(config: &Config, certificates: &Arc<Certificates>) -> Result<Self, StartError> {
        let listen = &config.listen;
        if listen.has_tls() && config.tls.certificates.is_empty() {
            return Err(StartError::NoCertificate);
        }
        let limits = &config.limits;
        let traffic = Handshakes::new(limits.handshakes);
        let admin = Handshakes::new(limits.handshakes.min(ADMIN_HANDSHAKES));
        let edge = |handshakes: &Arc<Handshakes>, protocols: &[&str]| {
            let rules = EdgeRules {
                names: Names::new(config.tls.names.own.iter().cloned()),
                require_name: config.tls.require_name,
                handshakes: Arc::clone(handshakes),
                patience: limits.tls_handshake,
            };
            let edge = Edge::new(certificates, rules, protocols);
            edge.map(Arc::new).map_err(StartError::Tls)
        };
        let http = &["h2", "http/1.1"];
        let wanted = |listens: bool, handshakes, protocols: &[&str]| {
            listens.then(|| edge(handshakes, protocols)).transpose()
        };
        Ok(Self {
            https: wanted(listen.https.is_some(), &traffic, http)?,
            // No SDK is known to offer a protocol here, so none is asked for.
            msync: wanted(listen.msync.is_some(), &traffic, &[])?,
            admin: wanted(listen.admin.is_some(), &admin, http)?,
        })
    }

    /// The names of those that are there.
    pub fn listeners(&self) -> Vec<&'static str> {
        let all = [
            ("https", &self.https),
            ("msync", &self.msync),
            ("admin", &self.admin),
        ];
        let there = all.into_iter().filter(|(_, edge)| edge.is_some());
        there.map(|(name, _)| name).collect()
    }
}
