//! TLS at the edge: the ClientHello is read first, and a name that is not of this region is refused
//! before a certificate is sent (promise P4).

mod alert;
mod certificates;
mod handshakes;
mod hello;
mod message;
mod tickets;
mod turns;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    Accepted, Acceptor, ClientHello, NoClientAuth, NoServerSessionStorage, ProducesTickets,
};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, NamedGroup, ServerConfig, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::server::{StartHandshake, TlsStream};

use crate::call::Names;
use crate::domain::{Clock, Code};
use alert::{Alert, leave};
use handshakes::{Awaited, HandshakePlace};
use hello::{Hello, HelloError};
use tickets::Tickets;
use turns::Turn;

pub use certificates::Certificates;
pub use handshakes::Handshakes;

/// What a listener needs to speak TLS.
pub struct Edge {
    config: Arc<ServerConfig>,
    /// The same with nothing but hybrid key exchange.
    hybrid: Arc<ServerConfig>,
    names: Names,
    require_name: bool,
    handshakes: Arc<Handshakes>,
    patience: Duration,
}

/// Who is let in, and how they may come.
pub struct EdgeRules {
    pub names: Names,
    /// Refuse a ClientHello without a server name.
    pub require_name: bool,
    pub handshakes: Arc<Handshakes>,
    /// For the whole handshake.
    pub patience: Duration,
    /// Whose certificates let a client in; `None`: it is not asked for one.
    pub clients: Option<Arc<dyn ClientCertVerifier>>,
    /// Ends keys of tickets.
    pub clock: Arc<dyn Clock>,
}

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    #[error("the server name is not of this region, or absent")]
    Name,
    #[error(transparent)]
    Hello(HelloError),
    #[error(
        "client and gateway have no version, suite or protocol in common, or the client breaks the protocol"
    )]
    Unfit(#[source] rustls::Error),
    #[error("the handshake took too long")]
    TooSlow,
    #[error("there were too many handshakes")]
    TooMany,
    #[error("the client gave up")]
    Gone(#[source] io::Error),
}

impl HandshakeError {
    /// As what it is counted; a client that leaves was not refused.
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::Name => Some(Code::TlsName),
            Self::Hello(HelloError::TooLong) => Some(Code::HeadersTooLarge),
            Self::Hello(HelloError::Gone(_)) | Self::Gone(_) => None,
            Self::Hello(_) | Self::Unfit(_) => Some(Code::BadRequest),
            Self::TooSlow => Some(Code::TooSlow),
            Self::TooMany => Some(Code::RateLimited),
        }
    }
}

impl Edge {
    /// A listener's TLS with ticket keys of its own, made here and kept nowhere: a ticket of another
    /// gateway, or from before a restart, costs a full handshake.
    ///
    /// # Errors
    /// When the cryptography does not work here.
    pub fn new(
        certificates: &Arc<Certificates>,
        rules: EdgeRules,
        protocols: &[&str],
    ) -> Result<Self, rustls::Error> {
        let resumption = Resumption::of(&rules)?;
        let config = |provider, versions: &[&'static SupportedProtocolVersion]| {
            let config = config(provider, versions, certificates, &rules);
            config.map(|config| Arc::new(resumption.applied(config, protocols)))
        };
        let mut hybrid = default_provider();
        hybrid.kx_groups.retain(|group| group.name() == HYBRID);
        Ok(Self {
            config: config(default_provider(), &[&TLS13, &TLS12])?,
            hybrid: config(hybrid, &[&TLS13])?,
            names: rules.names,
            require_name: rules.require_name,
            handshakes: rules.handshakes,
            patience: rules.patience,
        })
    }

    /// # Errors
    /// When the name is refused, or the handshake fails or takes too long. The client has been told.
    pub async fn accept(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let deadline = Instant::now() + self.patience;
        let place = timeout_at(deadline, self.handshakes.enter()).await;
        let place = place.ok().flatten().ok_or(HandshakeError::TooMany)?;
        tokio::select! {
            biased;
            shaken = timeout_at(deadline, self.shake_hands(tcp, &place)) => {
                shaken.unwrap_or(Err(HandshakeError::TooSlow))
            }
            () = place.gives_way() => Err(HandshakeError::TooMany),
        }
    }

    async fn shake_hands(
        &self,
        mut tcp: TcpStream,
        place: &HandshakePlace,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let accepted = match self.greet(&mut tcp).await {
            Ok(accepted) => accepted,
            Err(Refused { error, words }) => {
                leave(&mut tcp, &words).await;
                return Err(error);
            }
        };
        let config = Arc::clone(self.config(&accepted.client_hello()));
        let start = StartHandshake::from_parts(accepted, tcp);
        place.waits_for_us();
        let turn = Turn::take().await;
        // It exchanges keys and signs before it gives the future.
        let shaking = start.into_stream(config);
        drop(turn);
        place.waits_for(Awaited::Finish);
        shaking.await.map_err(unfinished)
    }

