//! What verification refuses, and in which order. Each test names its control.

use std::time::Duration;

use access_token::{Expected, Fault, Kind, Policy, Token, verify};

use crate::support::{
    APP_ID, CERTIFICATE, DAY, EXPECTED, HOUR, ISSUED, NOW, OTHER_CERTIFICATE, Raw, chat, service,
    string,
};

#[test]
fn the_app_id_is_compared_letter_for_letter() {
    let token = Raw::alice().token();
    for app_id in [
        "",
        &APP_ID[..31],
        &APP_ID.to_lowercase(),
        &APP_ID.to_uppercase(),
        OTHER_CERTIFICATE,
    ] {
        let expected = Expected {
            app_id,
            certificates: &[CERTIFICATE],
        };
        assert_eq!(
            verify(&token, &expected, NOW, &Policy::default()),
            Err(Fault::AppMismatch),
            "{app_id}"
        );
    }
}

#[test]
fn any_certificate_of_the_app_will_do_and_none_will_not() {
    let token = Raw::alice().token();
    let with = |certificates: &[&str]| {
        verify(
            &token,
            &Expected {
                app_id: APP_ID,
                certificates,
            },
            NOW,
            &Policy::default(),
        )
        .err()
    };
    let lower_case = CERTIFICATE.to_lowercase();
    assert_eq!(with(&[CERTIFICATE]), None);
    assert_eq!(with(&[OTHER_CERTIFICATE, CERTIFICATE]), None);
    assert_eq!(with(&[CERTIFICATE, OTHER_CERTIFICATE]), None);
    assert_eq!(with(&[]), Some(Fault::BadSignature));
    assert_eq!(with(&[OTHER_CERTIFICATE]), Some(Fault::BadSignature));
    assert_eq!(with(&[lower_case.as_str()]), Some(Fault::BadSignature));
    assert_eq!(with(&[&CERTIFICATE[..31]]), Some(Fault::BadSignature));
}

#[test]
fn an_empty_certificate_signs_nothing() {
    let raw = Raw::alice();
    let info = raw.signing_info();
    let signature = access_token::wire::sign("", raw.issued_at, raw.salt, &info);
    let text = access_token::wire::seal(&[string(&signature), info].concat());
    assert!(!Token::parse(&text).unwrap().signed_by(""));
}

#[test]
fn a_token_without_chat_opens_nothing() {
    let rtm = [service(2, &[(1, HOUR)]), string(b"alice")].concat();
    assert_eq!(Raw::of(vec![rtm]).verify_at(NOW), Err(Fault::NoChatService));
    assert_eq!(Raw::of(vec![]).verify_at(NOW), Err(Fault::NoChatService));
}

#[test]
fn privileges_make_the_kind() {
    let hour = |keys: &[u16]| keys.iter().map(|key| (*key, HOUR)).collect::<Vec<_>>();
    let cases: &[(&[u16], &str, Result<(Kind, &str), Fault>)] = &[
        (&[1], "alice", Ok((Kind::User, "alice"))),
        (&[2], "", Ok((Kind::App, ""))),
        (&[2], "alice", Ok((Kind::App, ""))),
        (&[1, 2], "alice", Ok((Kind::UserAndApp, "alice"))),
        (&[2, 1], "alice", Ok((Kind::UserAndApp, "alice"))),
        (&[1, 2], "", Ok((Kind::App, ""))),
        (&[1, 3], "alice", Ok((Kind::User, "alice"))),
        (&[1], "", Err(Fault::NoChatPrivilege)),
        (&[], "alice", Err(Fault::NoChatPrivilege)),
        (&[0, 3], "alice", Err(Fault::NoChatPrivilege)),
    ];
    for (keys, user_id, expected) in cases {
        let verdict = Raw::of(vec![chat(&hour(keys), user_id)]).verify_at(NOW);
        let seen = verdict.map(|verified| (verified.kind, verified.user_id));
        assert_eq!(
            seen,
            expected.map(|(kind, id)| (kind, id.to_owned())),
            "{keys:?} {user_id:?}"
        );
    }
}

#[test]
fn a_token_ends_at_its_expiry() {
    let raw = Raw {
        expire: 100,
        ..Raw::alice()
    };
    let end = u64::from(ISSUED) + 100;
    assert_eq!(raw.verify_at(end - 1).unwrap().not_after, end);
    assert_eq!(raw.verify_at(end), Err(Fault::TokenExpired));
    assert_eq!(raw.verify_at(u64::MAX), Err(Fault::TokenExpired));
}

#[test]
fn a_token_ends_when_policy_says_so() {
    let raw = Raw {
        expire: u32::MAX,
        ..Raw::of(vec![chat(&[(1, u32::MAX)], "alice")])
    };
    let end = u64::from(ISSUED + DAY);
    assert_eq!(raw.verify_at(end - 1).unwrap().not_after, end);
    assert_eq!(raw.verify_at(end), Err(Fault::TokenExpired));

    let hour = Policy {
        max_age: Duration::from_secs(3600),
        ..Policy::default()
    };
    let at = |now| verify(&raw.token(), &EXPECTED, now, &hour);
    assert_eq!(
        at(u64::from(ISSUED) + 3599).unwrap().not_after,
        u64::from(ISSUED) + 3600
    );
    assert_eq!(at(u64::from(ISSUED) + 3600), Err(Fault::TokenExpired));
}

