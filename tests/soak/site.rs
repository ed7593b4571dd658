//! Where everything is, and what clients need to know of an App.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicU32, Ordering};

use domicile::domain::{Clock as _, SystemClock};
use tokio::net::{TcpSocket, TcpStream};

/// The organisation of all Apps.
pub const ORG: &str = "acme";

pub const REST: &str = "rest.frankfurt.test";
pub const WEBSOCKET: &str = "ws.frankfurt.test";

/// Addresses of one run.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    pub http: SocketAddr,
    pub https: SocketAddr,
    pub admin: SocketAddr,
    pub ops: SocketAddr,
    /// Of the data centre.
    pub centre: SocketAddr,
}

/// An App, as its owner knows it.
#[derive(Debug, Clone)]
pub struct App {
    pub id: String,
    pub name: String,
    pub certificate: String,
}

impl Site {
    /// On a loopback address that no other test process has.
    pub fn new(centre: SocketAddr) -> Self {
        let pid = std::process::id().to_le_bytes();
        let ip = IpAddr::V4(Ipv4Addr::new(127, 200 + pid[1] % 50, 1 + pid[0] % 250, 88));
        let at = |port| SocketAddr::new(ip, port);
        Self {
            http: at(7401),
            https: at(7402),
            admin: at(7403),
            ops: at(7404),
            centre,
        }
    }
}

impl App {
    /// `org#app`
    pub fn key(&self) -> String {
        format!("{ORG}#{}", self.name)
    }

    /// A token of a user that nobody has seen before.
    pub fn token(&self, user: &str) -> String {
        let now = u32::try_from(SystemClock.unix()).unwrap();
        let made =
            access_token::build_user_token(&self.id, &self.certificate, user, 3_600, now, fresh());
        made.unwrap()
    }
}

/// A number that has not been given before.
pub fn fresh() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A connection from an address that was not used lately: there are a million of them.
///
/// # Errors
/// When the gateway does not take it.
pub async fn connect(to: SocketAddr) -> std::io::Result<TcpStream> {
    connect_from(fresh() % 1_000_000, to).await
}

/// The same from one of a few thousand addresses: of more than 10,000 in a minute the gateway counts the
/// rest together.
///
/// # Errors
/// When the gateway does not take it.
pub async fn connect_from_few(to: SocketAddr) -> std::io::Result<TcpStream> {
    connect_from(1_000_000 + fresh() % 5_000, to).await
}

#[expect(clippy::disallowed_methods, reason = "the test is the client")]
async fn connect_from(number: u32, to: SocketAddr) -> std::io::Result<TcpStream> {
    const FIRST: u32 = Ipv4Addr::new(127, 16, 0, 1).to_bits();
    let from = Ipv4Addr::from_bits(FIRST + number);
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddrV4::new(from, 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
