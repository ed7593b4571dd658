//! The first message of a TLS handshake, read within bounds before anybody looks at it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::alert::Alert;
use super::message::{self, LONGEST, MessageError};

/// A whole ClientHello (RFC 8446 section 4.1.2).
#[derive(Debug)]
pub struct Hello {
    /// In one record, whatever it came in: framing is no part of what is signed.
    record: Vec<u8>,
}

/// Why there is no ClientHello.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    #[error("what came is not TLS")]
    NotTls,
    #[error("the ClientHello is longer than allowed, or in more records")]
    TooLong,
    #[error("the ClientHello cannot be read")]
    Malformed,
    #[error("the client left before its ClientHello was complete")]
    Gone(#[source] io::Error),
}

/// Records that it may come in. Clients that hide their server name use a handful.
const RECORDS: usize = 64;

/// A record's header (RFC 8446 section 5.1).
const RECORD_HEADER: usize = 5;

const HANDSHAKE: u8 = 22;

impl HelloError {
    /// The last word to the client, if there is one to tell.
    pub const fn alert(&self) -> Option<Alert> {
        match self {
            Self::NotTls => Some(Alert::ProtocolVersion),
            Self::TooLong | Self::Malformed => Some(Alert::DecodeError),
            Self::Gone(_) => None,
        }
    }
}

impl Hello {
    /// Takes the ClientHello off the connection, and not a byte more.
    ///
    /// # Errors
    /// See [`HelloError`]. What is too long is known by its header, and not read.
    pub async fn read<S: AsyncRead + Unpin>(io: &mut S) -> Result<Self, HelloError> {
        let mut record = vec![0; RECORD_HEADER];
        for _ in 0..RECORDS {
            let length = record_length(io).await?;
            take(io, length, &mut record).await?;
            match message::missing(&record[RECORD_HEADER..])? {
                None | Some(1..) => {}
                Some(0) => return Ok(Self::of(record)),
            }
        }
        Err(HelloError::TooLong)
    }

    fn of(mut record: Vec<u8>) -> Self {
        let length = u16::try_from(record.len() - RECORD_HEADER).unwrap_or(u16::MAX);
        let [high, low] = length.to_be_bytes();
        record[..RECORD_HEADER].copy_from_slice(&[HANDSHAKE, 3, 1, high, low]);
        Self { record }
    }

    /// As one record.
    pub fn record(&self) -> &[u8] {
        &self.record
    }

    /// Whether it is of TLS 1.2 or newer.
    pub fn is_new_enough(&self) -> bool {
        message::is_new_enough(self.message())
    }

    /// The `host_name` of its server name extension, as it was sent.
    ///
    /// # Errors
    /// When the message cannot be read, or has more than one name.
    pub fn server_name(&self) -> Result<Option<&[u8]>, HelloError> {
        Ok(message::server_name(self.message())?)
    }

    fn message(&self) -> &[u8] {
        &self.record[RECORD_HEADER..]
    }
}

impl From<MessageError> for HelloError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Malformed => Self::Malformed,
            MessageError::TooLong => Self::TooLong,
        }
    }
}

/// The length of the next record, which must be of the handshake.
async fn record_length<S: AsyncRead + Unpin>(io: &mut S) -> Result<usize, HelloError> {
    let mut header = [0; RECORD_HEADER];
    io.read_exact(&mut header).await.map_err(HelloError::Gone)?;
    let [kind, major, _, high, low] = header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    match (kind, major, length) {
        (HANDSHAKE, 3, 1..=LONGEST) => Ok(length),
        (HANDSHAKE, 3, _) => Err(HelloError::Malformed),
        _ => Err(HelloError::NotTls),
    }
}

/// Reads so many bytes. Memory follows what has come, not what was announced.
async fn take<S: AsyncRead + Unpin>(
    io: &mut S,
    length: usize,
    into: &mut Vec<u8>,
) -> Result<(), HelloError> {
    let mut part = io.take(length as u64);
    match part.read_to_end(into).await {
        Ok(read) if read == length => Ok(()),
        Ok(_) => Err(HelloError::Gone(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(HelloError::Gone(error)),
    }
}

#[cfg(test)]
mod tests;
