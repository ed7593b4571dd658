//! Every metric with its labels and meaning. The board is laid out from it, and so is
//! `docs/metrics.md`.

use super::label::{
    BLOCKED, CACHED, CLASSES, DIALS, DIRECTIONS, DISTRUSTS, EXPORTED, KEPT, LISTENERS, LOOKUPS,
    OUTCOMES, PLANES, RELOADS, STATES, SWEEPS, TOKENS, TRAFFIC, VIOLATIONS, WAYS,
};

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [Label],
    /// One sentence, the `# HELP` of the exposition.
    pub help: &'static str,
    /// What else an operator must know.
    pub detail: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets, in seconds.
    Histogram(&'static [f64]),
}

#[derive(Debug, Clone, Copy)]
pub struct Label {
    pub name: &'static str,
    pub values: Values,
}

/// Where the values of a label come from.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    Words(&'static [&'static str]),
    /// `one_to_one`, `group`, `room`, `general`.
    Channels,
    /// Codes of refusals.
    Codes,
    /// The gateway's own region.
    Here,
    /// The regions of the catalogue.
    Regions,
    /// The gateway's zones.
    Zones,
    /// These, behind `none`.
    ZonesOrNone,
    /// Something else of the gateway's configuration or build.
    Other(&'static str),
}

/// All of them, in the order of the document.
pub const METRICS: &[Description] = &[
    REQUESTS,
    DURATION,
    DECISION,
    REFUSALS,
    VIOLATED,
    PROBE_REFUSED,
    PROBE_ANSWERED,
    PROBE_LAST_RUN,
    CROSS_REGION,
    MIGRATIONS,
    EGRESS_DIALS,
    RESPONSES_BLOCKED,
    CONNECTIONS,
    SESSIONS,
    FRAMES,
    UPSTREAM_DURATION,
    UPSTREAM_CONNECTIONS,
    UPSTREAM_HEALTHY,
    UPSTREAM_TLS_FAILURES,
    UPSTREAM_CERTIFICATE_EXPIRY,
    REGISTRY_LOOKUPS,
    REGISTRY_CACHE_ENTRIES,
    REGISTRY_UP,
    TOKENS_VERIFIED,
    AUDIT_ENTRIES,
    AUDIT_CHECKPOINT,
    RETENTION_SWEEPS,
    RETENTION_LAST_SWEEP,
    RETENTION_DELETED,
    CERTIFICATE_EXPIRY,
    CONFIG_RELOADS,
    TRACE_SPANS,
    CLOCK_SKEW,
    BUILD_INFO,
    process("process_cpu_seconds_total", Kind::Counter, "CPU time used."),
    process("process_open_fds", Kind::Gauge, "Open file descriptors."),
    process(
        "process_max_fds",
        Kind::Gauge,
        "File descriptors that may be open.",
    ),
    process(
        "process_virtual_memory_bytes",
        Kind::Gauge,
        "Address space.",
    ),
    process(
        "process_resident_memory_bytes",
        Kind::Gauge,
        "Memory in use.",
    ),
    process(
        "process_start_time_seconds",
        Kind::Gauge,
        "When the process started.",
    ),
    process("process_threads", Kind::Gauge, "Threads."),
];

pub(super) const REQUESTS: Description = Description {
    name: "domicile_requests_total",
    kind: Kind::Counter,
    labels: &[
        Label::new("region", Values::Here),
        Label::new("zone", Values::ZonesOrNone),
        PLANE,
        CHANNEL,
        Label::new("code_class", Values::Words(CLASSES)),
    ],
    help: "Requests that ended, by the class of their status.",
    detail: "`zone` is `none` when it was refused before a zone was chosen, and for the admin API. \
             `code_class` is `none` when the client or the data centre left before the answer's end.",
};

pub(super) const DURATION: Description = Description {
    name: "domicile_request_duration_seconds",
    kind: Kind::Histogram(SPANS),
    labels: &[PLANE, CHANNEL],
    help: "From the request's head to the end of its answer.",
    detail: "A session counts at its end, so its plane's values say how long sessions live.",
};

pub(super) const DECISION: Description = Description {
    name: "domicile_decision_seconds",
    kind: Kind::Histogram(DECISIONS),
    labels: &[Label::new("plane", Values::Words(TRAFFIC))],
    help: "The gateway's own work before a request is sent on or refused.",
    detail: "Includes a registry look-up where the App was not known, and reading a log-in body.",
};

pub(super) const REFUSALS: Description = Description {
    name: "domicile_refusals_total",
    kind: Kind::Counter,
    labels: &[PLANE, Label::new("code", Values::Codes)],
    help: "Refusals by their code.",
    detail: "Codes in [errors.md](errors.md); `admin` has codes of its own beside those of handshakes. \
             Handshakes that fail or were too many are in it, as `bad_request`, `tls_name` or `rate_limited`.",
};

pub(super) const VIOLATED: Description = Description {
    name: "domicile_residency_violations_total",
    kind: Kind::Counter,
    labels: &[Label::new("kind", Values::Words(VIOLATIONS))],
    help: "Bytes found on a wrong path, or a foreign App in an answer. Must stay 0.",
    detail: "`foreign_app`: an answer marked as another App's, or a JID of another App in a session; it was \
             withheld. `foreign_path` has no writer: the types leave no way to it. `probe`: a region let another \
             region's canary in ([probe.md](probe.md)).",
};

