//! Samples of a process, and whether they grow.

/// What a process had at a moment. Memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Seconds since it began.
    pub at: f64,
    /// Tokens that it had been shown by then, each for the first time.
    pub tokens: u64,
    /// Its own pages: what is mapped from files is not among them.
    pub anonymous: f64,
    pub resident: f64,
    pub threads: f64,
    pub files: f64,
}

/// Tokens in a generation of a core's cache (`src/auth/verified.rs`).
///
/// With each the cache falls from two generations to one: its memory is a saw with teeth of more than
/// 10 MiB. So parts of a series are compared that are whole teeth, however long they take.
pub const GENERATION: u64 = 16_384;

/// How something changed over a series.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// Means of the first and the last quarter, which are one generation at least.
    pub first: f64,
    pub last: f64,
    /// Seconds between the two.
    pub seconds: f64,
}

impl Growth {
    /// # Panics
    /// When there are not two whole generations.
    pub fn of(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Self {
        let began = samples[0].tokens;
        let generation = |sample: &Sample| (sample.tokens - began) / GENERATION;
        let whole = generation(&samples[samples.len() - 1]);
        assert!(whole >= 2, "only {whole} generations of tokens");
        let quarter = (whole / 4).max(1);
        let first = |sample: &Sample| generation(sample) < quarter;
        let last = |sample: &Sample| (whole - quarter..whole).contains(&generation(sample));
        let at = |sample: &Sample| sample.at;
        Self {
            first: mean(samples, first, &value),
            last: mean(samples, last, &value),
            seconds: mean(samples, last, at) - mean(samples, first, at),
        }
    }

    pub fn by(&self) -> f64 {
        self.last - self.first
    }

    pub fn an_hour(&self) -> f64 {
        self.by() / self.seconds * 3_600.0
    }
}

/// Of some samples, weighed by the tokens since the one before: a machine that stops for a while does
/// not make a tooth's tip count for more than its foot.
fn mean(samples: &[Sample], some: impl Fn(&Sample) -> bool, value: impl Fn(&Sample) -> f64) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for pair in samples.windows(2).filter(|pair| some(&pair[1])) {
        let weight = (pair[1].tokens - pair[0].tokens) as f64;
        sum += weight * value(&pair[1]);
        weights += weight;
    }
    sum / weights
}

#[test]
fn a_leak_shows_and_a_saw_does_not() {
    let grown = |generations: u64, value: &dyn Fn(f64) -> f64| {
        let sample = |n: u64| Sample {
            at: n as f64,
            // It stops in the midst of the second generation.
            tokens: 1_000 + 160 * n.min(150) + 160 * n.max(250) - 160 * 250,
            anonymous: value((160 * n.min(150) + 160 * n.max(250) - 160 * 250) as f64),
            ..Sample::default()
        };
        let samples: Vec<_> = (0..100 + generations * 103).map(sample).collect();
        Growth::of(&samples, |sample| sample.anonymous).by()
    };
    for phase in [0.0, 5_000.0, 12_000.0] {
        let saw = |at: f64| 1_000.0 + (at + phase) % GENERATION as f64;
        let (short, long) = (grown(2, &saw), grown(12, &saw));
        assert!(short.abs() < 400.0 && long.abs() < 400.0, "{short}, {long}");
        let leak = |at: f64| saw(at) + at;
        let (short, long) = (grown(2, &leak), grown(12, &leak));
        assert!((short - 16_384.0).abs() < 800.0, "{short}");
        assert!((long - 9.0 * 16_384.0).abs() < 800.0, "{long}");
    }
}
