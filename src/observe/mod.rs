//! What happened: one event, its metrics and its log line together.

mod board;
mod metrics;
mod record;
mod stopwatch;

pub use board::{Board, BoardBuilder, Counter, Histogram};
pub use metrics::{
    Dial, Direction, Distrust, Lookup, Metrics, Outcome, Plane, TokenVerdict, Violation,
};
pub use record::{Recorder, RequestId, RequestRecord};
pub use stopwatch::Stopwatch;