pub(super) const PROBE_REFUSED: Description = Description {
    name: "domicile_probe_refused",
    kind: Kind::Gauge,
    labels: &[
        Label::new("home", Values::Regions),
        Label::new("region", Values::Regions),
        WAY,
    ],
    help: "Whether a region refused another region's canary at the last probe.",
    detail: "At all its endpoints of that transport: 1 or 0. 0 is a violation, or an endpoint that showed nothing: see \
             the metric above. Appears with the first probe ([probe.md](probe.md)). `region` is the one asked; where \
             the scrape adds a `region`, Prometheus keeps it as `exported_region`.",
};

pub(super) const PROBE_ANSWERED: Description = Description {
    name: "domicile_probe_answered",
    kind: Kind::Gauge,
    labels: &[Label::new("region", Values::Regions), WAY],
    help: "Whether a region knew its own canary at the last probe.",
    detail: "Without it that region's refusals prove nothing. Appears with the first probe. `region` as above.",
};

pub(super) const PROBE_LAST_RUN: Description = Description {
    name: "domicile_probe_last_run_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "When the last probe ended, in unix seconds.",
    detail: "0 before the first, and where `probe` is off.",
};

pub(super) const CROSS_REGION: Description = Description {
    name: "domicile_cross_region_attempts_total",
    kind: Kind::Counter,
    labels: &[Label::new("home", Values::Regions)],
    help: "Requests for Apps that live elsewhere, by their home.",
    detail: "All refused; the audit log counts them, too.",
};

pub(super) const MIGRATIONS: Description = Description {
    name: "domicile_migration_attempts_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Attempts to move an App. All are refused.",
    detail: "Each is in the audit log.",
};

pub(super) const EGRESS_DIALS: Description = Description {
    name: "domicile_egress_dials_total",
    kind: Kind::Counter,
    labels: &[Label::new("verdict", Values::Words(DIALS))],
    help: "Addresses dialled, or denied by the egress guard.",
    detail: "Probes included.",
};

pub(super) const RESPONSES_BLOCKED: Description = Description {
    name: "domicile_response_blocked_total",
    kind: Kind::Counter,
    labels: &[Label::new("header", Values::Words(BLOCKED))],
    help: "Answers withheld because a header named another region.",
    detail: "The client got 502 `cross_region_reference`.",
};

pub(super) const CONNECTIONS: Description = Description {
    name: "domicile_connections",
    kind: Kind::Gauge,
    labels: &[PLANE],
    help: "Open client connections.",
    detail: "A WebSocket counts under `websocket` once it is upgraded.",
};

pub(super) const SESSIONS: Description = Description {
    name: "domicile_sessions",
    kind: Kind::Gauge,
    labels: &[Label::new(
        "transport",
        Values::Words(&["websocket", "msync"]),
    )],
    help: "SDK sessions that are logged in.",
    detail: "",
};

pub(super) const FRAMES: Description = Description {
    name: "domicile_frames_total",
    kind: Kind::Counter,
    labels: &[
        CHANNEL,
        Label::new("direction", Values::Words(DIRECTIONS)),
        Label::new("outcome", Values::Words(OUTCOMES)),
    ],
    help: "Frames of SDK sessions that were looked at.",
    detail: "The PROVISION and its answer are not among them. `up` is from the client.",
};

pub(super) const UPSTREAM_DURATION: Description = Description {
    name: "domicile_upstream_duration_seconds",
    kind: Kind::Histogram(SPANS),
    labels: &[ZONE],
    help: "From sending a request to the head of the data centre's answer.",
    detail: "For a session, to the data centre's answer to its log-in.",
};

pub(super) const UPSTREAM_CONNECTIONS: Description = Description {
    name: "domicile_upstream_connections",
    kind: Kind::Gauge,
    labels: &[ZONE, Label::new("state", Values::Words(STATES))],
    help: "Open connections to the data centre.",
    detail: "`active`: requests under way; `idle`: connections kept for the next.",
};

pub(super) const UPSTREAM_HEALTHY: Description = Description {
    name: "domicile_upstream_healthy",
    kind: Kind::Gauge,
    labels: &[
        ZONE,
        Label::new(
            "upstream",
            Values::Other("its address in the configuration"),
        ),
    ],
    help: "Whether an upstream is in use (1) or ejected (0).",
    detail: "",
};

pub(super) const UPSTREAM_TLS_FAILURES: Description = Description {
    name: "domicile_upstream_tls_failures_total",
    kind: Kind::Counter,
    labels: &[ZONE, Label::new("reason", Values::Words(DISTRUSTS))],
    help: "TLS handshakes with the data centre that failed. Nothing was sent.",
    detail: "Probes included ([tls.md](tls.md)).",
};

pub(super) const UPSTREAM_CERTIFICATE_EXPIRY: Description = Description {
    name: "domicile_upstream_certificate_expiry_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &[ZONE],
    help: "When the gateway's certificate for a zone ends, in unix seconds.",
    detail: "Only where there is one.",
};

