//! Properties over generated tokens, contents and texts.

use access_token::{ChatTokenBuilder, Expected, Fault, Kind, Policy, Token, inspect, verify, wire};
use proptest::prelude::*;

use crate::support::{APP_ID, CERTIFICATE, EXPECTED, ISSUED, NOW, OTHER_CERTIFICATE, Raw, chat};

const IDENTIFIER: &str = "[0-9a-fA-F]{32}";

proptest! {
    #[test]
    fn what_is_built_verifies_until_its_end(
        app_id in IDENTIFIER,
        certificate in IDENTIFIER,
        user_id in "\\PC{1,64}",
        app: bool,
        ttl in 1..=86_400_u32,
        issued_at: u32,
        salt in 1..=99_999_999_u32,
    ) {
        let builder = ChatTokenBuilder::new(&app_id, &certificate, ttl, issued_at, salt).user(&user_id);
        let token = if app { builder.app() } else { builder }.build().unwrap();
        let expected = Expected { app_id: &app_id, certificates: &[&certificate] };
        let at = |now| verify(&token, &expected, now, &Policy::default());
        let (start, end) = (u64::from(issued_at), u64::from(issued_at) + u64::from(ttl));
        let verified = at(end - 1).unwrap();
        prop_assert_eq!(verified.kind, if app { Kind::UserAndApp } else { Kind::User });
        prop_assert_eq!(&verified.user_id, &user_id);
        prop_assert_eq!((verified.issued_at, verified.not_after), (start, end));
        prop_assert_eq!(at(start), Ok(verified));
        prop_assert_eq!(at(end), Err(Fault::TokenExpired));
    }

    #[test]
    fn one_flipped_bit_of_the_content_never_verifies(user_id in "\\PC{0,20}", bit: prop::sample::Index) {
        let mut content = Raw::of(vec![chat(&[(1, 3600), (2, 3600)], &user_id)]).content();
        let bit = bit.index(content.len() * 8);
        content[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify(&wire::seal(&content), &EXPECTED, NOW, &Policy::default()).is_err());
    }

    #[test]
    fn another_certificate_never_verifies(certificate in IDENTIFIER, salt: u32) {
        prop_assume!(certificate != CERTIFICATE);
        let token = Token::parse(&Raw { salt, ..Raw::alice() }.token()).unwrap();
        prop_assert!(token.signed_by(CERTIFICATE));
        prop_assert!(!token.signed_by(&certificate));
    }

    #[test]
    fn signed_contents_of_any_shape_are_read_or_refused(
        services in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
        kinds in prop::collection::vec(0..12_u16, 6),
        count: Option<u16>,
        expire: u32,
    ) {
        let services = services.into_iter().zip(kinds);
        let services = services.map(|(rest, kind)| [kind.to_le_bytes().to_vec(), rest].concat()).collect();
        let raw = Raw { count, expire, ..Raw::of(services) };
        if let Ok(verified) = raw.verify_at(NOW) {
            prop_assert!(verified.not_after > NOW);
            prop_assert!(verified.not_after <= u64::from(ISSUED) + 86_400);
        }
    }

    #[test]
    fn arbitrary_text_does_not_panic(text in "\\PC*", now: u64) {
        refuse(&text, now)?;
        refuse(&format!("007{text}"), now)?;
    }

    #[test]
    fn arbitrary_content_does_not_panic(content in prop::collection::vec(any::<u8>(), 0..300), now: u64) {
        refuse(&wire::seal(&content), now)?;
        let framed = [b"\x20\x00".as_slice(), &[7; 32], b"\x20\x00", APP_ID.as_bytes(), &content].concat();
        refuse(&wire::seal(&framed), now)?;
    }
}

/// Whatever the text, nobody signed it.
fn refuse(text: &str, now: u64) -> Result<(), TestCaseError> {
    prop_assert!(verify(text, &EXPECTED, now, &Policy::default()).is_err());
    let seen = inspect(text, None, Some(OTHER_CERTIFICATE), now, &Policy::default());
    prop_assert_eq!(seen.valid, Some(false));
    Ok(())
}

/// Every single bit of one token, so that no position is left to chance.
#[test]
fn every_bit_of_the_content_is_covered_by_the_signature() {
    let content = Raw::alice().content();
    for bit in 0..content.len() * 8 {
        let mut flipped = content.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verdict = verify(&wire::seal(&flipped), &EXPECTED, NOW, &Policy::default());
        assert!(verdict.is_err(), "bit {bit}");
    }
}
