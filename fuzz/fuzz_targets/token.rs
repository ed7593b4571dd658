//! AccessToken2: foreign bytes as text, as content, and as content that carries a good signature,
//! so that the fuzzer gets past base64, zlib and HMAC. Needs `access-token` and `libfuzzer-sys`.

#![no_main]

use access_token::{
    ChatTokenBuilder, Expected, Kind, Policy, Token, Verified, inspect, verify, wire,
};

const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
const OTHER: &str = "0123456789abcdef0123456789abcdef";
const DAY: u64 = 86_400;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        nobody_signed(text);
        nobody_signed(&format!("007{text}"));
    }
    nobody_signed(&wire::seal(data));
    signed(data);
});

/// Whatever it is, nobody signed it: it may parse, but never verifies.
fn nobody_signed(text: &str) {
    let policy = Policy::default();
    let bare = inspect(text, None, None, 0, &policy);
    assert_ne!(bare.valid, Some(true));
    assert_eq!(Token::parse(text).is_ok(), bare.app_id.is_some());
    let app_id = bare.app_id.unwrap_or_default();
    let now = bare.issued_at.unwrap_or_default();
    let expected = Expected {
        app_id: &app_id,
        certificates: &[OTHER],
    };
    assert!(verify(text, &expected, now, &policy).is_err());
    assert_eq!(
        inspect(text, None, Some(OTHER), now, &policy).valid,
        Some(false)
    );
}

/// `info` as signed bytes. Issue and salt are where every token that parses has them.
fn signed(info: &[u8]) {
    let (issued_at, salt) = (u32_at(info, 34), u32_at(info, 42));
    let signature = wire::sign(CERTIFICATE, issued_at, salt, info);
    let text = wire::seal(&[&[32, 0], signature.as_slice(), info].concat());
    let Ok(token) = Token::parse(&text) else {
        return;
    };
    assert!(token.signed_by(CERTIFICATE));
    assert!(!token.signed_by(OTHER));

    let now = token.issued_at();
    let expected = Expected {
        app_id: token.app_id(),
        certificates: &[OTHER, CERTIFICATE],
    };
    let verdict = token.check(&expected, now, &Policy::default());
    let seen = inspect(
        &text,
        Some(token.app_id()),
        Some(CERTIFICATE),
        now,
        &Policy::default(),
    );
    assert_eq!(
        (seen.valid, seen.reason),
        (Some(verdict.is_ok()), verdict.as_ref().err().copied())
    );
    if let Ok(verified) = verdict {
        holds_until_its_end(&token, &expected, &verified);
        rebuilt(token.app_id(), &verified);
    }
}

fn holds_until_its_end(token: &Token, expected: &Expected<'_>, verified: &Verified) {
    assert!(verified.not_after > verified.issued_at);
    assert!(verified.not_after <= token.expires_at().min(verified.issued_at + DAY));
    assert_eq!(verified.user_id.is_empty(), verified.kind == Kind::App);
    let last = token.check(expected, verified.not_after - 1, &Policy::default());
    assert_eq!(last.as_ref(), Ok(verified));
    assert!(
        token
            .check(expected, verified.not_after, &Policy::default())
            .is_err()
    );
}

/// The builder can make a token that says the same, if the user id isn't beyond what it takes.
fn rebuilt(app_id: &str, verified: &Verified) {
    let ttl = u32::try_from(verified.not_after - verified.issued_at).expect("at most a day");
    let issued_at = u32::try_from(verified.issued_at).expect("32 bits in the format");
    let builder = ChatTokenBuilder::new(app_id, CERTIFICATE, ttl, issued_at, 1);
    let builder = match verified.kind {
        Kind::User => builder.user(&verified.user_id),
        Kind::App => builder.app(),
        Kind::UserAndApp => builder.user(&verified.user_id).app(),
    };
    let Ok(text) = builder.build() else {
        assert!(verified.user_id.len() > 2048);
        return;
    };
    let expected = Expected {
        app_id,
        certificates: &[CERTIFICATE],
    };
    let again = verify(&text, &expected, verified.issued_at, &Policy::default());
    assert_eq!(again.as_ref(), Ok(verified));
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
