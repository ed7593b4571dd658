//! Counters and histograms that cores don't share.
//!
//! Every core writes its own shard, a plain array in which each series has a fixed place; a scrape
//! adds the shards up. So counting is one plain addition, with label values resolved once. Threads that
//! are no cores share a shard.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, LabelPair, Metric, MetricFamily, MetricType};

use crate::shard;

/// A counter's family: one series for each combination of label values.
#[derive(Debug, Clone, Copy)]
pub struct Counter {
    base: usize,
    /// Values of the second, third … label, for the place of a series.
    radix: [usize; 4],
}

/// A histogram's family, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Histogram {
    base: usize,
    second: usize,
    bounds: &'static [f64],
}

/// The counters of one gateway.
#[derive(Debug)]
pub struct Board {
    families: Vec<Family>,
    shards: Vec<Box<[AtomicU64]>>,
}

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    base: usize,
    labels: Vec<(&'static str, Vec<String>)>,
    bounds: Option<&'static [f64]>,
}

/// Lays out a [`Board`].
#[derive(Debug, Default)]
pub struct BoardBuilder {
    families: Vec<Family>,
    size: usize,
}

type Labels<'a> = &'a [(&'static str, Vec<String>)];

impl BoardBuilder {
    /// A counter with every combination of these label values, all there from the start.
    pub fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
    ) -> Counter {
        let base = self.push(name, help, labels, None);
        let mut radix = [1; 4];
        for (place, (_, values)) in radix.iter_mut().zip(labels.iter().skip(1)) {
            *place = values.len();
        }
        Counter { base, radix }
    }

    /// A histogram of seconds with at most two labels.
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        bounds: &'static [f64],
    ) -> Histogram {
        let base = self.push(name, help, labels, Some(bounds));
        let second = labels.get(1).map_or(1, |(_, values)| values.len());
        Histogram {
            base,
            second,
            bounds,
        }
    }

    fn push(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
        bounds: Option<&'static [f64]>,
    ) -> usize {
        let base = self.size;
        let series: usize = labels.iter().map(|(_, values)| values.len()).product();
        self.size += series * bounds.map_or(1, cells);
        self.families.push(Family {
            name,
            help,
            base,
            labels: labels.to_vec(),
            bounds,
        });
        base
    }

    pub fn build(self) -> Board {
        let one = || (0..self.size).map(|_| AtomicU64::new(0)).collect();
        Board {
            shards: (0..=shard::COMMON).map(|_| one()).collect(),
            families: self.families,
        }
    }
}

/// Cells of one histogram series: the buckets, the one beyond, the sum in nanoseconds.
const fn cells(bounds: &'static [f64]) -> usize {
    bounds.len() + 2
}

impl Board {
    /// Adds one to the series at these positions of the label values.
    pub fn count(&self, counter: Counter, at: &[usize]) {
        self.add(counter, at, 1);
    }

    pub fn add(&self, counter: Counter, at: &[usize], by: u64) {
        let mut place = at.first().copied().unwrap_or(0);
        for (position, radix) in at.iter().skip(1).zip(counter.radix) {
            place = place * radix + position;
        }
        self.cell(counter.base + place, by);
    }

    pub fn observe(&self, histogram: Histogram, at: [usize; 2], span: Duration) {
        let series = at[0] * histogram.second + at[1];
        let base = histogram.base + series * cells(histogram.bounds);
        let seconds = span.as_secs_f64();
        // Most are in one of the first.
        let bucket = histogram
            .bounds
            .iter()
            .take_while(|bound| **bound < seconds);
        let bucket = bucket.count();
        self.cell(base + bucket, 1);
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.cell(base + histogram.bounds.len() + 1, nanos);
    }

    fn cell(&self, place: usize, by: u64) {
        let mine = shard::mine();
        let Some(cell) = self.shards[mine].get(place) else {
            return;
        };
        if mine == shard::COMMON {
            cell.fetch_add(by, Ordering::Relaxed);
        } else {
            // Nobody else writes it, so a locked addition would only wait for the core's other writes.
            let sum = cell.load(Ordering::Relaxed).wrapping_add(by);
            cell.store(sum, Ordering::Relaxed);
        }
    }

    fn total(&self, place: usize) -> u64 {
        let cells = self.shards.iter().filter_map(|shard| shard.get(place));
        cells.fold(0, |sum, cell| {
            sum.wrapping_add(cell.load(Ordering::Relaxed))
        })
    }

