//! The shared vectors, made with the vendor's package: what it signs we accept, and the reverse.

use std::collections::BTreeMap;
use std::io::Read as _;

use access_token::{ChatTokenBuilder, Expected, Fault, Policy, Token, inspect, verify};
use base64::Engine as _;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    app_id: String,
    app_certificate: String,
    now: u64,
    token: String,
    expect: Expect,
    decoded: Option<Decoded>,
    signature_hex: Option<String>,
    signing_info_hex: Option<String>,
    agora_token_npm: Option<Npm>,
}

#[derive(Deserialize)]
struct Expect {
    valid: serde_json::Value,
    kind: Option<String>,
    user_id: Option<String>,
    not_after: Option<u64>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Decoded {
    app_id: String,
    issue_ts: u64,
    expire: u64,
    salt: u32,
    services: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    r#type: u16,
    privileges: BTreeMap<String, u32>,
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct Npm {
    signature_ok: bool,
}

#[test]
fn the_verdict_is_the_expected_one() {
    for vector in load() {
        let expected = Expected {
            app_id: &vector.app_id,
            certificates: &[vector.app_certificate.as_str()],
        };
        let verdict = verify(&vector.token, &expected, vector.now, &Policy::default());
        match (vector.expect.valid.as_bool(), verdict) {
            (Some(true), Ok(verified)) => {
                assert_eq!(
                    Some(verified.kind.as_str()),
                    vector.expect.kind.as_deref(),
                    "{}",
                    vector.name
                );
                assert_eq!(
                    Some(verified.user_id),
                    vector.expect.user_id,
                    "{}",
                    vector.name
                );
                assert_eq!(
                    Some(verified.not_after),
                    vector.expect.not_after,
                    "{}",
                    vector.name
                );
            }
            (Some(false), Err(fault)) => {
                assert_eq!(
                    Some(fault.as_str()),
                    vector.expect.reason.as_deref(),
                    "{}",
                    vector.name
                );
            }
            // Undocumented by the vendor: a privilege value of 0. Here it is over at once.
            (None, Err(Fault::PrivilegeExpired)) => assert_eq!(vector.expect.valid, "policy"),
            (_, verdict) => panic!("{}: {verdict:?}", vector.name),
        }
    }
}

#[test]
fn inspection_agrees_with_verification() {
    for vector in load() {
        let certificate = Some(vector.app_certificate.as_str());
        let seen = inspect(
            &vector.token,
            Some(&vector.app_id),
            certificate,
            vector.now,
            &Policy::default(),
        );
        assert_eq!(
            seen.valid,
            Some(vector.expect.valid == true),
            "{}",
            vector.name
        );
        if vector.expect.valid == true {
            assert_eq!(seen.user_id, vector.expect.user_id, "{}", vector.name);
            assert_eq!(seen.not_after, vector.expect.not_after, "{}", vector.name);
        }
        if let Some(reason) = vector.expect.reason {
            assert_eq!(
                seen.reason.map(Fault::as_str),
                Some(reason.as_str()),
                "{}",
                vector.name
            );
        }
    }
}

#[test]
fn signatures_are_what_the_vendors_package_says() {
    for vector in load() {
        let Some(npm) = vector.agora_token_npm else {
            continue;
        };
        let signed =
            Token::parse(&vector.token).is_ok_and(|token| token.signed_by(&vector.app_certificate));
        assert_eq!(signed, npm.signature_ok, "{}", vector.name);
    }
}

#[test]
fn fields_are_read_as_they_were_written() {
    for vector in load() {
        let (Some(decoded), Ok(token)) = (&vector.decoded, Token::parse(&vector.token)) else {
            continue;
        };
        assert_eq!(token.app_id(), decoded.app_id, "{}", vector.name);
        assert_eq!(token.issued_at(), decoded.issue_ts, "{}", vector.name);
        assert_eq!(
            token.expires_at(),
            decoded.issue_ts + decoded.expire,
            "{}",
            vector.name
        );
        let written = decoded.services.iter().find(|service| service.r#type == 5);
        assert_eq!(token.chat().is_some(), written.is_some(), "{}", vector.name);
        if let (Some(chat), Some(written)) = (token.chat(), written) {
            assert_eq!(
                chat.user_privilege(),
                written.privileges.get("1").copied(),
                "{}",
                vector.name
            );
            assert_eq!(
                chat.app_privilege(),
                written.privileges.get("2").copied(),
                "{}",
                vector.name
            );
            assert_eq!(
                Some(latin1(chat.user_id())),
                written.user_id,
                "{}",
                vector.name
            );
        }
    }
}

#[test]
fn the_builder_makes_the_vendors_bytes() {
    let mut compared = 0;
    for vector in load() {
        let (true, Some(decoded)) = (vector.expect.valid == true, &vector.decoded) else {
            continue;
        };
        let [chat] = decoded.services.as_slice() else {
            continue;
        };
        if chat
            .privileges
            .values()
            .any(|value| u64::from(*value) != decoded.expire)
        {
            continue;
        }
        let user_id = vector.expect.user_id.unwrap();
        let (ttl, issued_at) = (decoded.expire as u32, decoded.issue_ts as u32);
        let builder = ChatTokenBuilder::new(
            &vector.app_id,
            &vector.app_certificate,
            ttl,
            issued_at,
            decoded.salt,
        );
        let builder = if user_id.is_empty() {
            builder.app()
        } else {
            builder.user(&user_id)
        };
        let signature = vector.signature_hex.unwrap();
        let content = format!("2000{signature}{}", vector.signing_info_hex.unwrap());
        assert_eq!(
            hex::encode(unseal(&builder.build().unwrap())),
            content,
            "{}",
            vector.name
        );
        compared += 1;
    }
    assert!(compared >= 6, "only {compared} vectors could be compared");
}

/// `decoded` gives each byte of a user id as one character.
fn latin1(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

fn unseal(token: &str) -> Vec<u8> {
    let packed = base64::engine::general_purpose::STANDARD
        .decode(&token[3..])
        .unwrap();
    let mut content = Vec::new();
    flate2::read::ZlibDecoder::new(packed.as_slice())
        .read_to_end(&mut content)
        .unwrap();
    content
}

fn load() -> Vec<Vector> {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../vectors/accesstoken2-vectors.json")).unwrap();
    assert_eq!(vectors.vectors.len(), 25);
    vectors.vectors
}
