//! `tokens inspect`: verdicts with and without a certificate.

use access_token::{Fault, Inspection, Kind, Policy, inspect};

use crate::support::{APP_ID, CERTIFICATE, DAY, HOUR, ISSUED, NOW, OTHER_CERTIFICATE, Raw, chat};

fn look(text: &str, app_id: Option<&str>, certificate: Option<&str>) -> Inspection {
    inspect(text, app_id, certificate, NOW, &Policy::default())
}

fn alice(valid: Option<bool>, reason: Option<Fault>) -> Inspection {
    Inspection {
        valid,
        app_id: Some(APP_ID.into()),
        kind: Some(Kind::User),
        user_id: Some("alice".into()),
        issued_at: Some(ISSUED.into()),
        not_after: Some(u64::from(ISSUED + HOUR)),
        reason,
    }
}

#[test]
fn without_a_certificate_a_good_token_stays_undecided() {
    let token = Raw::alice().token();
    assert_eq!(look(&token, None, None), alice(None, None));
    assert_eq!(look(&token, Some(APP_ID), None), alice(None, None));
}

#[test]
fn with_a_certificate_it_is_decided() {
    let token = Raw::alice().token();
    assert_eq!(
        look(&token, None, Some(CERTIFICATE)),
        alice(Some(true), None)
    );
    assert_eq!(
        look(&token, Some(APP_ID), Some(CERTIFICATE)),
        alice(Some(true), None)
    );
    let forged = alice(Some(false), Some(Fault::BadSignature));
    assert_eq!(look(&token, None, Some(OTHER_CERTIFICATE)), forged);
    let other_app = alice(Some(false), Some(Fault::AppMismatch));
    assert_eq!(
        look(&token, Some(OTHER_CERTIFICATE), Some(OTHER_CERTIFICATE)),
        other_app
    );
}

#[test]
fn faults_that_show_without_a_certificate_decide() {
    let app = look(&Raw::alice().token(), Some(OTHER_CERTIFICATE), None);
    assert_eq!(app, alice(Some(false), Some(Fault::AppMismatch)));

    let over = look(
        &Raw {
            expire: 1,
            ..Raw::alice()
        }
        .token(),
        None,
        None,
    );
    assert_eq!(
        (over.valid, over.reason),
        (Some(false), Some(Fault::TokenExpired))
    );
    assert_eq!(over.not_after, Some(u64::from(ISSUED) + 1));

    let zero = look(&Raw::of(vec![chat(&[(1, 0)], "alice")]).token(), None, None);
    assert_eq!(
        (zero.valid, zero.reason),
        (Some(false), Some(Fault::PrivilegeExpired))
    );
    assert_eq!(zero.not_after, Some(ISSUED.into()));

    let none = look(&Raw::of(vec![]).token(), None, None);
    assert_eq!(
        (none.valid, none.reason),
        (Some(false), Some(Fault::NoChatService))
    );
    assert_eq!(
        (none.kind, none.user_id, none.app_id.as_deref()),
        (None, None, Some(APP_ID))
    );
}

#[test]
fn what_cannot_be_read_is_not_made_up() {
    for (text, reason) in [("006abc", Fault::BadVersion), ("007abc", Fault::Malformed)] {
        let nothing = Inspection {
            valid: Some(false),
            reason: Some(reason),
            ..Inspection::default()
        };
        assert_eq!(look(text, Some(APP_ID), Some(CERTIFICATE)), nothing);
    }
}

#[test]
fn the_end_is_at_most_a_day_after_the_issue() {
    let raw = Raw {
        expire: u32::MAX,
        ..Raw::of(vec![chat(&[(2, u32::MAX)], "")])
    };
    let seen = look(&raw.token(), None, None);
    assert_eq!(seen.not_after, Some(u64::from(ISSUED + DAY)));
    assert_eq!(
        (seen.kind, seen.user_id.as_deref()),
        (Some(Kind::App), Some(""))
    );
}

#[test]
fn debug_shows_no_person() {
    let shown = format!("{:?}", look(&Raw::alice().token(), None, None));
    assert!(
        shown.contains(APP_ID) && !shown.contains("alice"),
        "{shown}"
    );
}
