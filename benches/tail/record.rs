//! The figures of a phase.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// How long calls took that fell due in one phase.
pub struct Record {
    name: String,
    begun: Instant,
    closed: Option<Instant>,
    times: Histogram<u64>,
    /// How late calls were handed to a connection that had nothing else to do: it is this program
    /// that was late, or was kept from its core.
    lags: Histogram<u64>,
    statuses: BTreeMap<u16, u64>,
    failures: u64,
    unanswered: u64,
    slots: Option<Slots>,
}

struct Slots {
    width: Duration,
    all: Vec<Slot>,
}

/// Calls that fell due in it.
#[derive(Clone, Copy, Default)]
struct Slot {
    longest: Duration,
    latest: Duration,
    unanswered: u64,
}

/// Longer ones count as this.
const LONGEST: Duration = Duration::from_secs(120);

/// Figures are right to a thousandth.
const DIGITS: u8 = 3;

impl Record {
    /// # Errors
    /// When the histogram's bounds are none.
    pub fn new(name: &str, begun: Instant, slot: Option<Duration>) -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, nanoseconds(LONGEST), DIGITS);
        Ok(Self {
            name: name.to_owned(),
            begun,
            closed: None,
            times: histogram()?,
            lags: histogram()?,
            statuses: BTreeMap::new(),
            failures: 0,
            unanswered: 0,
            slots: slot.map(|width| Slots {
                width,
                all: Vec::new(),
            }),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn close(&mut self, at: Instant) {
        self.closed = Some(at);
    }

    /// A call was handed on only now.
    pub fn late(&mut self, due: Instant, now: Instant) {
        let lag = now.saturating_duration_since(due);
        self.lags.saturating_record(nanoseconds(lag));
        if let Some(slot) = self.slot(due) {
            slot.latest = slot.latest.max(lag);
        }
    }

    pub fn answered(&mut self, due: Instant, now: Instant, status: Option<u16>, is_good: bool) {
        self.took(due, now);
        if let Some(status) = status {
            *self.statuses.entry(status).or_default() += 1;
        }
        self.failures += u64::from(!is_good);
    }

    pub fn unanswered(&mut self, due: Instant, now: Instant) {
        self.took(due, now);
        self.unanswered += 1;
        if let Some(slot) = self.slot(due) {
            slot.unanswered += 1;
        }
    }

    fn took(&mut self, due: Instant, now: Instant) {
        let time = now.saturating_duration_since(due);
        self.times.saturating_record(nanoseconds(time));
        if let Some(slot) = self.slot(due) {
            slot.longest = slot.longest.max(time);
        }
    }

    fn slot(&mut self, due: Instant) -> Option<&mut Slot> {
        let since = due.saturating_duration_since(self.begun);
        let slots = self.slots.as_mut()?;
        let at = usize::try_from(since.as_nanos() / slots.width.as_nanos().max(1)).ok()?;
        if slots.all.len() <= at {
            slots.all.resize(at + 1, Slot::default());
        }
        slots.all.get_mut(at)
    }

    /// Times are in microseconds.
    pub fn figures(&self) -> Value {
        let end = self.closed.unwrap_or(self.begun);
        let seconds = end.saturating_duration_since(self.begun).as_secs_f64();
        json!({
            "name": self.name,
            "seconds": seconds,
            "requests": self.times.len(),
            "failures": self.failures,
            "unanswered": self.unanswered,
            "statuses": self.statuses,
            "time": quantiles(&self.times),
            "lag": quantiles(&self.lags),
            "slots": self.slots.as_ref().map(Slots::figures),
        })
    }
}

impl Slots {
    fn figures(&self) -> Value {
        let each = |slot: &Slot| {
            json!([
                slot.longest.as_micros(),
                slot.latest.as_micros(),
                slot.unanswered
            ])
        };
        json!({
            "milliseconds": self.width.as_millis(),
            "longest_lag_unanswered": self.all.iter().map(each).collect::<Vec<_>>(),
        })
    }
}

fn quantiles(times: &Histogram<u64>) -> Value {
    let at = |quantile| microseconds(times.value_at_quantile(quantile));
    json!({
        "p50": at(0.5),
        "p90": at(0.9),
        "p99": at(0.99),
        "p99.9": at(0.999),
        "max": microseconds(times.max()),
    })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// With one digit after the point.
fn microseconds(nanoseconds: u64) -> f64 {
    (nanoseconds as f64 / 100.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_call_that_could_not_be_sent_has_waited_all_the_same() {
        let begun = Instant::now();
        let mut record = Record::new("stall", begun, Some(milliseconds(10))).unwrap();
        for n in 0..999 {
            let due = begun + milliseconds(n);
            record.answered(due, due + milliseconds(1), Some(200), true);
        }
        // Due in the middle, sent and answered much later.
        let due = begun + milliseconds(505);
        record.answered(due, due + milliseconds(700), Some(503), false);
        record.unanswered(begun + milliseconds(1_000), begun + milliseconds(3_000));
        record.close(begun + milliseconds(1_001));
        let told = record.figures();
        assert_eq!(told["requests"], 1_001);
        assert_eq!([&told["failures"], &told["unanswered"]], [1, 1]);
        assert_eq!(told["statuses"], json!({"200": 999, "503": 1}));
        let near =
            |value: &Value, expected: f64| (value.as_f64().unwrap() / expected - 1.0).abs() < 0.001;
        assert!(near(&told["time"]["p50"], 1_000.0), "{told}");
        assert!(near(&told["time"]["p99.9"], 700_000.0), "{told}");
        assert!(near(&told["time"]["max"], 2_000_000.0), "{told}");
        let slots = &told["slots"]["longest_lag_unanswered"];
        assert_eq!(slots[49], json!([1_000, 0, 0]));
        assert_eq!(slots[50], json!([700_000, 0, 0]));
        assert_eq!(slots[100], json!([2_000_000, 0, 1]));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn lag_is_kept_apart_from_what_calls_took() {
        let begun = Instant::now();
        let mut record = Record::new("lag", begun, None).unwrap();
        record.late(begun, begun + milliseconds(2));
        // The kernel's timer and this clock may differ by a little.
        record.late(begun + milliseconds(1), begun);
        let told = record.figures();
        assert_eq!(told["requests"], 0);
        assert!(told["lag"]["max"].as_f64().unwrap() >= 2_000.0);
    }
}
