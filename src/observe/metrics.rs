//! The metrics of one gateway (SPEC 9), each with its labels resolved to positions.

use std::time::Duration;

use prometheus::{Gauge, GaugeVec, IntGauge, IntGaugeVec, Opts};

use super::board::{Board, BoardBuilder, Counter, Histogram};
use crate::domain::{Channel, Code, RegionId, Transport, ZoneId};

/// Which way traffic comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    Rest,
    Websocket,
    Msync,
    Admin,
}

impl Plane {
    pub const fn as_str(self) -> &'static str {
        PLANES[self as usize]
    }
}

/// What became of a dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dial {
    Allowed,
    Denied,
    Failed,
}

/// Why a data centre is not believed in its TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// Its certificate has expired, or is not valid yet.
    Time,
    Name,
    Issuer,
    Pin,
    /// Its certificate cannot be used for another reason.
    Certificate,
    /// There was none to judge.
    Handshake,
}

/// What the residency promises rule out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// Bytes on the way to another zone than the App's.
    ForeignPath,
    /// An answer that is marked as another App's.
    ForeignApp,
    /// A canary that another region than its home let in.
    Probe,
}

/// How the registry answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    Here,
    Elsewhere,
    Unknown,
    Unavailable,
    Untrusted,
}

/// What became of a token's check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenVerdict {
    Cached,
    Valid,
    Invalid,
    Expired,
}

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Refused,
}

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exported {
    Sent,
    /// The collector did not take it.
    Failed,
    /// There was no room to wait for the collector.
    Dropped,
}

/// Everything a gateway counts.
#[derive(Debug)]
pub struct Metrics {
    registry: prometheus::Registry,
    board: std::sync::Arc<BoardHandle>,
    families: Families,
    region: RegionId,
    zones: Vec<ZoneId>,
    pub connections: IntGaugeVec,
    pub sessions: IntGaugeVec,
    pub upstream_connections: IntGaugeVec,
    pub upstream_healthy: IntGaugeVec,
    pub registry_cache_entries: IntGaugeVec,
    pub registry_up: IntGauge,
    pub audit_entries: prometheus::IntCounter,
    /// Unix seconds.
    pub audit_checkpoint: IntGauge,
    pub certificate_expiry: GaugeVec,
    pub upstream_certificate_expiry: GaugeVec,
    pub clock_skew: Gauge,
    /// By home, region and transport.
    pub probe_refused: IntGaugeVec,
    /// By region and transport.
    pub probe_answered: IntGaugeVec,
    /// Unix seconds.
    pub probe_last_run: IntGauge,
    /// The admin API's codes are its own; rendered with the family of all refusals.
    admin_refusals: prometheus::IntCounterVec,
}

#[derive(Debug)]
struct BoardHandle(Board);

#[derive(Debug)]
struct Families {
    requests: Counter,
    duration: Histogram,
    decision: Histogram,
    refusals: Counter,
    violations: Counter,
    cross_region: Counter,
    migrations: Counter,
    dials: Counter,
    distrusts: Counter,
    blocked: Counter,
    upstream: Histogram,
    lookups: Counter,
    tokens: Counter,
    frames: Counter,
    reloads: Counter,
    spans: Counter,
}

const REFUSALS: &str = "domicile_refusals_total";
const PLANES: [&str; 4] = ["rest", "websocket", "msync", "admin"];
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
const DIALS: [&str; 3] = ["allowed", "denied", "failed"];
const DISTRUSTS: [&str; 6] = ["time", "name", "issuer", "pin", "certificate", "handshake"];
const LOOKUPS: [&str; 5] = ["here", "elsewhere", "unknown", "unavailable", "untrusted"];
const TOKENS: [&str; 4] = ["cached", "valid", "invalid", "expired"];
const DIRECTIONS: [&str; 2] = ["up", "down"];
const OUTCOMES: [&str; 2] = ["passed", "refused"];
const EXPORTED: [&str; 3] = ["sent", "failed", "dropped"];
const VIOLATIONS: [&str; 3] = ["foreign_path", "foreign_app", "probe"];
const BLOCKED: [&str; 4] = ["location", "content-location", "refresh", "link"];
const SPANS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];
const DECISIONS: &[f64] = &[
    0.000_001,
    0.000_002_5,
    0.000_005,
    0.000_01,
    0.000_025,
    0.000_1,
    0.001,
    0.01,
    0.1,
];

