//! The values of the opening handshake's headers (RFC 6455, section 4).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The only value of `Sec-WebSocket-Version` (section 4.1, item 9).
pub const VERSION: &str = "13";

/// The `Sec-WebSocket-Accept` that answers this `Sec-WebSocket-Key` (section 4.2.2, item 5.4).
/// Proves that the server speaks WebSocket, nothing else, so SHA-1 does.
#[must_use]
pub fn accept_key(key: &str) -> String {
    let text = [key.as_bytes(), GUID].concat();
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &text))
}

/// Whether it is a `Sec-WebSocket-Key`: padded standard base64 of 16 bytes (section 4.1, item 7).
#[must_use]
pub fn is_valid_key(key: &str) -> bool {
    let mut bytes = [0; 18];
    key.len() == KEY_LENGTH && STANDARD.decode_slice(key, &mut bytes) == Ok(16)
}

/// A client's `Sec-WebSocket-Key`, of 16 random bytes that no other connection uses.
#[must_use]
pub fn fresh_key(random: [u8; 16]) -> String {
    STANDARD.encode(random)
}

/// Whether a header's comma-separated value, such as `keep-alive, Upgrade`, has this token, in
/// whatever case. A header that occurs several times is asked for each value.
#[must_use]
pub fn has_token(value: &str, token: &str) -> bool {
    value
        .split(',')
        .any(|item| item.trim_matches([' ', '\t']).eq_ignore_ascii_case(token))
}

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_LENGTH: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_section_1_3_is_answered_alike() {
        let accept = accept_key("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_bytes() {
        assert!(is_valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(is_valid_key(&fresh_key([255; 16])));
        for key in [
            "",
            "dGhlIHNhbXBsZSBub25jZQ",       // no padding
            "dGhlIHNhbXBsZSBub25jZR==",     // bits behind the end
            "dGhlIHNhbXBsZSBub25j",         // 15 bytes
            "dGhlIHNhbXBsZSBub25jZTE=",     // 17 bytes
            "dGhlIHNhbXBsZSBub25jZTEy",     // 18 bytes
            " dGhlIHNhbXBsZSBub25jZQ=",     // space
            "____IHNhbXBsZSBub25jZQ==",     // the alphabet of URLs
            "dGhlIHNhbXBsZSBub25jZQ==, eA", // two
        ] {
            assert!(!is_valid_key(key), "{key}");
        }
    }

    #[test]
    fn tokens_are_found_in_lists() {
        for value in [
            "upgrade",
            "Upgrade",
            "keep-alive, Upgrade",
            "a,\tUPGRADE ,b",
        ] {
            assert!(has_token(value, "upgrade"), "{value}");
        }
        for value in ["", "upgrades", "up grade", "keep-alive; upgrade", "h2c"] {
            assert!(!has_token(value, "upgrade"), "{value}");
        }
    }
}
