//! What happened: one event, its metrics and its log line together.

mod board;
mod context;
mod metrics;
mod record;
mod stopwatch;
mod tracer;

pub use board::{Board, BoardBuilder, Counter, Histogram};
pub use context::{Parent, TraceContext, is_trace_state};
pub use metrics::{
    Dial, Direction, Distrust, Exported, Lookup, Metrics, Outcome, Plane, TokenVerdict, Violation,
};
pub use record::{Recorder, RequestId, RequestRecord};
pub use stopwatch::Stopwatch;
pub use tracer::{Finished, Parents, Tracer, Upstream};
