//! Limits on everything that comes from outside.

use std::num::NonZeroU32;
use std::time::Duration;

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
