//! Limits on everything that comes from outside.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::read::{Item, Section};

/// SPEC 11. Sizes in bytes; rates in events a second.
#[derive(Debug, Clone)]
pub struct Limits {
    pub connections: usize,
    pub connections_per_address: usize,
    /// TLS handshakes under way at once.
    pub handshakes: usize,
    pub in_flight_per_channel: usize,
    pub in_flight_per_app: usize,
    pub rate_per_app: Option<NonZeroU32>,
    pub frames_per_session: Option<NonZeroU32>,
    pub head: usize,
    pub headers: usize,
    pub body: u64,
    pub file: u64,
    pub msync_message: usize,
    pub head_time: Duration,
    pub body_idle: Duration,
    pub tls_handshake: Duration,
    pub provision_time: Duration,
    pub connect: Duration,
    pub first_byte: Duration,
    pub keep_alive: Duration,
    pub session_idle: Duration,
    pub drain_grace: Duration,
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            connections_per_address: 1_024,
            handshakes: 1_024,
            in_flight_per_channel: 4_096,
            in_flight_per_app: 1_024,
            rate_per_app: None,
            frames_per_session: NonZeroU32::new(100),
            head: 32 * 1024,
            headers: 100,
            body: 10 * 1024 * 1024,
            file: 100 * 1024 * 1024,
            msync_message: 1024 * 1024,
            head_time: Duration::from_secs(10),
            body_idle: Duration::from_secs(30),
            tls_handshake: Duration::from_secs(10),
            provision_time: Duration::from_secs(10),
            connect: Duration::from_secs(3),
            first_byte: Duration::from_secs(60),
            keep_alive: Duration::from_secs(75),
            session_idle: Duration::from_secs(300),
            drain_grace: Duration::from_secs(5),
            drain: Duration::from_secs(30),
        }
    }
}

const MOST: usize = 16_777_216;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

pub(super) fn read(item: &Item<'_>) -> Limits {
    let limits = item.section(|s| {
        let mut limits = Limits::default();
        read_numbers(s, &mut limits);
        read_sizes(s, &mut limits);
        read_times(s, &mut limits);
        limits
    });
    limits.unwrap_or_default()
}

fn read_numbers(s: &mut Section<'_>, l: &mut Limits) {
    l.connections = s.count("connections", 1..=MOST, l.connections);
    l.connections_per_address = s.count(
        "connections_per_address",
        1..=MOST,
        l.connections_per_address,
    );
    l.handshakes = s.count("handshakes", 1..=MOST, l.handshakes);
    l.in_flight_per_channel = s.count("in_flight_per_channel", 1..=MOST, l.in_flight_per_channel);
    l.in_flight_per_app = s.count("in_flight_per_app", 1..=MOST, l.in_flight_per_app);
    l.rate_per_app = s.rate("rate_per_app", l.rate_per_app);
    l.frames_per_session = s.rate("frames_per_session", l.frames_per_session);
    l.headers = s.count("headers", 8..=1000, l.headers);
}

fn read_sizes(s: &mut Section<'_>, l: &mut Limits) {
    // hyper reads a head into a buffer of at least 8 KiB.
    l.head = memory(s, "head", 8 * KIB..=MIB, l.head);
    l.body = s.size("body", KIB..=GIB, l.body);
    l.file = s.size("file", KIB..=100 * GIB, l.file);
    l.msync_message = memory(s, "msync_message", KIB..=64 * MIB, l.msync_message);
}

/// A size of something that is held whole.
fn memory(
    s: &mut Section<'_>,
    name: &'static str,
    range: RangeInclusive<u64>,
    default: usize,
) -> usize {
    let size = s.take(name).and_then(|item| item.size(range));
    size.and_then(|size| usize::try_from(size).ok())
        .unwrap_or(default)
}

fn read_times(s: &mut Section<'_>, l: &mut Limits) {
    l.head_time = s.duration("head_time", millis(10)..=minutes(5), l.head_time);
    l.body_idle = s.duration("body_idle", millis(10)..=minutes(60), l.body_idle);
    l.tls_handshake = s.duration("tls_handshake", millis(10)..=minutes(5), l.tls_handshake);
    l.provision_time = s.duration("provision_time", millis(10)..=minutes(5), l.provision_time);
    l.connect = s.duration("connect", millis(10)..=minutes(5), l.connect);
    l.first_byte = s.duration("first_byte", millis(10)..=minutes(60), l.first_byte);
    l.keep_alive = s.duration("keep_alive", millis(10)..=minutes(60), l.keep_alive);
    l.session_idle = s.duration("session_idle", millis(10)..=minutes(1440), l.session_idle);
    l.drain_grace = s.duration("drain_grace", Duration::ZERO..=minutes(60), l.drain_grace);
    l.drain = s.duration("drain", Duration::ZERO..=minutes(60), l.drain);
}
