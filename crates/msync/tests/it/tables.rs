//! Every message of `msync.proto`, every field number, every wire type: read as prost reads it.
//! This is what holds the tables of `src/proto.rs`, and the control that no JID is overlooked.

use msync::{Channel, Command, Fault, inspect_down, inspect_up};

use crate::agree::agree;
use crate::support::{APP, OTHER, field, frame, number, sent, varint};

/// Where a message lies: what is around it, and the path of field numbers from there.
struct Place {
    name: &'static str,
    around: Around,
    path: &'static [u32],
    /// The fields of it that may occur only once.
    once: &'static [u32],
}

#[derive(Clone, Copy)]
enum Around {
    Envelope,
    Payload(Command),
    /// `Meta.payload` of this name space, in a SYNC of the client.
    Body(u64),
    /// Likewise in a SYNC of the data centre.
    BodyDown(u64),
}

use Around::{Body, BodyDown, Envelope, Payload};
use Command::{Logout, Notice, Provision, Sync, Unread};

const fn place(
    name: &'static str,
    around: Around,
    path: &'static [u32],
    once: &'static [u32],
) -> Place {
    Place {
        name,
        around,
        path,
        once,
    }
}

const JID: &[u32] = &[1];
const STATUS: &[u32] = &[1, 2];
const META: &[u32] = &[1, 2, 3, 5, 6];
const LOGIN: &[u32] = &[7, 8, 9, 11, 13, 14, 15, 18, 20, 23];

/// Places that only clients' frames have, or both.
#[rustfmt::skip]
const UP: &[Place] = &[
    place("MSync", Envelope, &[], &[2, 3, 4, 5, 8, 9, 12, 13, 14]),
    place("MSync.guid", Envelope, &[2], &[1, 2, 3, 4]),
    place("CommSyncUL", Payload(Sync), &[], &[1, 3]),
    place("CommSyncUL.queue", Payload(Sync), &[3], JID),
    place("CommSyncUL.roam_config", Payload(Sync), &[6], &[]),
    place("Meta", Payload(Sync), &[1], META),
    place("Meta.from", Payload(Sync), &[1, 2], JID),
    place("Meta.to", Payload(Sync), &[1, 3], &[1, 3]),
    place("Meta.ext", Payload(Sync), &[1, 8], &[]),
    place("StatisticsBody", Body(0), &[], &[]),
    place("MessageBody", Body(1), &[], &[1, 2, 3]),
    place("MessageBody.from", Body(1), &[2], JID),
    place("MessageBody.to", Body(1), &[3], JID),
    place("Content", Body(1), &[4], &[]),
    place("Content.params", Body(1), &[4, 11], &[]),
    place("Content.size", Body(1), &[4, 13], &[]),
    place("Content.thumbnail_size", Body(1), &[4, 18], &[]),
    place("Content.custom_exts", Body(1), &[4, 20], &[]),
    place("MessageBody.ext", Body(1), &[5], &[]),
    place("MessageConfig", Body(1), &[7], &[]),
    place("Stream", Body(1), &[13], &[]),
    place("MUCBody", Body(2), &[], &[1, 3, 7, 10]),
    place("MUCBody.muc_id", Body(2), &[1], JID),
    place("MUCBody.from", Body(2), &[3], JID),
    place("MUCBody.to", Body(2), &[4], JID),
    place("MUCBody.setting", Body(2), &[5], &[]),
    place("MUCBody.status", Body(2), &[8], &[]),
    place("MUCBody.muc_parent_id", Body(2), &[10], JID),
    place("MUCBody.event_info", Body(2), &[12], &[]),
    place("RosterBody", Body(3), &[], &[3]),
    place("RosterBody.status", Body(3), &[2], &[]),
    place("RosterBody.from", Body(3), &[3], JID),
    place("RosterBody.to", Body(3), &[4], JID),
    place("Meta.payload of CONFERENCE", Body(4), &[], &[]),
    place("CommUnreadUL", Payload(Unread), &[], &[]),
    place("CommNotice", Payload(Notice), &[], &[1]),
    place("CommNotice.queue", Payload(Notice), &[1], JID),
    place("Provision", Payload(Provision), &[], LOGIN),
    place("Provision.status", Payload(Provision), &[8], STATUS),
    place("Provision.status.redirect_info", Payload(Provision), &[8, 3], &[]),
    place("Logout", Payload(Logout), &[], &[3]),
    place("Logout.status", Payload(Logout), &[3], STATUS),
];

