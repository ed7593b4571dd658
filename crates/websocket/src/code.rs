//! Close codes (RFC 6455, section 7.4, and IANA's registry of them).

/// The purpose of the connection is fulfilled.
pub const NORMAL: u16 = 1000;
/// This end goes away, such as a server that shuts down.
pub const GOING_AWAY: u16 = 1001;
/// The peer broke the protocol.
pub const PROTOCOL: u16 = 1002;
/// The peer sent a kind of message that this end does not take.
pub const UNSUPPORTED_DATA: u16 = 1003;
/// A message's content does not fit its kind: text that is not UTF-8.
pub const INVALID_PAYLOAD: u16 = 1007;
/// A message breaks this end's policy.
pub const POLICY: u16 = 1008;
/// A message is too big to be processed.
pub const TOO_BIG: u16 = 1009;
/// This end cannot go on.
pub const INTERNAL: u16 = 1011;
/// This end will be back; try again later.
pub const TRY_AGAIN_LATER: u16 = 1013;

/// Whether a close frame may carry this code. 1004 is reserved, 1005, 1006 and 1015 never go over
/// the wire, 1016 to 2999 are not assigned; 3000 to 3999 are registered by applications, 4000 to
/// 4999 are private.
#[must_use]
pub const fn is_valid(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_valid_codes_are_these() {
        let assigned = [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
        ];
        let expected = |code| assigned.contains(&code) || (3000..5000).contains(&code);
        assert!((0..=u16::MAX).all(|code| is_valid(code) == expected(code)));
    }
}