    async fn greet(&self, tcp: &mut TcpStream) -> Result<Accepted, Refused> {
        let hello = Hello::read(tcp).await?;
        let name = hello.server_name()?;
        if !self.admits(name) {
            return Err(Refused::name());
        }
        if !hello.is_new_enough() {
            return Err(HelloError::NotTls.into());
        }
        let accepted = accepted(&hello)?;
        // Read a second time by other code: both must find a name of this region.
        let read_again = accepted.client_hello();
        let name = read_again.server_name().map(str::as_bytes);
        if name.is_some() && !self.admits(name) {
            return Err(Refused::name());
        }
        Ok(accepted)
    }

    fn admits(&self, name: Option<&[u8]>) -> bool {
        match name.map(str::from_utf8) {
            Some(Ok(name)) => self.names.contains(name),
            Some(Err(_)) => false,
            None => !self.require_name,
        }
    }

    /// Whoever can exchange keys that a quantum computer does not open shall do so: by itself rustls
    /// follows the client's order.
    fn config(&self, hello: &ClientHello<'_>) -> &Arc<ServerConfig> {
        let hybrid = hello
            .named_groups()
            .is_some_and(|all| all.contains(&HYBRID));
        let tls13 = hello
            .cipher_suites()
            .iter()
            .any(|suite| TLS_1_3.contains(suite));
        if hybrid && tls13 {
            &self.hybrid
        } else {
            &self.config
        }
    }
}

const HYBRID: NamedGroup = NamedGroup::X25519MLKEM768;

/// Suites of TLS 1.3, without which there is no hybrid key exchange.
const TLS_1_3: [CipherSuite; 3] = [
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
];

/// TLS 1.3 and 1.2 with the provider's suites, all of which are AEAD; no early data.
fn config(
    provider: CryptoProvider,
    versions: &[&'static SupportedProtocolVersion],
    certificates: &Arc<Certificates>,
    rules: &EdgeRules,
) -> Result<ServerConfig, rustls::Error> {
    let clients = rules.clients.clone();
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(clients.unwrap_or_else(|| Arc::new(NoClientAuth)))
        .with_cert_resolver(Arc::clone(certificates) as _);
    config.ignore_client_order = true;
    config.max_early_data_size = 0;
    // Sessions are in tickets alone: nothing that cores share, nothing that grows.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// How clients come back without a full handshake.
enum Resumption {
    /// Keys are made anew every 6 hours, and open tickets for 12.
    Tickets(Arc<dyn ProducesTickets>),
    /// A client that shows a certificate shows it each time: a ticket would outlive its end.
    None,
}

impl Resumption {
    fn of(rules: &EdgeRules) -> Result<Self, rustls::Error> {
        Ok(match rules.clients {
            None => Self::Tickets(Tickets::new(Arc::clone(&rules.clock))?),
            Some(_) => Self::None,
        })
    }

    fn applied(&self, mut config: ServerConfig, protocols: &[&str]) -> ServerConfig {
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        match self {
            Self::Tickets(tickets) => {
                config.ticketer = Arc::clone(tickets);
                // One ticket is enough to resume by, and each costs a write.
                config.send_tls13_tickets = 1;
            }
            Self::None => config.send_tls13_tickets = 0,
        }
        config
    }
}

/// A refusal before there are keys, and the last words for it.
struct Refused {
    error: HandshakeError,
    words: Vec<u8>,
}

impl Refused {
    fn name() -> Self {
        Self {
            error: HandshakeError::Name,
            words: Alert::UnrecognizedName.record().to_vec(),
        }
    }
}

impl From<HelloError> for Refused {
    fn from(error: HelloError) -> Self {
        let words = error.alert().map(|alert| alert.record().to_vec());
        Self {
            words: words.unwrap_or_default(),
            error: HandshakeError::Hello(error),
        }
    }
}

fn accepted(hello: &Hello) -> Result<Accepted, Refused> {
    let mut acceptor = Acceptor::default();
    let mut record = hello.record();
    while !record.is_empty() {
        let fed = acceptor.read_tls(&mut record);
        fed.map_err(|_| HelloError::Malformed)?;
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok(accepted),
            Ok(None) => {}
            Err((error, mut alert)) => {
                let mut words = Vec::new();
                // Into memory: nothing can fail.
                let _ = alert.write_all(&mut words);
                let error = HandshakeError::Unfit(error);
                return Err(Refused { error, words });
            }
        }
    }
    Err(HelloError::Malformed.into())
}

/// What tokio-rustls makes of an error, and what it was.
fn unfinished(error: io::Error) -> HandshakeError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::AlertReceived(_)) | None => HandshakeError::Gone(error),
        Some(inner) => HandshakeError::Unfit(inner.clone()),
    }
}

#[cfg(test)]
mod tests;