impl Metrics {
    /// `regions` are all ids of the catalogue, for the homes of Apps that live elsewhere.
    pub fn new(region: &RegionId, zones: &[ZoneId], regions: &[RegionId]) -> Self {
        let mut builder = BoardBuilder::default();
        let families = Families::lay_out(&mut builder, region, zones, regions);
        let board = std::sync::Arc::new(BoardHandle(builder.build()));
        let registry = prometheus::Registry::new();
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        let metrics = Self {
            connections: gauges(
                "domicile_connections",
                "Open client connections.",
                &["plane"],
            ),
            sessions: gauges(
                "domicile_sessions",
                "SDK sessions that are logged in.",
                &["transport"],
            ),
            upstream_connections: gauges(
                "domicile_upstream_connections",
                "Open connections to the data centre.",
                &["zone", "state"],
            ),
            upstream_healthy: gauges(
                "domicile_upstream_healthy",
                "Whether an upstream is in use (1) or ejected (0).",
                &["zone", "upstream"],
            ),
            registry_cache_entries: gauges(
                "domicile_registry_cache_entries",
                "Answers of the registry held in memory.",
                &["kind"],
            ),
            registry_up: registered(
                &registry,
                IntGauge::new("domicile_registry_up", "Whether the registry answers."),
            ),
            audit_entries: registered(
                &registry,
                prometheus::IntCounter::new(
                    "domicile_audit_entries_total",
                    "Entries written to the audit log.",
                ),
            ),
            audit_checkpoint: registered(
                &registry,
                IntGauge::new(
                    "domicile_audit_last_checkpoint_timestamp_seconds",
                    "When the audit log's newest checkpoint was written.",
                ),
            ),
            certificate_expiry: registered(
                &registry,
                GaugeVec::new(
                    Opts::new(
                        "domicile_certificate_expiry_timestamp_seconds",
                        "When the listener's certificate ends, in unix seconds.",
                    ),
                    &["listener"],
                ),
            ),
            upstream_certificate_expiry: registered(
                &registry,
                GaugeVec::new(
                    Opts::new(
                        "domicile_upstream_certificate_expiry_timestamp_seconds",
                        "When the gateway's certificate for a zone ends, in unix seconds.",
                    ),
                    &["zone"],
                ),
            ),
            clock_skew: registered(
                &registry,
                Gauge::new(
                    "domicile_clock_skew_seconds",
                    "How far the newest token's issue time was ahead of this clock.",
                ),
            ),
            probe_refused: gauges(
                "domicile_probe_refused",
                "Whether a region refused another region's canary at the last probe.",
                &["home", "region", "transport"],
            ),
            probe_answered: gauges(
                "domicile_probe_answered",
                "Whether a region knew its own canary at the last probe.",
                &["region", "transport"],
            ),
            probe_last_run: registered(
                &registry,
                IntGauge::new(
                    "domicile_probe_last_run_timestamp_seconds",
                    "When the last probe ended, in unix seconds; 0 before the first.",
                ),
            ),
            admin_refusals: admin_refusals(),
            families,
            board,
            region: region.clone(),
            zones: zones.to_vec(),
            registry,
        };
        metrics.start();
        metrics
    }

