//! The listeners' TLS.

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::StartError;
use super::client_tls::roots;
use crate::call::Names;
use crate::config::Config;
use crate::domain::Clock;
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
    pub fn new(
        config: &Config,
        certificates: &Arc<Certificates>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let listen = &config.listen;
        if listen.has_tls() && config.tls.certificates.is_empty() {
            return Err(StartError::NoCertificate);
        }
        let limits = &config.limits;
        let traffic = Handshakes::new(limits.handshakes);
        let admin = Handshakes::new(limits.handshakes.min(ADMIN_HANDSHAKES));
        let clients = listen.admin.and(admin_clients(config)?);
        let edge = |handshakes: &Arc<Handshakes>, clients: Option<_>, protocols: &[&str]| {
            let rules = EdgeRules {
                names: Names::new(config.tls.names.own.iter().cloned()),
                require_name: config.tls.require_name,
                handshakes: Arc::clone(handshakes),
                patience: limits.tls_handshake,
                clients,
                clock: Arc::clone(clock),
            };
            let edge = Edge::new(certificates, rules, protocols);
            edge.map(Arc::new).map_err(StartError::Tls)
        };
        let http = &["h2", "http/1.1"];
        let wanted = |listens: bool, handshakes, clients, protocols: &[&str]| {
            let edge = listens.then(|| edge(handshakes, clients, protocols));
            edge.transpose()
        };
        Ok(Self {
            https: wanted(listen.https.is_some(), &traffic, None, http)?,
            // No SDK is known to offer a protocol here, so none is asked for.
            msync: wanted(listen.msync.is_some(), &traffic, None, &[])?,
            admin: wanted(listen.admin.is_some(), &admin, clients, http)?,
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

/// Whose certificates the admin API asks for, beside a key.
fn admin_clients(config: &Config) -> Result<Option<Arc<dyn ClientCertVerifier>>, StartError> {
    let Some(ca) = &config.tls.admin_client_ca else {
        return Ok(None);
    };
    let roots = Arc::new(roots(Some(ca)).map_err(StartError::AdminClients)?);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
    let verifier = verifier.map_err(|error| StartError::AdminClients(error.into()));
    Ok(Some(verifier?))
}
