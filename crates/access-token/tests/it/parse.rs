//! What is not a token. Each test but the first names the control that it would miss.

use std::fmt::Debug;

use access_token::{Fault, ParseError, Token, wire};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write as _;

use crate::support::{APP_ID, HOUR, NOW, Raw, chat, service, string};

#[test]
fn the_version_comes_first_and_nothing_is_stripped() {
    let token = Raw::alice().token();
    for text in [
        "",
        "0",
        "00",
        "006",
        "Bearer",
        &format!(" {token}"),
        &format!("$t${token}"),
        &token[3..],
    ] {
        assert!(
            matches!(Token::parse(text), Err(ParseError::Version)),
            "{text:?}"
        );
        assert_eq!(
            Fault::from(Token::parse(text).unwrap_err()),
            Fault::BadVersion
        );
    }
    let long = "006".to_owned() + &"A".repeat(wire::MAX_TEXT);
    assert!(matches!(Token::parse(&long), Err(ParseError::Version)));
}

#[test]
fn text_has_a_longest_length() {
    // Well-formed otherwise: stored, not compressed, so that only the length of the text is wrong.
    let long = repacked(&vec![0; wire::MAX_TEXT], Compression::none());
    assert!(matches!(Token::parse(&long), Err(ParseError::TextTooLong)));
    let padded = format!("007{}", "A".repeat(wire::MAX_TEXT - 3));
    assert!(!matches!(
        Token::parse(&padded),
        Err(ParseError::TextTooLong)
    ));
}

#[test]
fn base64_is_standard_padded_and_canonical() {
    // A content whose packed length leaves padding, and whose text has + or /.
    let packed = (1..200)
        .map(|length| Raw::of(vec![chat(&[(1, HOUR)], &"alice-".repeat(length))]))
        .map(|raw| unpacked_text(&raw.token()))
        .find(|packed| packed.len() % 3 == 1 && STANDARD.encode(packed).contains(['+', '/']))
        .unwrap();
    let good = format!("007{}", STANDARD.encode(&packed));
    assert!(Token::parse(&good).is_ok());

    let mut loose_bits = good.clone().into_bytes();
    let last = loose_bits.len() - 3;
    loose_bits[last] += 1; // the bits of the last character that stand for nothing
    let loose_bits = String::from_utf8(loose_bits).unwrap();
    let refused = [
        format!("007{}", STANDARD_NO_PAD.encode(&packed)),
        format!("007{}", URL_SAFE.encode(&packed)),
        format!("{good}="),
        format!("{good}\n"),
        format!("{good} "),
        good.replacen("007e", "007e\n", 1),
        loose_bits,
    ];
    for text in refused {
        assert!(
            matches!(Token::parse(&text), Err(ParseError::Base64(_))),
            "{text:?}"
        );
    }
}

#[test]
fn every_truncated_text_is_malformed() {
    let token = Raw::alice().token();
    for length in 3..token.len() {
        assert_eq!(
            Fault::from(Token::parse(&token[..length]).unwrap_err()),
            Fault::Malformed,
            "{length}"
        );
    }
}

#[test]
fn every_truncated_content_is_malformed() {
    let content = Raw::alice().content();
    for length in 0..content.len() {
        let result = Token::parse(&wire::seal(&content[..length]));
        assert!(
            matches!(result, Err(ParseError::ContentEnds)),
            "{length}: {result:?}"
        );
    }
}

