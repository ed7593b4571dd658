//! Properties over generated frames and bytes.

use proptest::prelude::*;
use websocket::{
    MAX_HEADER, Opcode, Read, Reader, Role, append_frame, close_frame, mask, remask, write_header,
};

use crate::support::*;

proptest! {
    #[test]
    fn chopping_changes_nothing(
        frames in prop::collection::vec(any_frame(), 0..12),
        server: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        broken: Option<(prop::sample::Index, u8)>,
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let mut stream: Vec<u8> = frames.iter().flat_map(|frame| raw(role, frame)).collect();
        if let (Some((at, with)), false) = (broken, stream.is_empty()) {
            *at.get_mut(&mut stream) = with;
        }
        let whole = read(role, 600, [&stream[..]]);
        prop_assert_eq!(&whole, &read(role, 600, stream.chunks(1)));
        prop_assert_eq!(&whole, &read(role, 600, pieces(&stream, &cuts)));
    }

    #[test]
    fn masking_twice_is_nothing(mut payload: Vec<u8>, key: [u8; 4]) {
        let before = payload.clone();
        mask(&mut payload, key);
        mask(&mut payload, key);
        prop_assert_eq!(payload, before);
    }

    #[test]
    fn what_is_written_is_read(payload in payload(), key: Option<[u8; 4]>) {
        let mut out = Vec::new();
        append_frame(&mut out, Opcode::Binary, &payload, key);
        let mut header = [0; MAX_HEADER];
        let length = write_header(&mut header, Opcode::Binary, payload.len(), key);
        prop_assert_eq!(&out[..length], &header[..length]);
        let role = if key.is_some() { Role::Server } else { Role::Client };
        prop_assert_eq!(read(role, LIMIT, [&out[..]]), [binary(&payload)]);
    }

    #[test]
    fn what_is_masked_again_is_the_same_message(payload in payload(), first: [u8; 4], second: [u8; 4]) {
        let (mut frame, mut expected) = (Vec::new(), Vec::new());
        append_frame(&mut frame, Opcode::Binary, &payload, Some(first));
        append_frame(&mut expected, Opcode::Binary, &payload, Some(second));
        let mut reader = Reader::new(Role::Server, LIMIT);
        let Ok(Read::Message { header, whole: true, .. }) = reader.read(&mut frame) else {
            return Err(TestCaseError::fail("not a whole message"));
        };
        remask(&mut frame, header, second);
        prop_assert_eq!(frame, expected);
    }

    #[test]
    fn what_is_closed_with_is_read(code in 3000..5000_u16, reason in "\\PC{0,200}", key: Option<[u8; 4]>) {
        let mut out = Vec::new();
        close_frame(&mut out, code, &reason, key);
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let seen = read(role, 0, [&out[..]]);
        let [Event::Close(Some(seen_code), seen_reason)] = &seen[..] else {
            return Err(TestCaseError::fail(format!("{seen:?}")));
        };
        prop_assert_eq!(*seen_code, code);
        prop_assert!(reason.starts_with(seen_reason));
        prop_assert!(seen_reason.len() > 119 || *seen_reason == reason);
    }
}

/// Mostly right frames; which of them are in turn is left to chance.
fn any_frame() -> impl Strategy<Value = Plain> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x00, 0x80, 0x01, 0x81, 0x02, 0x82, 0x89, 0x8A]),
        1 => Just(0x88_u8),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..20),
        4 => "\\PC{0,40}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 100..300),
    ];
    (first, payload)
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..300),
        1 => prop::collection::vec(any::<u8>(), 65_500..65_600),
    ]
}

fn pieces<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| &stream[pair[0]..pair[1]])
        .collect()
}