pub(super) const REGISTRY_LOOKUPS: Description = Description {
    name: "domicile_registry_lookups_total",
    kind: Kind::Counter,
    labels: &[Label::new("result", Values::Words(LOOKUPS))],
    help: "Look-ups of an App, by their result.",
    detail: "What requests were told of their App, from memory or not.",
};

pub(super) const REGISTRY_CACHE_ENTRIES: Description = Description {
    name: "domicile_registry_cache_entries",
    kind: Kind::Gauge,
    labels: &[Label::new("kind", Values::Words(CACHED))],
    help: "Answers of the registry held in memory.",
    detail: "",
};

pub(super) const REGISTRY_UP: Description = Description {
    name: "domicile_registry_up",
    kind: Kind::Gauge,
    labels: &[],
    help: "Whether the registry answers.",
    detail: "1 when the store answered the last time.",
};

pub(super) const TOKENS_VERIFIED: Description = Description {
    name: "domicile_tokens_verified_total",
    kind: Kind::Counter,
    labels: &[Label::new("result", Values::Words(TOKENS))],
    help: "Tokens checked, by their result.",
    detail: "`cached`: known from an earlier check.",
};

pub(super) const AUDIT_ENTRIES: Description = Description {
    name: "domicile_audit_entries_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Entries written to the audit log.",
    detail: "All that the log has, so it goes on where it was after a restart.",
};

pub(super) const AUDIT_CHECKPOINT: Description = Description {
    name: "domicile_audit_last_checkpoint_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "When the audit log's newest checkpoint was written, in unix seconds.",
    detail: "Moves with entries only: an idle gateway's stands still.",
};

pub(super) const RETENTION_SWEEPS: Description = Description {
    name: "domicile_retention_sweeps_total",
    kind: Kind::Counter,
    labels: &[ZONE, Label::new("result", Values::Words(SWEEPS))],
    help: "Sweeps of one App that data centres were asked for.",
    detail: "Each App about every ten minutes, by each gateway of the region. `unsupported`: the data centre has no \
             such call and deletes by its own rules ([retention.md](retention.md)).",
};

pub(super) const RETENTION_LAST_SWEEP: Description = Description {
    name: "domicile_retention_last_sweep_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &[ZONE],
    help: "When all Apps of a zone had last been swept, in unix seconds.",
    detail: "0 until the first time since the start. Stands still while the data centre fails or has no such call.",
};

pub(super) const RETENTION_DELETED: Description = Description {
    name: "domicile_retention_deleted_total",
    kind: Kind::Counter,
    labels: &[ZONE, CHANNEL, Label::new("kind", Values::Words(KEPT))],
    help: "What data centres have deleted because it was past its retention.",
    detail: "As told for the audit log: at least once, so a report that is told again counts again.",
};

pub(super) const CERTIFICATE_EXPIRY: Description = Description {
    name: "domicile_certificate_expiry_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &[Label::new("listener", Values::Words(LISTENERS))],
    help: "When the listener's certificate ends, in unix seconds.",
    detail: "Of several, and of a chain, the one that ends first.",
};

pub(super) const CONFIG_RELOADS: Description = Description {
    name: "domicile_config_reloads_total",
    kind: Kind::Counter,
    labels: &[Label::new("result", Values::Words(RELOADS))],
    help: "Changed configurations, certificates, keys and CAs put in place or refused.",
    detail: "",
};

pub(super) const TRACE_SPANS: Description = Description {
    name: "domicile_trace_spans_total",
    kind: Kind::Counter,
    labels: &[Label::new("result", Values::Words(EXPORTED))],
    help: "Spans for the collector, by what became of them.",
    detail: "`failed`: the collector did not take it. `dropped`: there was no room to wait for it ([traces.md](traces.md)).",
};

pub(super) const CLOCK_SKEW: Description = Description {
    name: "domicile_clock_skew_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "How far the newest token's issue time was ahead of this clock.",
    detail: "0 when it was not. One backend with a wrong clock shows for a moment; when it never falls back to 0, it is \
             this machine's clock that is late. It says nothing of a clock that is early.",
};

pub(super) const BUILD_INFO: Description = Description {
    name: "domicile_build_info",
    kind: Kind::Gauge,
    labels: &[
        Label::new("region", Values::Here),
        Label::new("version", Values::Other("that of the program")),
    ],
    help: "What is running.",
    detail: "Always 1.",
};

const PLANE: Label = Label::new("plane", Values::Words(PLANES));
const CHANNEL: Label = Label::new("channel", Values::Channels);
const ZONE: Label = Label::new("zone", Values::Zones);
const WAY: Label = Label::new("transport", Values::Words(WAYS));

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

impl Label {
    const fn new(name: &'static str, values: Values) -> Self {
        Self { name, values }
    }
}

/// The client library's own; its `# HELP` is another.
const fn process(name: &'static str, kind: Kind, help: &'static str) -> Description {
    Description {
        name,
        kind,
        labels: &[],
        help,
        detail: "Of the whole process, from `/proc`.",
    }
}