#[test]
fn the_stream_is_zlib_with_its_checksum_and_nothing_after_it() {
    let packed = unpacked_text(&Raw::alice().token());
    let reseal = |bytes: &[u8]| Token::parse(&format!("007{}", STANDARD.encode(bytes)));
    assert!(reseal(&packed).is_ok());

    let mut wrong_checksum = packed.clone();
    *wrong_checksum.last_mut().unwrap() ^= 1;
    assert!(matches!(
        reseal(&wrong_checksum),
        Err(ParseError::Inflate(_))
    ));
    assert!(
        matches!(reseal(&packed[2..]), Err(ParseError::Inflate(_))),
        "raw deflate"
    );
    assert!(matches!(
        reseal(&packed[..packed.len() - 4]),
        Err(ParseError::InflateUnfinished)
    ));
    for after in [b"\0".as_slice(), b"more", &packed] {
        let result = reseal(&[&packed, after].concat());
        assert!(
            matches!(result, Err(ParseError::BytesAfterStream)),
            "{result:?}"
        );
    }
}

#[test]
fn content_has_a_longest_length() {
    let with_trailing = |length: usize| {
        let short = Raw::alice().content().len();
        Token::parse(
            &Raw {
                trailing: vec![0; length - short],
                ..Raw::alice()
            }
            .token(),
        )
    };
    assert!(with_trailing(wire::MAX_CONTENT).is_ok());
    for length in [wire::MAX_CONTENT + 1, wire::MAX_CONTENT + 2, 4 << 20] {
        let result = with_trailing(length);
        assert!(
            matches!(result, Err(ParseError::ContentTooLong)),
            "{length}: {result:?}"
        );
    }
}

#[test]
fn lengths_that_lie_are_malformed() {
    let content = Raw::alice().content();
    // Offsets of each u16 length or count up to the user id's: signature, App ID, services,
    // privileges, user id.
    for at in [0, 34, 80, 84, 92] {
        for lie in [0xffff_u16, 0x1000, 200] {
            let mut lying = content.clone();
            lying[at..at + 2].copy_from_slice(&lie.to_le_bytes());
            let result = Token::parse(&wire::seal(&lying));
            assert!(result.is_err(), "{lie} at {at}: {result:?}");
        }
    }
    // A count that is too small hides services; the signature covers the count.
    let hidden = Raw {
        count: Some(0),
        ..Raw::alice()
    };
    assert_eq!(hidden.verify_at(NOW), Err(Fault::NoChatService));
}

#[test]
fn the_signature_is_32_bytes_and_the_app_id_32_letters_and_digits() {
    let info = Raw::alice().signing_info();
    for length in [0, 31, 33] {
        let result = Token::parse(&wire::seal(
            &[string(&vec![1; length]), info.clone()].concat(),
        ));
        assert!(
            matches!(result, Err(ParseError::SignatureLength)),
            "{length}: {result:?}"
        );
    }
    let umlauts = "ä".repeat(16);
    let spaced = format!("{} ", &APP_ID[1..]);
    for app_id in [
        b"".as_slice(),
        &APP_ID.as_bytes()[1..],
        &[0xff; 32],
        umlauts.as_bytes(),
        spaced.as_bytes(),
    ] {
        let result = Token::parse(
            &Raw {
                app_id: app_id.to_vec(),
                ..Raw::alice()
            }
            .token(),
        );
        assert!(
            matches!(result, Err(ParseError::AppId)),
            "{app_id:?}: {result:?}"
        );
    }
}

#[test]
fn two_chat_services_are_ambiguous() {
    let twice =
        |first, second| Raw::of(vec![chat(&[(1, HOUR)], first), chat(&[(1, HOUR)], second)]);
    for raw in [twice("alice", "bob"), twice("alice", "alice")] {
        assert!(matches!(
            Token::parse(&raw.token()),
            Err(ParseError::ChatRepeated)
        ));
        assert_eq!(raw.verify_at(NOW), Err(Fault::Malformed));
    }
}

#[test]
fn a_repeated_privilege_is_ambiguous() {
    for privileges in [
        [(1, HOUR), (1, 1)],
        [(2, HOUR), (2, HOUR)],
        [(9, 1), (9, 2)],
    ] {
        let raw = Raw::of(vec![chat(&privileges, "alice")]);
        let result = Token::parse(&raw.token());
        assert!(
            matches!(result, Err(ParseError::PrivilegeRepeated)),
            "{privileges:?}: {result:?}"
        );
    }
    let many = |count: u16| {
        let privileges: Vec<_> = (1..=count).map(|key| (key, HOUR)).collect();
        Token::parse(&Raw::of(vec![chat(&privileges, "alice")]).token())
    };
    assert!(many(16).is_ok());
    assert!(matches!(many(17), Err(ParseError::TooManyPrivileges)));
}