    fn start(&self) {
        for plane in PLANES {
            self.connections.with_label_values(&[plane]).set(0);
        }
        for transport in Transport::ALL {
            let labels = [transport.as_str()];
            self.sessions.with_label_values(&labels).set(0);
        }
        for zone in &self.zones {
            for state in ["active", "idle"] {
                let labels = [zone.as_str(), state];
                self.upstream_connections.with_label_values(&labels).set(0);
            }
        }
        let labels = [
            ("region", self.region.as_str()),
            ("version", env!("CARGO_PKG_VERSION")),
        ];
        let info = Opts::new("domicile_build_info", "What is running.");
        let info = labels.iter().fold(info, |o, (k, v)| o.const_label(*k, *v));
        registered(&self.registry, IntGauge::with_opts(info)).set(1);
        let process = prometheus::process_collector::ProcessCollector::for_self();
        let _ = self.registry.register(Box::new(process));
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn render(&self) -> String {
        use prometheus::core::Collector;
        let mut families = self.registry.gather();
        families.extend(self.board.0.collect());
        if let Some(refusals) = families.iter_mut().find(|f| f.name() == REFUSALS) {
            let admin = self.admin_refusals.collect();
            let admin = admin.into_iter().flat_map(|mut f| f.take_metric());
            refusals.mut_metric().extend(admin);
        }
        prometheus::TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default()
    }

    /// The position of a zone in the label values; 0 stands for no zone.
    pub fn zone_position(&self, zone: &ZoneId) -> usize {
        self.zones
            .iter()
            .position(|z| z == zone)
            .map_or(0, |n| n + 1)
    }

    /// `zone` by [`Metrics::zone_position`], `status` 0 for no answer.
    pub fn request(&self, zone: usize, plane: Plane, channel: Channel, status: u16) {
        let class = match status / 100 {
            n @ 1..=5 => usize::from(n) - 1,
            _ => CLASSES.len() - 1,
        };
        let at = [0, zone, plane as usize, channel.index(), class];
        self.board.0.count(self.families.requests, &at);
    }

    pub fn request_took(&self, plane: Plane, channel: Channel, span: Duration) {
        let at = [plane as usize, channel.index()];
        self.board.0.observe(self.families.duration, at, span);
    }

    pub fn decision_took(&self, plane: Plane, span: Duration) {
        self.board
            .0
            .observe(self.families.decision, [plane as usize, 0], span);
    }

    pub fn refused(&self, plane: Plane, code: Code) {
        let at = [plane as usize, code.index()];
        self.board.0.count(self.families.refusals, &at);
    }

    /// A refusal of the admin API, whose codes are its own.
    pub fn admin_refused(&self, code: &'static str) {
        let counter = self.admin_refusals.with_label_values(&["admin", code]);
        counter.inc();
    }

    pub fn refusals(&self, plane: Plane, code: Code) -> u64 {
        let at = [plane as usize, code.index()];
        self.board.0.value(self.families.refusals, &at)
    }

    /// What must never happen.
    pub fn violated(&self, violation: Violation) {
        let at = [violation as usize];
        self.board.0.count(self.families.violations, &at);
    }

    pub fn violations(&self) -> u64 {
        let families = &self.families;
        (0..VIOLATIONS.len())
            .map(|kind| self.board.0.value(families.violations, &[kind]))
            .sum()
    }

    /// `home` is the position of the region in the catalogue.
    pub fn cross_region_attempt(&self, home: usize) {
        self.board.0.count(self.families.cross_region, &[home]);
    }

    pub fn migration_attempt(&self) {
        self.board.0.count(self.families.migrations, &[]);
    }

    pub fn dialled(&self, dial: Dial) {
        self.board.0.count(self.families.dials, &[dial as usize]);
    }

    /// A data centre was not believed, so nothing was sent to it.
    pub fn distrusted(&self, zone: &ZoneId, distrust: Distrust) {
        if let Some(zone) = self.zones.iter().position(|z| z == zone) {
            let at = [zone, distrust as usize];
            self.board.0.count(self.families.distrusts, &at);
        }
    }

    pub fn blocked(&self, header: &str) {
        if let Some(n) = BLOCKED.iter().position(|name| *name == header) {
            self.board.0.count(self.families.blocked, &[n]);
        }
    }

    pub fn upstream_took(&self, zone: usize, span: Duration) {
        let at = [zone.saturating_sub(1), 0];
        self.board.0.observe(self.families.upstream, at, span);
    }

    pub fn looked_up(&self, lookup: Lookup) {
        self.board
            .0
            .count(self.families.lookups, &[lookup as usize]);
    }

    pub fn token(&self, verdict: TokenVerdict) {
        self.board
            .0
            .count(self.families.tokens, &[verdict as usize]);
    }

    /// The gauge of a plane's connections.
    pub fn connections_of(&self, plane: Plane) -> IntGauge {
        let labels = [PLANES[plane as usize]];
        self.connections.with_label_values(&labels)
    }

    /// A frame of a session.
    pub fn frame(&self, channel: Channel, direction: Direction, outcome: Outcome) {
        let at = [channel.index(), direction as usize, outcome as usize];
        self.board.0.count(self.families.frames, &at);
    }

    /// How many seconds ahead of this clock a token was issued.
    #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
    pub fn token_ahead(&self, seconds: u64) {
        self.clock_skew.set(seconds as f64);
    }

    /// Spans that were to go to the collector.
    pub fn spans(&self, what: Exported, count: u64) {
        self.board
            .0
            .add(self.families.spans, &[what as usize], count);
    }

    /// A configuration was put in place, or refused.
    pub fn reloaded(&self, outcome: Result<(), ()>) {
        let at = usize::from(outcome.is_err());
        self.board.0.count(self.families.reloads, &[at]);
    }
}

impl Families {
    fn lay_out(
        b: &mut BoardBuilder,
        region: &RegionId,
        zones: &[ZoneId],
        regions: &[RegionId],
    ) -> Self {
        let zone_names: Vec<String> = zones.iter().map(ToString::to_string).collect();
        let with_none = std::iter::once("none".to_owned()).chain(zone_names.clone());
        let zone = ("zone", with_none.collect());
        let plane = ("plane", words(&PLANES));
        let channels: Vec<&str> = Channel::ALL.iter().map(|c| c.as_str()).collect();
        let channel = ("channel", words(&channels));
        let traffic = ("plane", words(&PLANES[..3]));
        let codes: Vec<&str> = Code::ALL.iter().map(|c| c.as_str()).collect();
        let here = ("region", vec![region.to_string()]);
        let class = ("code_class", words(&CLASSES));
        let homes: Vec<String> = regions.iter().map(ToString::to_string).collect();
        Self {
            requests: b.counter(
                "domicile_requests_total",
                "Requests that ended, by the class of their status.",
                &[here, zone, plane.clone(), channel.clone(), class],
            ),
            duration: b.histogram(
                "domicile_request_duration_seconds",
                "From the request's head to the end of its answer.",
                &[plane.clone(), channel.clone()],
                SPANS,
            ),
            decision: b.histogram(
                "domicile_decision_seconds",
                "The gateway's own work before a request is sent on or refused.",
                std::slice::from_ref(&plane),
                DECISIONS,
            ),
            refusals: b.counter(
                REFUSALS,
                "Refusals by their code.",
                &[traffic, ("code", words(&codes))],
            ),
            violations: b.counter(
                "domicile_residency_violations_total",
                "Bytes found on a wrong path, or a foreign App in an answer. Must stay 0.",
                &[("kind", words(&VIOLATIONS))],
            ),
            cross_region: b.counter(
                "domicile_cross_region_attempts_total",
                "Requests for Apps that live elsewhere, by their home.",
                &[("home", homes)],
            ),
            migrations: b.counter(
                "domicile_migration_attempts_total",
                "Attempts to move an App. All are refused.",
                &[],
            ),
            dials: b.counter(
                "domicile_egress_dials_total",
                "Addresses dialled, or denied by the egress guard.",
                &[("verdict", words(&DIALS))],
            ),
            distrusts: b.counter(
                "domicile_upstream_tls_failures_total",
                "TLS handshakes with the data centre that failed. Nothing was sent.",
                &[("zone", zone_names.clone()), ("reason", words(&DISTRUSTS))],
            ),
            blocked: b.counter(
                "domicile_response_blocked_total",
                "Answers withheld because a header named another region.",
                &[("header", words(&BLOCKED))],
            ),
            upstream: b.histogram(
                "domicile_upstream_duration_seconds",
                "From sending a request to the head of the data centre's answer.",
                &[("zone", zone_names)],
                SPANS,
            ),
            lookups: b.counter(
                "domicile_registry_lookups_total",
                "Look-ups of an App, by their result.",
                &[("result", words(&LOOKUPS))],
            ),
            tokens: b.counter(
                "domicile_tokens_verified_total",
                "Tokens checked, by their result.",
                &[("result", words(&TOKENS))],
            ),
            frames: b.counter(
                "domicile_frames_total",
                "Frames of SDK sessions that were looked at.",
                &[
                    channel,
                    ("direction", words(&DIRECTIONS)),
                    ("outcome", words(&OUTCOMES)),
                ],
            ),
            reloads: b.counter(
                "domicile_config_reloads_total",
                "Configurations put in place or refused.",
                &[("result", words(&["ok", "failed"]))],
            ),
            spans: b.counter(
                "domicile_trace_spans_total",
                "Spans for the collector, by what became of them.",
                &[("result", words(&EXPORTED))],
            ),
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "constant names; a test makes every metric"
)]
fn admin_refusals() -> prometheus::IntCounterVec {
    let opts = Opts::new(REFUSALS, "Refusals by their code.");
    prometheus::IntCounterVec::new(opts, &["plane", "code"]).expect("a valid metric")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// Registers a metric. Names and labels are constants of this file, so neither step can fail.
#[expect(
    clippy::expect_used,
    reason = "constant names; a test makes every metric"
)]
fn registered<M: prometheus::core::Collector + Clone + 'static>(
    registry: &prometheus::Registry,
    metric: prometheus::Result<M>,
) -> M {
    let metric = metric.expect("a valid metric");
    registry
        .register(Box::new(metric.clone()))
        .expect("a name used once");
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_exist_with_zero_from_the_start() {
        let region = RegionId::parse("frankfurt").unwrap();
        let zone = ZoneId::parse("fra1").unwrap();
        let metrics = Metrics::new(
            &region,
            std::slice::from_ref(&zone),
            std::slice::from_ref(&region),
        );
        let text = metrics.render();
        for line in [
            r#"domicile_residency_violations_total{kind="foreign_path"} 0"#,
            r#"domicile_refusals_total{plane="rest",code="app_lives_elsewhere"} 0"#,
            r#"domicile_requests_total{region="frankfurt",zone="fra1",plane="rest",channel="group",code_class="2xx"} 0"#,
            r#"domicile_migration_attempts_total 0"#,
            r#"domicile_connections{plane="rest"} 0"#,
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        metrics.request(
            metrics.zone_position(&zone),
            Plane::Rest,
            Channel::Group,
            200,
        );
        let line = r#"domicile_requests_total{region="frankfurt",zone="fra1",plane="rest",channel="group",code_class="2xx"} 1"#;
        assert!(metrics.render().contains(line));
    }
}
