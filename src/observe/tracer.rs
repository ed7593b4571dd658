//! Which requests are traced, and the bounded way from them to the exporter. What is told of a request
//! is [`Finished`], and nothing of it is personal (promise P7).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::context::{Parent, TraceContext};
use super::label::{Exported, Plane};
use super::metrics::Metrics;
use super::record::RequestId;
use crate::domain::{AppId, Channel, Clock, Code};

/// A request that has ended: its own span, and that of what went to the data centre.
#[derive(Debug, Clone)]
pub struct Finished {
    pub trace: [u8; 32],
    pub span: [u8; 16],
    pub parent: Option<[u8; 16]>,
    /// When the request began, in unix milliseconds, and how long it took.
    pub began: u64,
    pub took: Duration,
    pub upstream: Option<Upstream>,
    pub id: RequestId,
    pub method: &'static str,
    /// The route's template, never the path.
    pub route: &'static str,
    pub plane: Plane,
    pub channel: Channel,
    /// As in [`Metrics::zone_position`].
    pub zone: usize,
    pub app: Option<AppId>,
    pub status: u16,
    pub code: Option<Code>,
    pub complete: bool,
    pub decision: Duration,
}

impl Finished {
    /// How many spans it makes.
    pub fn spans(&self) -> u64 {
        1 + u64::from(self.upstream.is_some())
    }
}

/// What went to the data centre: from sending until its answer's head, or the failure.
#[derive(Debug, Clone, Copy)]
pub struct Upstream {
    pub span: [u8; 16],
    pub from: Duration,
    pub took: Duration,
    pub answered: bool,
}

/// Whose `traceparent` is continued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Parents {
    /// Trusted proxies, which have their own reasons for the ids that they choose.
    #[default]
    Trusted,
    Anybody,
}

/// How many finished requests may wait for the exporter.
pub const WAITING: usize = 4096;

/// Decides what is traced, and takes what is told of it.
pub struct Tracer {
    /// Of 2^64: how many random numbers lead to a trace.
    threshold: u128,
    parents: Parents,
    finished: Sender<Finished>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl Tracer {
    /// `ratio` is how many of the requests are traced at most, from 0 to 1.
    pub fn new(
        ratio: f64,
        parents: Parents,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> (Arc<Self>, Receiver<Finished>) {
        let (finished, receiver) = channel(WAITING);
        let tracer = Self {
            threshold: threshold(ratio),
            parents,
            finished,
            clock,
            metrics,
        };
        (Arc::new(tracer), receiver)
    }

    /// Whether a caller's trace is continued.
    pub fn continues(&self, trusted: bool) -> bool {
        trusted || self.parents == Parents::Anybody
    }

    /// Begins what is known of a request's trace. A caller that does not record is followed; one that
    /// does gets no more than its share, whatever ids it chooses.
    pub(super) fn begin(&self, id: RequestId, parent: Option<Parent>) -> Traced {
        let wanted = parent.is_none_or(|parent| parent.sampled);
        Traced {
            context: TraceContext {
                trace: parent.map_or(*id.digits(), |parent| parent.trace),
                span: RequestId::span(),
                sampled: wanted && u128::from(RequestId::random()) < self.threshold,
                continues: parent.is_some(),
            },
            span: RequestId::span(),
            parent: parent.map(|parent| parent.span),
            began: self.clock.unix_millis(),
            sent: None,
            heard: None,
        }
    }

    /// Never waits: what finds no room is counted and forgotten.
    pub(super) fn take(&self, finished: Finished) {
        let spans = finished.spans();
        if self.finished.try_send(finished).is_err() {
            self.metrics.spans(Exported::Dropped, spans);
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").finish_non_exhaustive()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of 2^64, which needs no last digits"
)]
fn threshold(ratio: f64) -> u128 {
    (ratio.clamp(0.0, 1.0) * (u64::MAX as f64 + 1.0)) as u128
}

/// The trace of a request under way.
#[derive(Debug, Clone)]
pub(super) struct Traced {
    /// For the data centre; its span is the child's.
    pub context: TraceContext,
    pub span: [u8; 16],
    pub parent: Option<[u8; 16]>,
    pub began: u64,
    pub sent: Option<Duration>,
    pub heard: Option<Duration>,
}

impl Traced {
    /// What went to the data centre, if anything did. `took`: all of the request.
    pub fn upstream(&self, took: Duration) -> Option<Upstream> {
        let from = self.sent?;
        Some(Upstream {
            span: self.context.span,
            from,
            took: self.heard.unwrap_or(took).saturating_sub(from),
            answered: self.heard.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ManualClock, RegionId, ZoneId};

    fn tracer(ratio: f64) -> (Arc<Tracer>, Receiver<Finished>) {
        let region = RegionId::parse("frankfurt").unwrap();
        let zones = [ZoneId::parse("fra1").unwrap()];
        let metrics = Metrics::new(&region, &zones, std::slice::from_ref(&region));
        let clock = Arc::new(ManualClock::at(1_795_460_400));
        Tracer::new(ratio, Parents::Trusted, clock, Arc::new(metrics))
    }

    fn parent(flags: &str) -> Option<Parent> {
        // The least of all trace ids, which would be sampled by any rule that looks at it.
        let text = format!("00-00000000000000000000000000000001-b7ad6b7169203331-{flags}");
        Parent::parse(text.as_bytes())
    }

    /// Control: the random number in `Tracer::begin`, which no caller has a say in.
    #[test]
    fn callers_get_their_share_and_no_more() {
        for (ratio, least, most) in [(0.0, 0, 0), (0.1, 500, 1_500), (1.0, 10_000, 10_000)] {
            let (tracer, _finished) = tracer(ratio);
            for parent in [None, parent("01")] {
                let begun = (0..10_000).map(|_| tracer.begin(RequestId::fresh(), parent));
                let sampled = begun.filter(|traced| traced.context.sampled).count();
                assert!((least..=most).contains(&sampled), "{ratio}: {sampled}");
            }
        }
    }

    /// Control: the queue is bounded, and nobody waits at it.
    #[test]
    fn what_finds_no_room_is_counted_and_forgotten() {
        let (tracer, finished) = tracer(1.0);
        let id = RequestId::fresh();
        let mut traced = tracer.begin(id, None);
        traced.sent = Some(Duration::ZERO);
        for _ in 0..WAITING + 5 {
            tracer.take(Finished {
                trace: traced.context.trace,
                span: traced.span,
                parent: None,
                began: traced.began,
                took: Duration::ZERO,
                upstream: traced.upstream(Duration::ZERO),
                id,
                method: "GET",
                route: "users",
                plane: Plane::Rest,
                channel: Channel::General,
                zone: 0,
                app: None,
                status: 200,
                code: None,
                complete: true,
                decision: Duration::ZERO,
            });
        }
        assert_eq!(finished.len(), WAITING);
        let text = tracer.metrics.render();
        let mut lines = text.lines();
        let dropped = lines.find(|line| line.contains("result=\"dropped\""));
        let expected = "domicile_trace_spans_total{result=\"dropped\"} 10";
        assert_eq!(dropped, Some(expected));
    }

    #[test]
    fn a_caller_that_does_not_record_is_followed() {
        let (tracer, _finished) = tracer(1.0);
        let traced = tracer.begin(RequestId::fresh(), parent("00"));
        assert!(!traced.context.sampled && traced.context.continues);
        assert_eq!(&traced.context.trace, b"00000000000000000000000000000001");
        assert_eq!(traced.parent.as_ref(), Some(b"b7ad6b7169203331"));
        assert_ne!(traced.context.span, traced.span);
    }
}
