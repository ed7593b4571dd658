//! What the builder makes, and what it refuses to make.

use access_token::{
    BuildError, ChatTokenBuilder, Kind, Policy, build_app_token, build_user_token, verify,
};

use crate::support::{APP_ID, CERTIFICATE, EXPECTED, HOUR, ISSUED, NOW};

#[test]
fn what_is_built_verifies() {
    let builder = || ChatTokenBuilder::new(APP_ID, CERTIFICATE, HOUR, ISSUED, 1);
    let cases = [
        (
            build_user_token(APP_ID, CERTIFICATE, "alice", HOUR, ISSUED, 1),
            Kind::User,
            "alice",
        ),
        (
            build_app_token(APP_ID, CERTIFICATE, HOUR, ISSUED, 99_999_999),
            Kind::App,
            "",
        ),
        (
            builder().user("alice").app().build(),
            Kind::UserAndApp,
            "alice",
        ),
        (
            builder().app().user("用户-1").build(),
            Kind::UserAndApp,
            "用户-1",
        ),
    ];
    for (token, kind, user_id) in cases {
        let verified = verify(&token.unwrap(), &EXPECTED, NOW, &Policy::default()).unwrap();
        assert_eq!((verified.kind, verified.user_id.as_str()), (kind, user_id));
        assert_eq!(verified.issued_at, u64::from(ISSUED));
        assert_eq!(verified.not_after, u64::from(ISSUED + HOUR));
    }
}

#[test]
fn what_would_not_verify_is_not_built() {
    let longest = "x".repeat(2048);
    let too_long = "x".repeat(2049);
    let user = |app_id, certificate, user_id, salt| {
        build_user_token(app_id, certificate, user_id, HOUR, ISSUED, salt).err()
    };
    assert_eq!(user(APP_ID, CERTIFICATE, &longest, 1), None);
    assert_eq!(
        user(&APP_ID[1..], CERTIFICATE, "alice", 1),
        Some(BuildError::AppId)
    );
    assert_eq!(user("", CERTIFICATE, "alice", 1), Some(BuildError::AppId));
    assert_eq!(user(APP_ID, "", "alice", 1), Some(BuildError::Certificate));
    assert_eq!(
        user(APP_ID, "ääääääääääääääää", "alice", 1),
        Some(BuildError::Certificate)
    );
    assert_eq!(user(APP_ID, CERTIFICATE, "", 1), Some(BuildError::UserId));
    assert_eq!(
        user(APP_ID, CERTIFICATE, &too_long, 1),
        Some(BuildError::UserId)
    );
    assert_eq!(
        user(APP_ID, CERTIFICATE, "alice", 0),
        Some(BuildError::Salt)
    );
    assert_eq!(
        user(APP_ID, CERTIFICATE, "alice", 100_000_000),
        Some(BuildError::Salt)
    );
    let nothing = ChatTokenBuilder::new(APP_ID, CERTIFICATE, HOUR, ISSUED, 1);
    assert!(!format!("{nothing:?}").contains(CERTIFICATE));
    assert_eq!(nothing.build(), Err(BuildError::NothingGranted));
}
