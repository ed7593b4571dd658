//! What is not the envelope of a token: version, base64, zlib, sizes.

use std::io::Write as _;

use access_token::{Fault, ParseError, Token, wire};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::support::{HOUR, Raw, chat};

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

fn unpacked_text(token: &str) -> Vec<u8> {
    STANDARD.decode(&token[3..]).unwrap()
}

fn repacked(content: &[u8], level: Compression) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), level);
    encoder.write_all(content).unwrap();
    format!("007{}", STANDARD.encode(encoder.finish().unwrap()))
}
