//! The body of a close frame (RFC 6455, section 5.5.1).

use crate::code;
use crate::fault::Fault;

/// Code and reason, `(None, "")` if the body is empty.
pub(crate) fn parse(body: &[u8]) -> Result<(Option<u16>, &str), Fault> {
    let Some((code, reason)) = body.split_first_chunk() else {
        return match body {
            [] => Ok((None, "")),
            _ => Err(Fault::CloseBody),
        };
    };
    let code = u16::from_be_bytes(*code);
    if !code::is_valid(code) {
        return Err(Fault::CloseCode);
    }
    let reason = str::from_utf8(reason).map_err(|_| Fault::Utf8)?;
    Ok((Some(code), reason))
}
