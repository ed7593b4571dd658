//! The gateway's own last words on a connection without keys.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A fatal alert (RFC 8446 section 6, RFC 6066 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alert {
    DecodeError = 50,
    ProtocolVersion = 70,
    UnrecognizedName = 112,
}

/// How much of what a refused client still sends is discarded so that the alert arrives, and for
/// how long: closing with bytes unread would reset the connection.
const DISCARDED: u64 = 64 * 1024;
const LINGER: Duration = Duration::from_secs(1);

impl Alert {
    /// In a record of its own.
    pub const fn record(self) -> [u8; 7] {
        [21, 3, 3, 0, 2, 2, self as u8]
    }
}

/// Says it, and closes. A client that has gone does not hear it.
pub async fn leave(tcp: &mut TcpStream, words: &[u8]) {
    let said = async {
        tcp.write_all(words).await?;
        tcp.shutdown().await?;
        tokio::io::copy(&mut tcp.take(DISCARDED), &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(LINGER, said).await;
}
