//! A pinned public key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4), written
/// `sha256/BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpkiPin(pub [u8; 32]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpkiPinError {
    #[error("does not begin with sha256/")]
    Algorithm,
    #[error("is not base64")]
    Base64,
    #[error("is not 32 bytes long")]
    Length,
}

impl SpkiPin {
    /// # Errors
    /// When it is not of that form.
    pub fn parse(text: &str) -> Result<Self, SpkiPinError> {
        let hash = text
            .strip_prefix("sha256/")
            .ok_or(SpkiPinError::Algorithm)?;
        let hash = STANDARD.decode(hash).map_err(|_| SpkiPinError::Base64)?;
        let hash = hash.try_into().map_err(|_| SpkiPinError::Length)?;
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_a_hash_in_base64() {
        // RFC 7469 section 2.1.5.
        let text = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";
        assert_eq!(SpkiPin::parse(text).unwrap().0[..2], [0x77, 0xaa]);
        for (text, error) in [
            ("sha1/d6qzRu9zOECb90Uez27xWltNsj0=", SpkiPinError::Algorithm),
            (
                "d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=",
                SpkiPinError::Algorithm,
            ),
            (
                "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM",
                SpkiPinError::Base64,
            ),
            ("sha256/d6qzRu9zOECb90Uez27xWltNsj0=", SpkiPinError::Length),
        ] {
            assert_eq!(SpkiPin::parse(text), Err(error), "{text}");
        }
    }
}