/// Places that only the data centre's frames have.
#[rustfmt::skip]
const DOWN: &[Place] = &[
    place("CommSyncDL", Payload(Sync), &[], &[1, 2, 6]),
    place("CommSyncDL.status", Payload(Sync), &[1], STATUS),
    place("CommSyncDL.status.redirect_info", Payload(Sync), &[1, 3], &[]),
    place("CommSyncDL.queue", Payload(Sync), &[6], JID),
    place("CommSyncDL.metas", Payload(Sync), &[4], META),
    place("Meta.from", Payload(Sync), &[4, 2], JID),
    place("Meta.to", Payload(Sync), &[4, 3], &[1, 3]),
    place("StatisticsBody", BodyDown(0), &[], &[]),
    place("MessageBody", BodyDown(1), &[], &[1, 2, 3]),
    place("MUCBody", BodyDown(2), &[], &[1, 3, 7, 10]),
    place("RosterBody", BodyDown(3), &[], &[3]),
    place("CommUnreadDL", Payload(Unread), &[], &[1]),
    place("CommUnreadDL.status", Payload(Unread), &[1], STATUS),
    place("MetaQueue", Payload(Unread), &[2], &[1]),
    place("MetaQueue.queue", Payload(Unread), &[2, 1], JID),
];

impl Place {
    /// A frame with these fields in the message of this place.
    fn frame(&self, fields: &[u8]) -> Vec<u8> {
        let inside = |inner: Vec<u8>, number: &u32| field(*number, inner);
        let message = self.path.iter().rev().fold(fields.to_vec(), inside);
        match self.around {
            Envelope => message,
            Payload(command) => frame(command, &message),
            Body(name_space) => sent(name_space, &[], &message),
            BodyDown(name_space) => {
                let meta = [number(5, name_space), field(6, message)].concat();
                frame(Sync, &field(4, meta))
            }
        }
    }
}

/// Values for a field: some fit it, others don't.
fn values(number: u32) -> Vec<Vec<u8>> {
    let key = |wire: u64| varint(u64::from(number) << 3 | wire);
    let own = field(1, APP);
    let foreign = field(1, OTHER);
    let delimited: [&[u8]; 12] = [
        b"",
        b"acme#chat",
        b"easemob.com",
        &own,
        &foreign,
        &[0xff],
        &[0xc3],
        &[0, 1],
        &[0],
        &[0x80],
        &[0x08, 5],
        &[0x0b, 0x0c],
    ];
    let mut values: Vec<Vec<u8>> = delimited.iter().map(|it| field(number, it)).collect();
    for value in [0, 1, 2, 3, 5, 7, 1 << 32, u64::MAX] {
        values.push(self::number(number, value));
    }
    for (wire, content) in [
        (1, &[0x41; 8][..]),
        (5, &[0x41; 4]),
        (1, &[0; 7]),
        (5, &[0; 3]),
    ] {
        values.push([key(wire), content.to_vec()].concat());
    }
    values.push([key(3), key(4)].concat());
    values.push([key(3), varint(0x08), varint(1), key(4)].concat());
    values.push([key(3), varint(0x0a), varint(1), key(4)].concat());
    for lone in [key(3), key(4), key(2), key(0), key(6)] {
        values.push(lone);
    }
    values
}

#[test]
fn every_field_is_read_as_prost_reads_it() {
    for place in UP.iter().chain(DOWN) {
        for value in (1..=30).flat_map(values) {
            agree(&place.frame(&value), APP);
        }
    }
}

