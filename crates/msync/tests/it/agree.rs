//! Ours and prost's reading of the same bytes. Also used by the fuzzer.

use std::fmt::Debug;

use msync::{
    Fault, add_expiry, envelope_auth, inspect_down, inspect_up, negotiate_down, read_provision,
    read_provision_answer,
};

use crate::oracle::{self, Frame, Payload, Refused};

/// Every reading and every edit of `frame`, held against prost.
///
/// # Panics
/// If they differ in more than what is refused on purpose.
pub fn agree(frame: &[u8], app_key: &str) {
    same(inspect_up(frame, app_key), oracle::up(frame, app_key));
    same(inspect_down(frame, app_key), oracle::down(frame, app_key));
    match read_provision(frame) {
        Ok(ours) => oracle::provision(frame, |theirs| assert!(ours == theirs))
            .expect("prost reads what we read"),
        Err(fault) => strict(fault, oracle::provision(frame, |_| ())),
    }
    match read_provision_answer(frame, app_key) {
        Ok(ours) => oracle::answer(frame, app_key, |theirs| assert!(ours == theirs))
            .expect("prost reads what we read"),
        Err(fault) => strict(fault, oracle::answer(frame, app_key, |_| ())),
    }
    if oracle::up(frame, app_key).is_ok() && inspect_up(frame, app_key).is_ok() {
        let auth = oracle::auth(frame);
        assert_eq!(envelope_auth(frame), auth.as_deref());
    }
    negotiated(frame);
    expiring(frame);
}

fn same<T: Debug + PartialEq>(ours: Result<T, Fault>, theirs: Result<T, Refused>) {
    match ours {
        Ok(ours) => assert_eq!(ours, theirs.expect("prost reads what we read")),
        Err(fault) => strict(fault, theirs),
    }
}

/// We refuse what prost refuses, and beyond it only what is meant.
fn strict<T>(fault: Fault, theirs: Result<T, Refused>) {
    match (fault, theirs) {
        (Fault::Twice | Fault::Depth | Fault::Count, _) | (_, Err(_)) => {}
        (fault, Ok(_)) => panic!("{fault:?}, but prost reads it"),
    }
}

/// `negotiate_down` does to the bytes what plain code does to the decoded frame.
fn negotiated(frame: &[u8]) {
    let mut out = b"before".to_vec();
    let result = negotiate_down(frame, &mut out);
    assert!(out.starts_with(b"before"));
    let edited = &out[6..];
    let Ok(changed) = result else {
        assert!(edited.is_empty());
        assert!(read_provision(frame).is_err() || result == Err(Fault::Compressed));
        return;
    };
    assert_eq!(changed, !edited.is_empty());
    let edited = if changed { edited } else { frame };
    let (mut envelope, mut login) = login(frame);
    none(&mut envelope.encrypt_type);
    none(&mut login.compress_type);
    none(&mut login.encrypt_type);
    (envelope.encrypt_key, login.encrypt_key) = (None, None);
    login.protocol_compress_type.clear();
    login.protocol_compress_direction = None;
    assert_eq!(self::login(edited), (envelope, login));
    assert_eq!(
        negotiate_down(edited, &mut Vec::new()),
        Ok(false),
        "once is enough"
    );
}

fn none(kinds: &mut Vec<i32>) {
    if !kinds.is_empty() {
        *kinds = vec![0];
    }
}

/// Likewise `add_expiry`.
fn expiring(frame: &[u8]) {
    let mut out = Vec::new();
    let result = add_expiry(frame, 1_795_452_154_663, &mut out);
    if result.is_err() {
        assert!(out.is_empty());
        assert!(read_provision_answer(frame, "").is_err() || result == Err(Fault::Compressed));
        return;
    }
    let (envelope, mut login) = login(frame);
    let json = || r#"{"expires_in":1795452154663}"#.to_owned();
    login.auth_token.get_or_insert_with(json);
    assert_eq!(self::login(&out), (envelope, login));
    let mut again = Vec::new();
    assert_eq!(add_expiry(&out, 1, &mut again), Ok(()));
    assert_eq!(again, out, "once is enough");
}

/// The envelope without its payload, and that.
fn login(frame: &[u8]) -> (msync::schema::MSync, msync::schema::Provision) {
    let Frame {
        mut envelope,
        payload,
    } = Frame::decode(frame, false).expect("a frame");
    let Payload::Provision(login) = payload else {
        panic!("no PROVISION");
    };
    envelope.payload = None;
    (envelope, *login)
}
