//! What happened: one event, its metrics and its log line together.

mod board;
mod label;
mod metrics;
mod record;
mod stopwatch;
mod table;

pub use board::{Board, BoardBuilder, Counter, Histogram};
pub use label::{
    Dial, Direction, Distrust, Lookup, Outcome, Plane, Swept, TokenVerdict, Violation,
};
pub use metrics::Metrics;
pub use record::{Recorder, RequestId, RequestRecord};
pub use stopwatch::Stopwatch;
pub use table::{Description, Kind, Label, METRICS, Values};
