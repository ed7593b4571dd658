//! `tracing`: which requests are told to a collector, and which one.

use ipnet::IpNet;

use super::ranges;
use super::read::{Item, Place, Section};
use super::zones::{self, Upstream, UpstreamTls};

/// Traces by OTLP over HTTP.
#[derive(Debug, Clone)]
pub struct Tracing {
    /// How many of the requests at most, from 0 to 1.
    pub sample_ratio: f64,
    pub parents: TraceParents,
    pub collector: Collector,
}

/// Whose traces are continued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TraceParents {
    #[default]
    Trusted,
    Anybody,
}

/// Where traces go: nowhere but into these ranges.
#[derive(Debug, Clone)]
pub struct Collector {
    pub endpoint: Upstream,
    pub egress: Vec<IpNet>,
    pub tls: UpstreamTls,
}

/// The section, and where its TLS stands.
pub(super) struct TracingSection {
    pub(super) tracing: Tracing,
    pub(super) tls: Place,
}

/// Whether this build has an exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exporter {
    Built,
    LeftOut,
}

impl Exporter {
    pub(super) const HERE: Self = if cfg!(feature = "otel") {
        Self::Built
    } else {
        Self::LeftOut
    };
}

const RATIO: f64 = 0.01;
const OTLP: &str = "{endpoint: \"https://10.71.0.60:4318\", egress: [\"10.71.0.60\"]}";

pub(super) fn read(
    item: &Item<'_>,
    allow_plaintext: bool,
    exporter: Exporter,
) -> Option<TracingSection> {
    if exporter == Exporter::LeftOut {
        let expected = "no tracing, or a build with it: cargo build --release --features otel";
        item.fault::<()>("is not in this build", expected);
    }
    item.section(|s| {
        let sample_ratio = s.take("sample_ratio").and_then(|item| item.ratio());
        let parents = s.choice("parents", &PARENTS, TraceParents::Trusted);
        let otlp = s.need("otlp", OTLP)?;
        let collector = otlp.section(|s| collector(s, allow_plaintext))?;
        Some(TracingSection {
            tracing: Tracing {
                sample_ratio: sample_ratio.unwrap_or(RATIO),
                parents,
                collector: collector?,
            },
            tls: otlp.place().key("tls"),
        })
    })?
}

const PARENTS: [(&str, TraceParents); 2] = [
    ("trusted", TraceParents::Trusted),
    ("anybody", TraceParents::Anybody),
];

fn collector(s: &mut Section<'_>, allow_plaintext: bool) -> Option<Collector> {
    let egress = ranges::egress(s);
    let endpoint = s.need("endpoint", "\"https://10.71.0.60:4318\"");
    let endpoint = endpoint.and_then(|item| zones::collector(&item, &egress, allow_plaintext));
    let tls = zones::tls(s);
    Some(Collector {
        endpoint: endpoint?,
        egress,
        tls,
    })
}