#[test]
fn times_do_not_wrap_at_32_bits() {
    let raw = Raw {
        issued_at: u32::MAX - 10,
        expire: u32::MAX,
        ..Raw::of(vec![chat(&[(1, u32::MAX)], "a")])
    };
    let ages = Policy {
        max_age: Duration::MAX,
        clock_skew: Duration::MAX,
    };
    let verified = verify(&raw.token(), &EXPECTED, NOW, &ages).unwrap();
    assert_eq!(verified.not_after, 2 * u64::from(u32::MAX) - 10);
    assert_eq!(
        verified.not_after,
        Token::parse(&raw.token()).unwrap().expires_at()
    );
}

#[test]
fn each_privilege_ends_the_token() {
    for (keys, first) in [
        ([(1, 100), (2, 200)], 100),
        ([(1, 200), (2, 100)], 100),
        ([(1, 0), (2, 100)], 0),
    ] {
        let raw = Raw::of(vec![chat(&keys, "alice")]);
        let end = u64::from(ISSUED) + first;
        assert_eq!(raw.verify_at(end), Err(Fault::PrivilegeExpired), "{keys:?}");
        if first > 0 {
            assert_eq!(raw.verify_at(end - 1).unwrap().not_after, end, "{keys:?}");
        }
    }
    // A user privilege that names nobody still ends it; one that Chat doesn't know does not.
    let nobody = Raw::of(vec![chat(&[(1, 100), (2, HOUR)], "")]);
    assert_eq!(nobody.verify_at(NOW), Err(Fault::PrivilegeExpired));
    let unknown = Raw::of(vec![chat(&[(1, HOUR), (3, 100)], "alice")]);
    assert_eq!(
        unknown.verify_at(NOW).unwrap().not_after,
        u64::from(ISSUED + HOUR)
    );
}

#[test]
fn a_length_of_zero_is_over_even_before_the_issue() {
    let before = u64::from(ISSUED) - 30;
    let privilege = Raw::of(vec![chat(&[(1, 0)], "alice")]);
    assert_eq!(privilege.verify_at(before), Err(Fault::PrivilegeExpired));
    assert_eq!(
        Raw {
            expire: 0,
            ..Raw::alice()
        }
        .verify_at(before),
        Err(Fault::TokenExpired)
    );
}

#[test]
fn the_future_is_allowed_as_far_as_the_skew() {
    let issued = u64::from(ISSUED);
    assert!(Raw::alice().verify_at(issued - 60).is_ok());
    assert_eq!(Raw::alice().verify_at(issued - 61), Err(Fault::NotYetValid));
    assert_eq!(Raw::alice().verify_at(0), Err(Fault::NotYetValid));
    let strict = Policy {
        clock_skew: Duration::ZERO,
        ..Policy::default()
    };
    assert!(verify(&Raw::alice().token(), &EXPECTED, issued, &strict).is_ok());
    let early = verify(&Raw::alice().token(), &EXPECTED, issued - 1, &strict);
    assert_eq!(early, Err(Fault::NotYetValid));
}

/// One token with every fault at once; each is repaired in turn, and the next one shows.
#[test]
fn the_first_fault_in_order_is_the_one_reported() {
    let mut raw = Raw {
        expire: 0,
        ..Raw::of(vec![])
    };
    let wrong = Expected {
        app_id: OTHER_CERTIFICATE,
        certificates: &[OTHER_CERTIFICATE],
    };
    let forged = Expected {
        app_id: APP_ID,
        certificates: &[OTHER_CERTIFICATE],
    };
    let early = u64::from(ISSUED) - 100;
    let mut seen = Vec::new();
    let mut see = |raw: &Raw, text: &str, expected, now| {
        let text = if text.is_empty() {
            raw.token()
        } else {
            text.to_owned()
        };
        seen.push(verify(&text, expected, now, &Policy::default()).unwrap_err());
    };
    see(&raw, "006!", &wrong, early);
    see(&raw, "007!", &wrong, early);
    see(&raw, "", &wrong, early);
    see(&raw, "", &forged, early);
    see(&raw, "", &EXPECTED, early);
    raw.services = vec![chat(&[(1, 0)], "")];
    see(&raw, "", &EXPECTED, early);
    raw.services = vec![chat(&[(1, 0)], "alice")];
    see(&raw, "", &EXPECTED, early);
    see(&raw, "", &EXPECTED, NOW);
    raw.expire = HOUR;
    see(&raw, "", &EXPECTED, NOW);
    assert_eq!(seen, Fault::ALL);
    assert!(seen.is_sorted());
}

#[test]
fn debug_shows_no_secret_and_no_person() {
    let token = Token::parse(&Raw::alice().token()).unwrap();
    let verified = token.check(&EXPECTED, NOW, &Policy::default()).unwrap();
    let shown = format!("{token:?} {verified:?} {EXPECTED:?} {:?}", token.chat());
    assert!(shown.contains(APP_ID) && shown.contains("not_after"));
    for hidden in ["alice", CERTIFICATE, "signature", "content", "salt"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}