    /// The value of one counter series.
    pub fn value(&self, counter: Counter, at: &[usize]) -> u64 {
        let mut place = at.first().copied().unwrap_or(0);
        for (position, radix) in at.iter().skip(1).zip(counter.radix) {
            place = place * radix + position;
        }
        self.total(counter.base + place)
    }
}

impl Collector for Board {
    fn desc(&self) -> Vec<&Desc> {
        // Uniqueness of names is ours to keep: the board is laid out in one place.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families.iter().map(|f| self.family(f)).collect()
    }
}

impl Board {
    fn family(&self, family: &Family) -> MetricFamily {
        let mut out = MetricFamily::default();
        out.set_name(family.name.to_owned());
        out.set_help(family.help.to_owned());
        let kind = match family.bounds {
            Some(_) => MetricType::HISTOGRAM,
            None => MetricType::COUNTER,
        };
        out.set_field_type(kind);
        let series = combinations(&family.labels).into_iter().enumerate();
        let metrics = series.map(|(n, labels)| self.metric(family, n, labels));
        out.set_metric(metrics.collect());
        out
    }

    #[expect(clippy::cast_precision_loss, reason = "a counter is shown as a float")]
    fn metric(&self, family: &Family, n: usize, labels: Vec<LabelPair>) -> Metric {
        let mut metric = Metric::default();
        metric.set_label(labels);
        match family.bounds {
            None => {
                let mut counter = proto::Counter::default();
                counter.set_value(self.total(family.base + n) as f64);
                metric.set_counter(counter);
            }
            Some(bounds) => {
                let base = family.base + n * cells(bounds);
                metric.set_histogram(self.histogram(base, bounds));
            }
        }
        metric
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum is shown as a float")]
    fn histogram(&self, base: usize, bounds: &'static [f64]) -> proto::Histogram {
        let mut out = proto::Histogram::default();
        let mut seen = 0;
        let mut buckets = Vec::with_capacity(bounds.len());
        for (n, bound) in bounds.iter().enumerate() {
            seen += self.total(base + n);
            let mut bucket = proto::Bucket::default();
            bucket.set_cumulative_count(seen);
            bucket.set_upper_bound(*bound);
            buckets.push(bucket);
        }
        seen += self.total(base + bounds.len());
        out.set_bucket(buckets);
        out.set_sample_count(seen);
        out.set_sample_sum(self.total(base + bounds.len() + 1) as f64 / 1e9);
        out
    }
}

/// Every combination of label values, the last label running fastest.
fn combinations(labels: Labels<'_>) -> Vec<Vec<LabelPair>> {
    let mut all: Vec<Vec<LabelPair>> = vec![Vec::new()];
    for (name, values) in labels {
        all = all
            .iter()
            .flat_map(|head| values.iter().map(|value| extended(head, name, value)))
            .collect();
    }
    all
}

fn extended(head: &[LabelPair], name: &str, value: &str) -> Vec<LabelPair> {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    let mut labels = head.to_vec();
    labels.push(pair);
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn series_keep_apart_and_shards_add_up() {
        let mut builder = BoardBuilder::default();
        let labels = [("a", words(&["x", "y"])), ("b", words(&["1", "2", "3"]))];
        let first = builder.counter("first_total", "First.", &labels);
        let second = builder.counter("second_total", "Second.", &labels[..1]);
        let board = std::sync::Arc::new(builder.build());
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let board = std::sync::Arc::clone(&board);
                std::thread::spawn(move || {
                    board.count(first, &[1, 2]);
                    board.add(second, &[0], 5);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(board.value(first, &[1, 2]), 4);
        assert_eq!(board.value(first, &[1, 1]), 0);
        assert_eq!(board.value(second, &[0]), 20);
    }

    #[test]
    fn text_has_every_series_and_cumulative_buckets() {
        let mut builder = BoardBuilder::default();
        let labels = [("plane", words(&["rest"]))];
        builder.counter("idle_total", "Idle.", &labels);
        let spans = builder.histogram("span_seconds", "Span.", &labels, &[0.001, 0.01]);
        let board = builder.build();
        board.observe(spans, [0, 0], Duration::from_micros(10));
        board.observe(spans, [0, 0], Duration::from_millis(5));
        board.observe(spans, [0, 0], Duration::from_secs(1));
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&board.collect())
            .unwrap();
        for line in [
            r#"idle_total{plane="rest"} 0"#,
            r#"span_seconds_bucket{plane="rest",le="0.001"} 1"#,
            r#"span_seconds_bucket{plane="rest",le="0.01"} 2"#,
            r#"span_seconds_bucket{plane="rest",le="+Inf"} 3"#,
            r#"span_seconds_count{plane="rest"} 3"#,
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
