//! A ClientHello's bytes (RFC 8446 section 4.1.2), as far as they are looked at here.

/// The message cannot be walked to its end, or says something twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("the ClientHello cannot be read")]
    Malformed,
    #[error("the ClientHello is longer than allowed")]
    TooLong,
}

/// The longest ClientHello, in bytes; one record's worth. Clients with post-quantum keys send less
/// than 2 KiB.
pub const LONGEST: usize = 16 * 1024;

/// A handshake message's header (RFC 8446 section 4).
const HEADER: usize = 4;

const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// TLS 1.2, which TLS 1.3 calls itself here too.
const TLS_1_2: [u8; 2] = [3, 3];

/// How much of the message is still to come; `None` while its header is.
///
/// # Errors
/// When it is of another kind, too long, or followed by something.
pub fn missing(message: &[u8]) -> Result<Option<usize>, MessageError> {
    if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
        return Err(MessageError::Malformed);
    }
    let Some([_, high, middle, low]) = message.first_chunk() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize + HEADER;
    if length > LONGEST {
        return Err(MessageError::TooLong);
    }
    // Nothing may follow it in its flight.
    let missing = length.checked_sub(message.len());
    missing.map(Some).ok_or(MessageError::Malformed)
}

/// Whether it is of TLS 1.2 or newer; older ones say so in `client_version`.
pub fn is_new_enough(message: &[u8]) -> bool {
    let version = message.get(HEADER..HEADER + 2);
    version.is_some_and(|version| version >= &TLS_1_2[..])
}

/// The `host_name` of its server name extension (RFC 6066 section 3), as it was sent.
///
/// # Errors
/// When the message cannot be walked to its end, or has more than one name.
pub fn server_name(message: &[u8]) -> Result<Option<&[u8]>, MessageError> {
    let mut message = Walk(message);
    message.bytes(HEADER + 2 + 32)?;
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
            return Err(MessageError::Malformed);
        }
    }
    Ok(name)
}

/// The list may hold one name of each kind, and no other kind is known.
pub fn host_name(body: &[u8]) -> Result<&[u8], MessageError> {
    let mut body = Walk(body);
    let mut list = Walk(body.long()?);
    body.ends()?;
    let kind = list.bytes(1)?[0];
    let name = list.long()?;
    list.ends()?;
    if kind != HOST_NAME || name.is_empty() {
        return Err(MessageError::Malformed);
    }
    Ok(name)
}

/// What is left of a message.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], MessageError> {
        let (bytes, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(MessageError::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u16, MessageError> {
        let bytes = self.bytes(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Bytes behind one byte of length.
    fn short(&mut self) -> Result<&'a [u8], MessageError> {
        let length = self.bytes(1)?[0];
        self.bytes(length.into())
    }

    /// Bytes behind two bytes of length.
    fn long(&mut self) -> Result<&'a [u8], MessageError> {
        let length = self.number()?;
        self.bytes(length.into())
    }

    const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn ends(&self) -> Result<(), MessageError> {
        if self.is_over() {
            Ok(())
        } else {
            Err(MessageError::Malformed)
        }
    }
}
