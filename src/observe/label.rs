//! The words that labels are made of. A type's position is that of its word.

/// Which way traffic comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    Rest,
    Websocket,
    Msync,
    Admin,
}

impl Plane {
    #[cfg(feature = "otel")]
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

/// What became of asking a data centre for a sweep of one App.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    Done,
    Failed,
    /// It deletes by its own rules, and tells nothing.
    Unsupported,
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

pub(super) const PLANES: &[&str] = &["rest", "websocket", "msync", "admin"];
/// Those that the gateway decides about.
pub(super) const TRAFFIC: &[&str] = &["rest", "websocket", "msync"];
pub(super) const CLASSES: &[&str] = &["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
pub(super) const DIALS: &[&str] = &["allowed", "denied", "failed"];
pub(super) const DISTRUSTS: &[&str] =
    &["time", "name", "issuer", "pin", "certificate", "handshake"];
pub(super) const LOOKUPS: &[&str] = &["here", "elsewhere", "unknown", "unavailable", "untrusted"];
pub(super) const TOKENS: &[&str] = &["cached", "valid", "invalid", "expired"];
pub(super) const DIRECTIONS: &[&str] = &["up", "down"];
pub(super) const OUTCOMES: &[&str] = &["passed", "refused"];
pub(super) const EXPORTED: &[&str] = &["sent", "failed", "dropped"];
pub(super) const VIOLATIONS: &[&str] = &["foreign_path", "foreign_app", "probe"];
pub(super) const BLOCKED: &[&str] = &["location", "content-location", "refresh", "link"];
pub(super) const RELOADS: &[&str] = &["ok", "failed"];
pub(super) const SWEEPS: &[&str] = &["done", "failed", "unsupported"];
/// What a data centre tells of, except bytes.
pub(super) const KEPT: &[&str] = &["messages", "waiting", "files"];
pub(super) const STATES: &[&str] = &["active", "idle"];
pub(super) const CACHED: &[&str] = &["home", "elsewhere", "absent"];
/// As [`crate::domain::Transport`], and REST.
pub(super) const WAYS: &[&str] = &["rest", "websocket", "msync"];
pub(super) const LISTENERS: &[&str] = &["https", "msync", "admin"];
