//! The record of one request: a log line and the metrics when it ends, however it ends.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use super::context::{Parent, TraceContext};
use super::label::Plane;
use super::metrics::Metrics;
use super::stopwatch::Stopwatch;
use super::tracer::{Finished, Traced, Tracer};
use crate::domain::{AppId, Channel, Code};

/// One core's way to the metrics: requests hold on to it without writing what cores share.
#[derive(Debug)]
pub struct Recorder(Arc<Metrics>, Option<Arc<Tracer>>);

impl Recorder {
    /// Without a tracer nothing is traced.
    pub const fn new(metrics: Arc<Metrics>, tracer: Option<Arc<Tracer>>) -> Self {
        Self(metrics, tracer)
    }

    /// None at all in builds without an exporter.
    pub fn tracer(&self) -> Option<&Tracer> {
        let tracer = self.1.as_deref();
        tracer.filter(|_| cfg!(feature = "otel"))
    }
}

/// What a request was and what became of it. Written when it is dropped, so that a client that
/// leaves in the middle is recorded too. Holds nothing personal (promise P7).
#[derive(Debug)]
pub struct RequestRecord {
    recorder: Arc<Recorder>,
    pub id: RequestId,
    started: Stopwatch,
    plane: Plane,
    channel: Channel,
    zone: usize,
    route: &'static str,
    method: &'static str,
    app: Option<AppId>,
    status: u16,
    code: Option<Code>,
    decision: Duration,
    complete: bool,
    traced: Option<Box<Traced>>,
}

impl RequestRecord {
    pub fn start(recorder: &Arc<Recorder>, plane: Plane, method: &http::Method) -> Self {
        Self {
            recorder: Arc::clone(recorder),
            id: RequestId::fresh(),
            started: Stopwatch::start(),
            plane,
            channel: Channel::General,
            zone: 0,
            route: "",
            method: known_method(method),
            app: None,
            status: 0,
            code: None,
            decision: Duration::ZERO,
            complete: false,
            traced: None,
        }
    }

    /// Begins the request's trace, where there is a tracer; before anything else is known of it.
    pub fn trace(&mut self, parent: Option<Parent>) {
        let traced = self.recorder.tracer().map(|t| t.begin(self.id, parent));
        self.traced = traced.map(Box::new);
    }

    /// What the data centre is told of the trace.
    pub fn context(&self) -> TraceContext {
        let traced = self.traced.as_ref();
        traced.map_or_else(|| TraceContext::of(self.id), |traced| traced.context)
    }

    /// The request goes to the data centre.
    pub fn sent(&mut self) {
        if let Some(traced) = &mut self.traced {
            traced.sent = Some(self.started.elapsed());
        }
    }

    /// The data centre has answered.
    pub fn heard(&mut self) {
        if let Some(traced) = &mut self.traced {
            traced.heard = Some(self.started.elapsed());
        }
    }

    /// The route's template, never the path.
    pub fn classified(&mut self, channel: Channel, route: &'static str) {
        self.channel = channel;
        self.route = route;
    }

    /// The App whose home is here.
    pub fn pinned(&mut self, app: AppId) {
        self.app = Some(app);
    }

    pub const fn app(&self) -> Option<AppId> {
        self.app
    }

    /// The gateway's own work is done. `zone` as in [`Metrics::zone_position`].
    pub fn decided(&mut self, zone: usize) {
        self.zone = zone;
        self.decision = self.started.elapsed();
        self.recorder.0.decision_took(self.plane, self.decision);
    }

    pub fn refused(&mut self, code: Code) {
        if self.decision.is_zero() {
            self.decided(self.zone);
        }
        self.code = Some(code);
        self.recorder.0.refused(self.plane, code);
    }

    /// The answer's head is ready.
    pub fn answered(&mut self, status: u16) {
        self.status = status;
        // The answer to a HEAD ends with its head.
        self.complete = self.method == "HEAD";
    }

