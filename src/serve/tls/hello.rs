//! The first message of a TLS handshake, read within bounds before anybody looks at it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::alert::Alert;

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

/// The longest ClientHello, in bytes; one record's worth. Clients with post-quantum keys send less than 2 KiB.
const LONGEST: usize = 16 * 1024;

/// Records that it may come in. Clients that hide their server name use a handful.
const RECORDS: usize = 64;

/// A record's header, and a handshake message's (RFC 8446 sections 5.1 and 4).
const RECORD_HEADER: usize = 5;
const MESSAGE_HEADER: usize = 4;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// TLS 1.2, which TLS 1.3 calls itself here too.
const TLS_1_2: [u8; 2] = [3, 3];

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
            match missing(&record[RECORD_HEADER..])? {
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

    /// Whether it is of TLS 1.2 or newer; older ones say so in `client_version`.
    pub fn is_new_enough(&self) -> bool {
        let version = self
            .record
            .get(RECORD_HEADER + MESSAGE_HEADER..)
            .unwrap_or_default();
        version
            .get(..2)
            .is_some_and(|version| version >= &TLS_1_2[..])
    }

    /// The `host_name` of its server name extension (RFC 6066 section 3), as it was sent.
    ///
    /// # Errors
    /// When the message cannot be walked to its end, or has more than one name.
    pub fn server_name(&self) -> Result<Option<&[u8]>, HelloError> {
        let mut message = Walk(&self.record[RECORD_HEADER + MESSAGE_HEADER..]);
        message.bytes(2 + 32)?;
        message.short()?;
        message.long()?;
        message.short()?;
        if message.is_over() {
            return Ok(None);
        }
        let mut extensions = Walk(message.long()?);
        message.ends()?;
        let mut name = None;
        while !extensions.is_over() {
            let kind = extensions.number()?;
            let body = extensions.long()?;
            if kind == SERVER_NAME && name.replace(host_name(body)?).is_some() {
                return Err(HelloError::Malformed);
            }
        }
        Ok(name)
    }
}

/// The list may hold one name of each kind, and no other kind is known.
fn host_name(body: &[u8]) -> Result<&[u8], HelloError> {
    let mut body = Walk(body);
    let mut list = Walk(body.long()?);
    body.ends()?;
    let kind = list.bytes(1)?[0];
    let name = list.long()?;
    list.ends()?;
    if kind != HOST_NAME || name.is_empty() {
        return Err(HelloError::Malformed);
    }
    Ok(name)
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

/// How much of the message is still to come; `None` while its header is.
fn missing(message: &[u8]) -> Result<Option<usize>, HelloError> {
    if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
        return Err(HelloError::Malformed);
    }
    let Some([_, high, middle, low]) = message.first_chunk() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize + MESSAGE_HEADER;
    if length > LONGEST {
        return Err(HelloError::TooLong);
    }
    // Nothing may follow it in its flight.
    let missing = length.checked_sub(message.len());
    missing.map(Some).ok_or(HelloError::Malformed)
}

/// What is left of a message.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], HelloError> {
        let (bytes, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(HelloError::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u16, HelloError> {
        let bytes = self.bytes(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Bytes behind one byte of length.
    fn short(&mut self) -> Result<&'a [u8], HelloError> {
        let length = self.bytes(1)?[0];
        self.bytes(length.into())
    }

    /// Bytes behind two bytes of length.
    fn long(&mut self) -> Result<&'a [u8], HelloError> {
        let length = self.number()?;
        self.bytes(length.into())
    }

    const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn ends(&self) -> Result<(), HelloError> {
        if self.is_over() {
            Ok(())
        } else {
            Err(HelloError::Malformed)
        }
    }
}

#[cfg(test)]
mod tests;
