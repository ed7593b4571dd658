//! Nothing is taken in beyond the limit.

use websocket::{Fault, Read, Reader, Role};

use crate::support::*;

#[test]
fn a_message_up_to_the_limit() {
    expect(
        "whole",
        &[whole(BINARY, vec![1; LIMIT])],
        &[binary(vec![1; LIMIT])],
    );
    expect(
        "in fragments",
        &[
            part(BINARY, vec![1; LIMIT - 1]),
            whole(PING, "p"),
            part(CONTINUATION, [1]),
            whole(CONTINUATION, ""),
        ],
        &[
            Event::Fragment,
            ping("p"),
            Event::Fragment,
            binary(vec![1; LIMIT]),
        ],
    );
}

#[test]
fn a_message_beyond_the_limit() {
    let too_big = Event::Fault(Fault::TooBig);
    expect(
        "whole",
        &[whole(BINARY, vec![1; LIMIT + 1])],
        std::slice::from_ref(&too_big),
    );
    expect(
        "in fragments",
        &[part(BINARY, vec![1; LIMIT]), whole(CONTINUATION, [1])],
        &[Event::Fragment, too_big],
    );
}

#[test]
fn the_length_alone_is_enough() {
    let length = u64::try_from(LIMIT + 1).unwrap().to_be_bytes();
    for (role, start) in [(Role::Server, [0x82, 0xFF]), (Role::Client, [0x82, 0x7F])] {
        let mut header = [&start[..], &length].concat();
        let mut reader = Reader::new(role, LIMIT);
        assert_eq!(reader.read(&mut header), Err(Fault::TooBig));
        assert_eq!(reader.held(), 0);
    }
}

#[test]
fn control_frames_pass_whatever_the_limit() {
    let stream = raw(Role::Server, &whole(PING, [1; 125]));
    assert_eq!(read(Role::Server, 0, [&stream[..]]), [ping([1; 125])]);
    let empty = raw(Role::Server, &whole(BINARY, ""));
    assert_eq!(read(Role::Server, 0, [&empty[..]]), [binary("")]);
    let one = raw(Role::Server, &whole(BINARY, "x"));
    assert_eq!(
        read(Role::Server, 0, [&one[..]]),
        [Event::Fault(Fault::TooBig)]
    );
}

#[test]
fn what_is_needed_grows_with_what_is_known() {
    let frame = raw(Role::Server, &whole(BINARY, [7; 200]));
    let mut reader = Reader::new(Role::Server, LIMIT);
    for (there, needed) in [
        (0, 2),
        (1, 2),
        (2, 8),
        (3, 8),
        (4, 208),
        (8, 208),
        (207, 208),
    ] {
        let mut buffer = frame[..there].to_vec();
        assert_eq!(reader.read(&mut buffer), Ok(Read::Need(needed)), "{there}");
        assert_eq!(
            buffer,
            frame[..there],
            "nothing is unmasked before its time"
        );
    }
}

#[test]
fn memory_is_held_only_for_a_message_under_way() {
    let mut stream = [
        raw(Role::Client, &part(BINARY, [1; 40])),
        raw(Role::Client, &part(CONTINUATION, [2; 50])),
        raw(Role::Client, &whole(CONTINUATION, [3; 10])),
    ]
    .concat();
    let mut reader = Reader::new(Role::Client, 100);
    let mut at = 0;
    for held in [40, 90, 100] {
        at += step(&mut reader, &mut stream[at..], 100).unwrap().1;
        assert!((held..=100).contains(&reader.held()));
    }
    assert_eq!(reader.read(&mut stream[at..]), Ok(Read::Need(2)));
    assert_eq!(reader.held(), 0);
}