    /// The answer's body went out to its end.
    pub fn complete(&mut self) {
        self.complete = true;
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let status = if self.complete { self.status } else { 0 };
        self.recorder
            .0
            .request(self.zone, self.plane, self.channel, status);
        self.recorder.0.request_took(self.plane, self.channel, took);
        tracing::info!(
            target: "domicile::request",
            request_id = %self.id,
            method = self.method,
            route = self.route,
            app_id = self.app.as_ref().map(tracing::field::display),
            channel = self.channel.as_str(),
            status = self.status,
            code = self.code.map(Code::as_str),
            complete = self.complete,
            decision_us = u64::try_from(self.decision.as_micros()).unwrap_or(u64::MAX),
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        if let Some(traced) = self.traced.take() {
            self.tell(&traced, took);
        }
    }
}

impl RequestRecord {
    fn tell(&self, traced: &Traced, took: Duration) {
        let tracer = self
            .recorder
            .tracer()
            .filter(|_| traced.context.is_sampled());
        let Some(tracer) = tracer else {
            return;
        };
        tracer.take(Finished {
            trace: traced.context.trace,
            span: traced.span,
            parent: traced.parent,
            began: traced.began,
            took,
            upstream: traced.upstream(took),
            id: self.id,
            method: self.method,
            route: self.route,
            plane: self.plane,
            channel: self.channel,
            zone: self.zone,
            app: self.app,
            status: self.status,
            code: self.code,
            complete: self.complete,
            decision: self.decision,
        });
    }
}

/// Methods by name; others are a client's own text and stay out of the log.
fn known_method(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "CONNECT" => "CONNECT",
        _ => "other",
    }
}

/// A request's id: 32 lower-case hexadecimal digits, also its trace id (W3C Trace Context).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 32]);

impl RequestId {
    /// A new one. Unique, not secret.
    pub fn fresh() -> Self {
        let mut digits = [0; 32];
        digits[..16].copy_from_slice(&hex(next_random()));
        digits[16..].copy_from_slice(&hex(next_random()));
        Self(digits)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub const fn digits(&self) -> &[u8; 32] {
        &self.0
    }

    /// Sixteen new bytes. Unique, not secret.
    pub fn bytes() -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&next_random().to_be_bytes());
        bytes[8..].copy_from_slice(&next_random().to_be_bytes());
        bytes
    }

    /// A new number. Nobody can tell it beforehand without knowing the ones before.
    pub fn random() -> u64 {
        next_random()
    }

    /// Sixteen digits of a new span id.
    pub fn span() -> [u8; 16] {
        // An all-zero span id is invalid.
        hex(next_random() | 1)
    }
}

/// The sixteen lower-case hexadecimal digits of a number.
fn hex(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    digits[..8].copy_from_slice(&eight_digits(number >> 32).to_be_bytes());
    digits[8..].copy_from_slice(&eight_digits(number & 0xFFFF_FFFF).to_be_bytes());
    digits
}

/// The digits of 32 bits, a byte each, all made at once: nibbles are moved apart, then letters get
/// their distance from the digits.
const fn eight_digits(number: u64) -> u64 {
    const ONES: u64 = u64::from_be_bytes([1; 8]);
    let spread = (number << 16 | number) & 0x0000_FFFF_0000_FFFF;
    let spread = (spread << 8 | spread) & 0x00FF_00FF_00FF_00FF;
    let nibbles = (spread << 4 | spread) & (ONES * 0x0F);
    let letters = ((nibbles + ONES * 6) >> 4) & ONES;
    nibbles + ONES * 0x30 + letters * 0x27
}

/// SplitMix64 from a random start, for each thread.
fn next_random() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(seed());
    }
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness ids only lose their uniqueness across restarts.
    let _ = SystemRandom::new().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX] {
            let text = format!("{number:016x}");
            assert_eq!(std::str::from_utf8(&hex(number)), Ok(&*text));
        }
    }

    #[test]
    fn ids_are_32_hexadecimal_digits_and_differ() {
        let (a, b) = (RequestId::fresh(), RequestId::fresh());
        assert_ne!(a, b);
        assert!(a.as_str().bytes().all(|c| c.is_ascii_hexdigit()));
        assert_eq!(a.as_str().len(), 32);
    }
}
