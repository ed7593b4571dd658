//! Reads an AccessToken2 without checking its signature: the gateway has done that.

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;

/// What a token says about the chat service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Empty in an App token.
    pub(crate) user: String,
    /// The first second, in Unix time, at which it is no longer valid.
    pub(crate) ends: u64,
}

/// A token that can't be read, or says nothing about the chat service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unable to authenticate due to corrupt access token.")]
pub(crate) struct Unreadable;

/// Reads a token, with or without the `$t$` that SDKs put in front.
pub(crate) fn read(token: &str) -> Result<Facts, Unreadable> {
    let content = inflate(token.strip_prefix("$t$").unwrap_or(token))?;
    let mut rest = Reader(&content);
    rest.text()?; // the signature
    rest.text()?; // the App ID
    let issued = u64::from(rest.u32()?);
    let expire = rest.u32()?;
    rest.u32()?; // the salt
    for _ in 0..rest.u16()? {
        let kind = rest.u16()?;
        let privileges = rest.map()?;
        if kind == CHAT {
            let user = String::from_utf8(rest.text()?.to_vec()).map_err(|_| Unreadable)?;
            let life = privileges
                .values()
                .copied()
                .min()
                .map_or(0, |chat| chat.min(expire));
            return Ok(Facts {
                user,
                ends: issued + u64::from(life),
            });
        }
        rest.skip_service(kind)?;
    }
    Err(Unreadable)
}

/// Whole seconds that a token has left; 0 when it is over.
pub(crate) fn remaining(facts: &Facts, now_millis: u64) -> u64 {
    facts.ends.saturating_sub(now_millis / 1000)
}

fn inflate(token: &str) -> Result<Vec<u8>, Unreadable> {
    let packed = STANDARD.decode(token.strip_prefix("007").ok_or(Unreadable)?);
    let packed = packed.map_err(|_| Unreadable)?;
    let mut content = Vec::new();
    let mut limited = ZlibDecoder::new(packed.as_slice()).take(INFLATED_MAX + 1);
    limited.read_to_end(&mut content).map_err(|_| Unreadable)?;
    let fits = content.len() as u64 <= INFLATED_MAX;
    fits.then_some(content).ok_or(Unreadable)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, Unreadable> {
        let bytes = self.take(2)?.try_into().map_err(|_| Unreadable)?;
        Ok(u16::from_le_bytes(bytes))
    }

    fn u32(&mut self) -> Result<u32, Unreadable> {
        let bytes = self.take(4)?.try_into().map_err(|_| Unreadable)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn text(&mut self) -> Result<&'a [u8], Unreadable> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// Privileges: key and seconds after issue.
    fn map(&mut self) -> Result<BTreeMap<u16, u32>, Unreadable> {
        let count = self.u16()?;
        (0..count).map(|_| Ok((self.u16()?, self.u32()?))).collect()
    }

    /// Services stand in rising order, so only those in front of the chat service matter.
    fn skip_service(&mut self, kind: u16) -> Result<(), Unreadable> {
        let texts = match kind {
            1 | 3 => 2,
            2 => 1,
            4 => 0,
            _ => return Err(Unreadable),
        };
        (0..texts).try_for_each(|_| self.text().map(drop))
    }
}

const CHAT: u16 = 5;
/// No honest token comes near; a bomb must not either.
const INFLATED_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// From the public samples of AgoraIO/Tools: issued at 1111111, valid for 600 seconds.
    const USER: &str = "007eJxTYNAIsnbS3v/A5t2TC6feR15r+6cq8bqAvfaW+tk/Vzz+p6xTYLA0N3B2NDZNSTUzSDYxMTMxTUpKTLVINDI0NTAzTDI2dv8iwBDBxMDAyADCrAyMDIxgPheDkYWFkbGJoZG5MQAfpR64";
    const APP: &str = "007eJxTYNDNaz3snC8huEfHWdz6s98qltq4zqy9fl99Uh0FDvy6F6DAYGlu4OxobJqSamaQbGJiZmKalJSYapFoZGhqYGaYZGzs/kWAIYKJgYGRAYRZGRgZmMB8BgYArfIYaw==";

    #[test]
    fn the_public_samples_are_read() {
        let user = Facts {
            user: "2882341273".into(),
            ends: 1_111_711,
        };
        assert_eq!(read(USER), Ok(user));
        assert_eq!(read(&format!("$t${USER}")).unwrap().ends, 1_111_711);
        assert_eq!(
            read(APP).unwrap(),
            Facts {
                user: String::new(),
                ends: 1_111_711
            }
        );
    }

    #[test]
    fn remaining_seconds_never_fall_below_nothing() {
        let facts = read(USER).unwrap();
        assert_eq!(remaining(&facts, 1_111_611_999), 100);
        assert_eq!(remaining(&facts, 2_000_000_000), 0);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in [
            "",
            "007",
            "006eJx",
            "YWMtabc",
            "007!!!!",
            "007AAAA",
            &USER[..60],
        ] {
            assert_eq!(read(text), Err(Unreadable), "{text}");
        }
    }
}
