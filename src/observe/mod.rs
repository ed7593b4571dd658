//! What happened: one event, its metrics and its log line together.

mod board;
mod context;
mod label;
mod metrics;
mod record;
mod stopwatch;
mod table;
mod tracer;

pub use board::{Board, BoardBuilder, Counter, Histogram};
pub use context::{Parent, TraceContext, is_trace_state};
pub use label::{
    Dial, Direction, Distrust, Exported, Lookup, Outcome, Plane, Swept, TokenVerdict, Violation,
};
pub use metrics::Metrics;
pub use record::{Recorder, RequestId, RequestRecord};
pub use stopwatch::Stopwatch;
pub use table::{Description, Kind, Label, METRICS, Values};
pub use tracer::{Finished, Parents, Tracer, Upstream};
