//! The two frames that are changed, byte by byte.

use msync::{Command, Fault, add_expiry, inspect_up, negotiate_down, read_provision_answer};

use crate::agree::agree;
use crate::support::{APP, field, frame, number};

/// The fields of a PROVISION.
type Payload<'a> = &'a [&'a [u8]];

/// What `negotiate_down` makes of it; `None` where it stays.
fn negotiated(frame: &[u8]) -> Option<Vec<u8>> {
    agree(frame, APP);
    let mut out = Vec::new();
    negotiate_down(frame, &mut out).unwrap().then_some(out)
}

fn provision(payload: &[&[u8]]) -> Vec<u8> {
    frame(Command::Provision, &payload.concat())
}

#[test]
fn none_is_all_that_is_offered() {
    let other = field(12, "webim");
    let n = |value: u64| number(5, value);
    let cases: &[(Payload<'_>, Option<Payload<'_>>)] = &[
        (&[&other], None),
        (&[&n(0), &other], None),
        (&[&field(5, [0]), &other], None),
        (&[&field(5, []), &other], None),
        (&[&field(5, []), &n(0), &other], None),
        (&[&[0x28, 0x80, 0x00], &other], None),
        (&[&n(0), &other, &n(1)], Some(&[&n(0), &other])),
        (&[&n(2), &other, &n(0)], Some(&[&n(0), &other])),
        (&[&n(0), &n(0), &other], Some(&[&n(0), &other])),
        (&[&n(1), &other], Some(&[&n(0), &other])),
        (&[&field(5, [0, 1]), &other], Some(&[&n(0), &other])),
        (
            &[&other, &field(5, []), &field(5, [2])],
            Some(&[&other, &n(0)]),
        ),
        (&[&number(6, 1), &other], Some(&[&number(6, 0), &other])),
        (&[&field(7, "key"), &other], Some(&[&other])),
        (&[&number(22, 2), &number(23, 2), &other], Some(&[&other])),
        (&[&field(22, [2]), &other, &field(22, [])], Some(&[&other])),
    ];
    for (before, after) in cases {
        let expected = after.map(provision);
        assert_eq!(negotiated(&provision(before)), expected, "{before:?}");
    }
}

#[test]
fn the_envelope_too() {
    let login =
        |envelope: &[&[u8]]| [&number(8, 3), &envelope.concat()[..], &field(99, "x")].concat();
    let payload = field(9, field(12, "webim"));
    assert_eq!(negotiated(&login(&[&payload, &number(11, 0)])), None);
    let after = login(&[&payload, &number(11, 0)]);
    assert_eq!(
        negotiated(&login(&[&payload, &number(11, 3), &number(11, 0)])),
        Some(after)
    );
    let after = login(&[&payload]);
    assert_eq!(
        negotiated(&login(&[&field(12, "key"), &payload])),
        Some(after)
    );
    // A length that is longer than it need be stays when its content does.
    let long = login(&[&[0x4a, 0x82, 0x00, 0x28, 0x00]]);
    assert_eq!(negotiated(&long), None);
}

#[test]
fn what_cannot_be_read_is_not_changed() {
    let mut out = b"kept".to_vec();
    let sealed = [number(4, 1), provision(&[])].concat();
    assert_eq!(negotiate_down(&sealed, &mut out), Err(Fault::Compressed));
    assert_eq!(add_expiry(&sealed, 1, &mut out), Err(Fault::Compressed));
    let sync = frame(Command::Sync, &[]);
    assert_eq!(negotiate_down(&sync, &mut out), Err(Fault::NotProvision));
    assert_eq!(add_expiry(&sync, 1, &mut out), Err(Fault::NotProvision));
    assert_eq!(negotiate_down(&[0x4a], &mut out), Err(Fault::Truncated));
    assert_eq!(out, b"kept");
}

#[test]
fn an_expiry_is_added_at_the_end_of_the_payload() {
    let status = field(8, number(1, 0));
    let answer = |payload: &[&[u8]]| [provision(payload), number(20, 7)].concat();
    let mut out = Vec::new();
    add_expiry(&answer(&[&status]), 1_795_452_154_663, &mut out).unwrap();
    let token = field(18, r#"{"expires_in":1795452154663}"#);
    assert_eq!(out, answer(&[&status, &token]));
    let read = read_provision_answer(&out, APP).unwrap();
    assert_eq!(
        read.auth_token,
        Some(&br#"{"expires_in":1795452154663}"#[..])
    );

    let mut again = Vec::new();
    add_expiry(&out, 9, &mut again).unwrap();
    assert_eq!(again, out, "the data centre's own word stands");

    let mut bare = Vec::new();
    add_expiry(&number(8, 3), 5, &mut bare).unwrap();
    assert_eq!(bare, provision(&[&field(18, r#"{"expires_in":5}"#)]));
    assert!(inspect_up(&bare, APP).is_ok());
}
