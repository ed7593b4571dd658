//! The metrics of one gateway (SPEC 9), each with its labels resolved to positions.

use std::time::Duration;

use prometheus::{Gauge, GaugeVec, IntGauge, IntGaugeVec, Opts};

use super::board::{Board, BoardBuilder, Counter, Histogram};
use super::label::{
    BLOCKED, CACHED, CLASSES, Dial, Direction, Distrust, Exported, KEPT, Lookup, Outcome, PLANES,
    Plane, STATES, Swept, TRAFFIC, TokenVerdict, VIOLATIONS, Violation,
};
use super::table::{self, Description, Kind, Values};
use crate::domain::{Channel, Code, RegionId, Transport, ZoneId};

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
    last_sweep: IntGaugeVec,
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
    sweeps: Counter,
    deleted: Counter,
    spans: Counter,
}

/// What the values of labels are taken from.
struct Vocabulary<'a> {
    region: &'a RegionId,
    zones: &'a [ZoneId],
    regions: &'a [RegionId],
}

impl Metrics {
    /// `regions` are all ids of the catalogue, for the homes of Apps that live elsewhere.
    pub fn new(region: &RegionId, zones: &[ZoneId], regions: &[RegionId]) -> Self {
        let words = Vocabulary {
            region,
            zones,
            regions,
        };
        let mut builder = BoardBuilder::default();
        let families = Families::lay_out(&mut builder, &words);
        let board = std::sync::Arc::new(BoardHandle(builder.build()));
        let registry = prometheus::Registry::new();
        let whole = |of| registered(&registry, IntGauge::with_opts(opts(of)));
        let wholes = |of| registered(&registry, IntGaugeVec::new(opts(of), &names(of)));
        let reals = |of| registered(&registry, GaugeVec::new(opts(of), &names(of)));
        let metrics = Self {
            connections: wholes(&table::CONNECTIONS),
            sessions: wholes(&table::SESSIONS),
            upstream_connections: wholes(&table::UPSTREAM_CONNECTIONS),
            upstream_healthy: wholes(&table::UPSTREAM_HEALTHY),
            registry_cache_entries: wholes(&table::REGISTRY_CACHE_ENTRIES),
            registry_up: whole(&table::REGISTRY_UP),
            audit_entries: registered(
                &registry,
                prometheus::IntCounter::with_opts(opts(&table::AUDIT_ENTRIES)),
            ),
            audit_checkpoint: whole(&table::AUDIT_CHECKPOINT),
            certificate_expiry: reals(&table::CERTIFICATE_EXPIRY),
            upstream_certificate_expiry: reals(&table::UPSTREAM_CERTIFICATE_EXPIRY),
            clock_skew: registered(&registry, Gauge::with_opts(opts(&table::CLOCK_SKEW))),
            last_sweep: wholes(&table::RETENTION_LAST_SWEEP),
            probe_refused: wholes(&table::PROBE_REFUSED),
            probe_answered: wholes(&table::PROBE_ANSWERED),
            probe_last_run: whole(&table::PROBE_LAST_RUN),
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
            self.connections.with_label_values(&[*plane]).set(0);
        }
        for transport in Transport::ALL {
            let labels = [transport.as_str()];
            self.sessions.with_label_values(&labels).set(0);
        }
        for zone in &self.zones {
            self.last_sweep.with_label_values(&[zone.as_str()]).set(0);
            for state in STATES {
                let labels = [zone.as_str(), state];
                self.upstream_connections.with_label_values(&labels).set(0);
            }
        }
        for kind in CACHED {
            self.registry_cache_entries
                .with_label_values(&[*kind])
                .set(0);
        }
        let labels = [
            ("region", self.region.as_str()),
            ("version", env!("CARGO_PKG_VERSION")),
        ];
        let info = opts(&table::BUILD_INFO);
        let info = labels.iter().fold(info, |o, (k, v)| o.const_label(*k, *v));
        registered(&self.registry, IntGauge::with_opts(info)).set(1);
        let process = prometheus::process_collector::ProcessCollector::for_self();
        let _ = self.registry.register(Box::new(process));
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn render(&self) -> String {
        prometheus::TextEncoder::new()
            .encode_to_string(&self.gather())
            .unwrap_or_default()
    }

    fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
        use prometheus::core::Collector;
        let mut families = self.registry.gather();
        families.extend(self.board.0.collect());
        if let Some(refusals) = families
            .iter_mut()
            .find(|f| f.name() == table::REFUSALS.name)
        {
            let admin = self.admin_refusals.collect();
            let admin = admin.into_iter().flat_map(|mut f| f.take_metric());
            refusals.mut_metric().extend(admin);
        }
        families
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

    /// The codes that the admin API may refuse with, all there from the start.
    pub fn admin_refuses(&self, codes: impl IntoIterator<Item = &'static str>) {
        for code in codes {
            self.admin_refusals.with_label_values(&["admin", code]);
        }
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

    /// A data centre was asked to sweep an App.
    pub fn swept(&self, zone: &ZoneId, swept: Swept) {
        if let Some(zone) = self.zones.iter().position(|z| z == zone) {
            let at = [zone, swept as usize];
            self.board.0.count(self.families.sweeps, &at);
        }
    }

    /// All Apps of a zone were swept at this time, in unix seconds.
    pub fn zone_swept(&self, zone: &ZoneId, now: u64) {
        let gauge = self.last_sweep.with_label_values(&[zone.as_str()]);
        gauge.set(i64::try_from(now).unwrap_or(i64::MAX));
    }

    /// What a data centre has deleted: how many of a kind, by the words it uses.
    pub fn deleted(&self, zone: &ZoneId, channel: &str, kind: &str, count: u64) {
        let zone = self.zones.iter().position(|z| z == zone);
        let channel = Channel::ALL.iter().position(|c| c.as_str() == channel);
        let kind = KEPT.iter().position(|k| *k == kind);
        if let (Some(zone), Some(channel), Some(kind)) = (zone, channel, kind) {
            let at = [zone, channel, kind];
            self.board.0.add(self.families.deleted, &at, count);
        }
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
    fn lay_out(board: &mut BoardBuilder, words: &Vocabulary<'_>) -> Self {
        let refusals = {
            // The admin API's are in a family of their own until they are rendered.
            let mut labels = words.labels(&table::REFUSALS);
            labels[0].1 = texts(TRAFFIC);
            board.counter(table::REFUSALS.name, table::REFUSALS.help, &labels)
        };
        let mut counter = |of: &Description| board.counter(of.name, of.help, &words.labels(of));
        Self {
            refusals,
            requests: counter(&table::REQUESTS),
            violations: counter(&table::VIOLATED),
            cross_region: counter(&table::CROSS_REGION),
            migrations: counter(&table::MIGRATIONS),
            dials: counter(&table::EGRESS_DIALS),
            distrusts: counter(&table::UPSTREAM_TLS_FAILURES),
            blocked: counter(&table::RESPONSES_BLOCKED),
            lookups: counter(&table::REGISTRY_LOOKUPS),
            tokens: counter(&table::TOKENS_VERIFIED),
            frames: counter(&table::FRAMES),
            reloads: counter(&table::CONFIG_RELOADS),
            sweeps: counter(&table::RETENTION_SWEEPS),
            deleted: counter(&table::RETENTION_DELETED),
            spans: counter(&table::TRACE_SPANS),
            duration: spans(board, &table::DURATION, words),
            decision: spans(board, &table::DECISION, words),
            upstream: spans(board, &table::UPSTREAM_DURATION, words),
        }
    }
}

fn spans(board: &mut BoardBuilder, of: &Description, words: &Vocabulary<'_>) -> Histogram {
    let bounds = match of.kind {
        Kind::Histogram(bounds) => bounds,
        Kind::Counter | Kind::Gauge => &[],
    };
    board.histogram(of.name, of.help, &words.labels(of), bounds)
}

impl Vocabulary<'_> {
    fn labels(&self, of: &Description) -> Vec<(&'static str, Vec<String>)> {
        let resolved = of.labels.iter().map(|l| (l.name, self.values(l.values)));
        resolved.collect()
    }

    fn values(&self, values: Values) -> Vec<String> {
        let zones = || self.zones.iter().map(ToString::to_string);
        match values {
            Values::Words(words) => texts(words),
            Values::Channels => Channel::ALL.iter().map(|c| c.as_str().to_owned()).collect(),
            Values::Codes => Code::ALL.iter().map(|c| c.as_str().to_owned()).collect(),
            Values::Here => vec![self.region.to_string()],
            Values::Regions => self.regions.iter().map(ToString::to_string).collect(),
            Values::Zones => zones().collect(),
            Values::ZonesOrNone => std::iter::once("none".to_owned()).chain(zones()).collect(),
            // No counter has such a label.
            Values::Other(_) => Vec::new(),
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "constant names; a test makes every metric"
)]
fn admin_refusals() -> prometheus::IntCounterVec {
    let (of, labels) = (&table::REFUSALS, names(&table::REFUSALS));
    prometheus::IntCounterVec::new(opts(of), &labels).expect("a valid metric")
}

fn opts(of: &Description) -> Opts {
    Opts::new(of.name, of.help)
}

fn names(of: &Description) -> Vec<&'static str> {
    of.labels.iter().map(|label| label.name).collect()
}

fn texts(words: &[&str]) -> Vec<String> {
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

    fn metrics() -> (Metrics, ZoneId) {
        let region = RegionId::parse("frankfurt").unwrap();
        let zone = ZoneId::parse("fra1").unwrap();
        let regions = std::slice::from_ref(&region);
        let metrics = Metrics::new(&region, std::slice::from_ref(&zone), regions);
        (metrics, zone)
    }

    #[test]
    fn counters_exist_with_zero_from_the_start() {
        let (metrics, zone) = metrics();
        metrics.admin_refuses(["forbidden"]);
        let text = metrics.render();
        for line in [
            r#"domicile_refusals_total{code="forbidden",plane="admin"} 0"#,
            r#"domicile_config_reloads_total{result="failed"} 0"#,
            r#"domicile_clock_skew_seconds 0"#,
            r#"domicile_retention_deleted_total{zone="fra1",channel="room",kind="files"} 0"#,
            r#"domicile_retention_last_sweep_timestamp_seconds{zone="fra1"} 0"#,
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

    /// What is described is there, with this kind and help and these labels, and nothing else is.
    #[test]
    fn the_exposition_is_as_the_table_says() {
        let (metrics, _) = metrics();
        let labelled = [
            (&metrics.upstream_healthy, ["fra1", "127.0.0.1:1"]),
            (&metrics.upstream_connections, ["fra1", "idle"]),
        ];
        for (gauge, labels) in labelled {
            gauge.with_label_values(&labels).set(1);
        }
        let canary = ["frankfurt", "singapore", "rest"];
        metrics.probe_refused.with_label_values(&canary);
        metrics.probe_answered.with_label_values(&canary[1..]);
        metrics.certificate_expiry.with_label_values(&["https"]);
        metrics
            .upstream_certificate_expiry
            .with_label_values(&["fra1"]);
        let families = metrics.gather();
        let shown: Vec<_> = families
            .iter()
            .map(prometheus::proto::MetricFamily::name)
            .collect();
        for of in table::METRICS {
            let count = shown.iter().filter(|name| **name == of.name).count();
            assert_eq!(count, 1, "{}", of.name);
        }
        for family in &families {
            let of = table::METRICS.iter().find(|of| of.name == family.name());
            let of = of.unwrap_or_else(|| panic!("{} is not in the table", family.name()));
            is_as_described(family, of);
        }
    }

    fn is_as_described(family: &prometheus::proto::MetricFamily, of: &Description) {
        use prometheus::proto::MetricType;
        let kind = match of.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram(_) => MetricType::HISTOGRAM,
        };
        assert_eq!(family.get_field_type(), kind, "{}", of.name);
        let mut described = names(of);
        described.sort_unstable();
        for metric in family.get_metric() {
            let labels = metric.get_label().iter();
            let mut labels: Vec<_> = labels.map(prometheus::proto::LabelPair::name).collect();
            labels.sort_unstable();
            assert_eq!(labels, described, "{}", of.name);
        }
    }
}