#[test]
fn the_user_id_is_utf8() {
    let raw = Raw::of(vec![
        [service(5, &[(1, HOUR)]), string(b"al\xffce")].concat(),
    ]);
    assert!(matches!(
        Token::parse(&raw.token()),
        Err(ParseError::UserId)
    ));
}

#[test]
fn every_known_service_is_stepped_over() {
    let some = [(1, HOUR), (2, HOUR)];
    let names = |count: usize| string(b"name").repeat(count);
    let permissions = [
        [2_u16, 0, 1, 1, 2].map(u16::to_le_bytes).concat(), // two types; type 0: one permission, write: two
        names(2),
        [4_u16, 0].map(u16::to_le_bytes).concat(), // type 4: none
    ]
    .concat();
    let services = [
        (1, names(2)),
        (2, names(1)),
        (3, names(2)),
        (4, vec![]),
        (6, names(2)),
        (7, [names(2), vec![0xff; 2]].concat()),
        (8, [names(1), permissions].concat()),
        (9, vec![]),
        (10, vec![]),
    ];
    for (kind, fields) in services {
        let other = [service(kind, &some), fields].concat();
        let raw = Raw::of(vec![other.clone(), chat(&[(1, HOUR)], "alice")]);
        assert_eq!(raw.verify_at(NOW).unwrap().user_id, "alice", "type {kind}");
        for length in 0..other.len() {
            let cut = Raw {
                count: Some(1),
                ..Raw::of(vec![other[..length].to_vec()])
            };
            assert_malformed(
                Token::parse(&cut.token()),
                &format!("type {kind} cut at {length}"),
            );
        }
        // Repeats are ambiguous in Chat only; nothing else is acted upon.
        let repeated = Raw::of(vec![other.clone(), other, chat(&[(1, HOUR)], "alice")]);
        assert!(repeated.verify_at(NOW).is_ok(), "type {kind}");
    }
}

#[test]
fn an_unknown_service_ends_the_reading_and_keeps_what_came_before() {
    let unknown = || vec![99, 0, 0xff, 0xff, 0xff];
    let before = Raw::of(vec![chat(&[(1, HOUR)], "alice"), unknown()]);
    assert_eq!(before.verify_at(NOW).unwrap().user_id, "alice");
    let after = Raw::of(vec![unknown(), chat(&[(1, HOUR)], "alice")]);
    assert_eq!(after.verify_at(NOW), Err(Fault::NoChatService));
}

#[test]
fn trailing_bytes_are_signed_and_allowed() {
    let raw = Raw {
        trailing: b"for later versions".to_vec(),
        ..Raw::alice()
    };
    assert!(raw.verify_at(NOW).is_ok());
    let mut changed = raw.content();
    *changed.last_mut().unwrap() ^= 1;
    assert!(
        !Token::parse(&wire::seal(&changed))
            .unwrap()
            .signed_by(crate::support::CERTIFICATE)
    );
}

#[track_caller]
fn assert_malformed(result: Result<impl Debug, ParseError>, what: &str) {
    match result {
        Err(error) => assert_eq!(Fault::from(error), Fault::Malformed, "{what}"),
        Ok(token) => panic!("{what}: {token:?}"),
    }
}

fn unpacked_text(token: &str) -> Vec<u8> {
    STANDARD.decode(&token[3..]).unwrap()
}

fn repacked(content: &[u8], level: Compression) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), level);
    encoder.write_all(content).unwrap();
    format!("007{}", STANDARD.encode(encoder.finish().unwrap()))
}