#[test]
fn every_jid_is_found() {
    let mut found = 0;
    for place in UP
        .iter()
        .chain(DOWN)
        .filter(|place| place.once.first() == Some(&1))
    {
        let foreign = place.frame(&field(1, OTHER));
        let own = place.frame(&field(1, APP));
        let reading = |frame: &[u8]| {
            let up = inspect_up(frame, APP).map(|up| up.foreign);
            (up, inspect_down(frame, APP).map(|down| down.foreign))
        };
        if let (Ok(true), _) | (_, Ok(true)) = reading(&foreign) {
            found += 1;
            assert_ne!(reading(&own).0, Ok(true), "{}", place.name);
            assert_ne!(reading(&own).1, Ok(true), "{}", place.name);
        }
    }
    // guid; queue of 4; Meta.from and to of 2; MessageBody's 2, MUCBody's 4, RosterBody's 2.
    assert_eq!(found, 17);
}

/// Control: two readers that take different ones of two values can't be played against each other.
#[test]
fn what_decides_occurs_once() {
    for (places, down) in [(UP, false), (DOWN, true)] {
        for place in places {
            for number in 1..=30 {
                twice(place, number, down);
            }
        }
    }
}

fn twice(place: &Place, number: u32, down: bool) {
    let once = place.once.contains(&number);
    for value in values(number) {
        let read = |fields: &[u8]| {
            let frame = place.frame(fields);
            match down {
                true => inspect_down(&frame, APP).err(),
                false => inspect_up(&frame, APP).err(),
            }
        };
        if read(&value).is_some() {
            continue;
        }
        let fault = read(&[value.clone(), value].concat());
        let expected = once.then_some(Fault::Twice);
        assert_eq!(fault, expected, "{} {number}", place.name);
    }
}

#[test]
fn limits() {
    let deep = |levels: usize| [[0xfb, 0x01].repeat(levels), [0xfc, 0x01].repeat(levels)];
    assert!(inspect_up(&deep(15).concat(), APP).is_ok());
    assert_eq!(inspect_up(&deep(16).concat(), APP), Err(Fault::Depth));
    assert!(inspect_up(&number(30, 1).repeat(65_536), APP).is_ok());
    assert_eq!(
        inspect_up(&number(30, 1).repeat(65_537), APP),
        Err(Fault::Count)
    );
    let spread = frame(Sync, &number(30, 1).repeat(65_535));
    assert_eq!(inspect_up(&spread, APP), Err(Fault::Count));
    assert_eq!(inspect_up(&number(8, 5), APP), Err(Fault::Command));
    assert_eq!(inspect_up(&number(8, u64::MAX), APP), Err(Fault::Command));
}

#[test]
fn channels() {
    let to = |domain: &str| field(3, field(3, domain));
    let (users, groups) = (to("easemob.com"), to("conference.easemob.com"));
    let chat = |to: &[u8], kind: u64| inspect_up(&sent(1, to, &number(1, kind)), APP);
    for (frame, channel) in [
        (chat(&users, 1), Channel::OneToOne),
        (chat(&groups, 2), Channel::Group),
        (chat(&groups, 3), Channel::Room),
        (chat(&groups, 1), Channel::OneToOne),
        (chat(&users, 3), Channel::Room),
        (chat(&users, 4), Channel::OneToOne),
        (chat(&groups, 6), Channel::Group),
        (chat(&to("elsewhere.example"), 4), Channel::General),
        (chat(&[], 4), Channel::General),
        (inspect_up(&sent(1, &users, &[]), APP), Channel::OneToOne),
        (
            inspect_up(&sent(2, &users, &number(7, 1)), APP),
            Channel::Room,
        ),
        (
            inspect_up(&sent(2, &users, &number(7, 0)), APP),
            Channel::Group,
        ),
        (inspect_up(&sent(2, &users, &[]), APP), Channel::Group),
        (inspect_up(&sent(3, &users, &[]), APP), Channel::General),
        (inspect_up(&sent(0, &users, &[]), APP), Channel::General),
    ] {
        assert_eq!(frame.map(|up| up.channel), Ok(channel));
    }
}
