//! Sizes, pings, reserved bits and opcodes, lengths, masking: what sections 1 to 4 of the Autobahn
//! test suite check, and what it leaves out.

use websocket::{Fault, Role};

use crate::support::*;

#[test]
fn messages_of_every_size_of_length() {
    for size in [
        0, 1, 7, 8, 9, 124, 125, 126, 127, 128, 200, 65_534, 65_535, 65_536, LIMIT,
    ] {
        let bytes: Vec<u8> = (0..size).map(|at| at as u8).collect();
        expect("binary", &[whole(BINARY, &bytes)], &[binary(&bytes)]);
        let letters = "*".repeat(size);
        expect("text", &[whole(TEXT, &letters)], &[text(&letters)]);
    }
}

#[test]
fn pings_and_pongs() {
    let all: Vec<u8> = (0..125).collect();
    let ten: Vec<Plain> = (0..10_u8).map(|n| whole(PING, [n; 3])).collect();
    let ten_seen: Vec<Event> = (0..10_u8).map(|n| ping([n; 3])).collect();
    let rows: [(&str, &[Plain], &[Event]); 7] = [
        ("2.1 empty", &[whole(PING, "")], &[ping("")]),
        ("2.2 text", &[whole(PING, "Hello")], &[ping("Hello")]),
        (
            "2.3 not text",
            &[whole(PING, [0, 255, 254])],
            &[ping([0, 255, 254])],
        ),
        ("2.4 125 bytes", &[whole(PING, &all)], &[ping(&all)]),
        (
            "2.5 126 bytes",
            &[whole(PING, [0; 126])],
            &[Event::Fault(Fault::ControlTooLong)],
        ),
        (
            "2.7 to 2.9 unsolicited pongs",
            &[whole(PONG, ""), whole(PONG, "x"), whole(PING, "y")],
            &[Event::Pong, Event::Pong, ping("y")],
        ),
        ("2.10 ten", &ten, &ten_seen),
    ];
    for (name, frames, events) in rows {
        expect(name, frames, events);
    }
}

#[test]
fn reserved_bits() {
    for bits in 1..8_u8 {
        for opcode in [TEXT, BINARY, PING, PONG, CLOSE] {
            let bad = (FIN | (bits << 4) | opcode, b"x".to_vec());
            expect(
                "3",
                &[whole(TEXT, "a"), bad, whole(PING, "")],
                &[text("a"), Event::Fault(Fault::ReservedBits)],
            );
        }
    }
}

#[test]
fn reserved_opcodes() {
    for opcode in (3..8).chain(11..16) {
        for payload in ["", "x"] {
            expect(
                "4",
                &[whole(TEXT, "a"), whole(opcode, payload), whole(PING, "")],
                &[text("a"), Event::Fault(Fault::ReservedOpcode)],
            );
        }
    }
}

#[test]
fn the_examples_of_section_5_7() {
    let long = [&[0x82, 0x7E, 0x01, 0x00][..], &[7; 256]].concat();
    let longer = [&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 65_536]].concat();
    let rows: [(&str, Role, &[u8], &[Event]); 6] = [
        (
            "unmasked text",
            Role::Client,
            b"\x81\x05Hello",
            &[text("Hello")],
        ),
        (
            "masked text",
            Role::Server,
            &[
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
            ],
            &[text("Hello")],
        ),
        (
            "fragmented",
            Role::Client,
            b"\x01\x03Hel\x80\x02lo",
            &[Event::Fragment, text("Hello")],
        ),
        (
            "ping, masked pong",
            Role::Server,
            &[
                0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
            ],
            &[Event::Pong],
        ),
        ("256 bytes", Role::Client, &long, &[binary([7; 256])]),
        ("64 KiB", Role::Client, &longer, &[binary([7; 65_536])]),
    ];
    for (name, role, stream, events) in rows {
        expect_bytes(name, role, stream, events);
    }
}

#[test]
fn headers_that_no_peer_may_send() {
    use Fault::*;
    let rows: [(&str, Role, &[u8], Fault); 16] = [
        ("client, no mask", Role::Server, b"\x82\x00", Unmasked),
        ("client, no mask, ping", Role::Server, b"\x89\x00", Unmasked),
        ("server, mask", Role::Client, b"\x82\x80\0\0\0\0", Masked),
        (
            "server, mask, close",
            Role::Client,
            b"\x88\x80\0\0\0\0",
            Masked,
        ),
        ("126 for 0", Role::Client, b"\x82\x7E\0\0", NotMinimalLength),
        (
            "126 for 125",
            Role::Client,
            b"\x82\x7E\0\x7D",
            NotMinimalLength,
        ),
        (
            "126 for 125, masked",
            Role::Server,
            b"\x82\xFE\0\x7D",
            NotMinimalLength,
        ),
        (
            "127 for 126",
            Role::Client,
            b"\x82\x7F\0\0\0\0\0\0\0\x7E",
            NotMinimalLength,
        ),
        (
            "127 for 65535",
            Role::Server,
            b"\x82\xFF\0\0\0\0\0\0\xFF\xFF",
            NotMinimalLength,
        ),
        (
            "top bit",
            Role::Client,
            b"\x82\x7F\x80\0\0\0\0\0\0\0",
            LengthTopBit,
        ),
        (
            "all bits",
            Role::Server,
            b"\x82\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            LengthTopBit,
        ),
        (
            "all bits but one",
            Role::Client,
            b"\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            TooBig,
        ),
        (
            "ping, 126 as 16 bits",
            Role::Client,
            b"\x89\x7E",
            ControlTooLong,
        ),
        ("close, 64 bits", Role::Server, b"\x88\xFF", ControlTooLong),
        ("RSV before opcode", Role::Client, b"\xF3\x80", ReservedBits),
        (
            "opcode before mask",
            Role::Client,
            b"\x83\x80",
            ReservedOpcode,
        ),
    ];
    for (name, role, stream, fault) in rows {
        expect_bytes(name, role, stream, &[Event::Fault(fault)]);
    }
}

#[test]
fn what_is_not_there_yet_is_waited_for() {
    for cut in 0..206 {
        let stream = &raw(Role::Server, &whole(BINARY, [7; 198]))[..cut];
        expect_bytes("cut off", Role::Server, stream, &[]);
    }
}
