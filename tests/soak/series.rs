//! Samples of a process, and whether they grow.

/// What a process had at a moment. Memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Seconds since it began.
    pub at: f64,
    /// Its own pages: what is mapped from files is not among them.
    pub anonymous: f64,
    pub resident: f64,
    pub threads: f64,
    pub files: f64,
}

/// How something changed over a series.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// Medians of the first and the last third.
    pub first: f64,
    pub last: f64,
    /// Of the line that fits best, a second.
    pub slope: f64,
    /// From the middle of the first third to the middle of the last, in seconds.
    pub seconds: f64,
}

impl Growth {
    /// # Panics
    /// When there are too few samples to say anything.
    pub fn of(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Self {
        let third = samples.len() / 3;
        assert!(third >= 10, "only {} samples", samples.len());
        let (first, last) = (&samples[..third], &samples[samples.len() - third..]);
        let middle = |part: &[Sample]| median(part.iter().map(|sample| sample.at).collect());
        Self {
            first: median(first.iter().map(&value).collect()),
            last: median(last.iter().map(&value).collect()),
            slope: slope(samples, &value),
            seconds: middle(last) - middle(first),
        }
    }

    /// By how much it grew: by the medians, and by the line. Both must say so before it counts:
    /// caches are emptied by halves, so that a part of the series may end high or low.
    pub fn by(&self) -> f64 {
        (self.last - self.first).min(self.slope * self.seconds)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// By least squares.
fn slope(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|sample| sample.at), mean(&value));
    let with = |sample: &Sample| (sample.at - x) * (value(sample) - y);
    let square = |sample: &Sample| (sample.at - x).powi(2);
    samples.iter().map(with).sum::<f64>() / samples.iter().map(square).sum::<f64>()
}

#[test]
fn a_leak_shows_and_a_saw_does_not() {
    let series = |value: &dyn Fn(f64) -> f64| -> Vec<Sample> {
        let sample = |n: u32| Sample {
            at: f64::from(n),
            anonymous: value(f64::from(n)),
            ..Sample::default()
        };
        (0..300).map(sample).collect()
    };
    let grown = |value: &dyn Fn(f64) -> f64| Growth::of(&series(value), |s| s.anonymous).by();
    let leak = grown(&|at| 100.0 + 2.0 * at);
    assert!((leak - 400.0).abs() < 1.0, "{leak}");
    let saw = grown(&|at| 100.0 + at % 47.0);
    assert!(saw < 10.0, "{saw}");
    let both = grown(&|at| 100.0 + at % 47.0 + 2.0 * at);
    assert!((350.0..450.0).contains(&both), "{both}");
    assert!(grown(&|at| 1_000.0 - at) < 0.0);
}
