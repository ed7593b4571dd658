//! Which faults there are, and in which order they strike.

use std::fmt;

use super::faults::Fault;

pub struct Plan {
    faults: Vec<Fault>,
    seed: u64,
}

/// What CI tries.
const SEED: u64 = 1;

impl Plan {
    /// By the environment, or CI's.
    #[expect(clippy::disallowed_methods, reason = "how whoever runs it chooses")]
    pub fn chosen() -> Self {
        let seed = std::env::var("CLUSTER_SEED");
        let seed = seed.map_or(SEED, |text| text.parse().expect("a number as CLUSTER_SEED"));
        match std::env::var("CLUSTER_FAULTS") {
            Ok(names) => Self {
                faults: names.split(',').map(named).collect(),
                seed,
            },
            Err(_) => Self::shuffled(seed),
        }
    }

    /// Each fault once.
    fn shuffled(seed: u64) -> Self {
        let (mut dice, mut left) = (Dice(seed), Fault::ALL.to_vec());
        let mut faults = Vec::new();
        while !left.is_empty() {
            faults.push(left.swap_remove(dice.below(left.len())));
        }
        Self { faults, seed }
    }

    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.faults.iter().copied()
    }

    /// For what a fault itself has to choose.
    pub fn dice(&self) -> Dice {
        Dice(self.seed)
    }
}

impl fmt::Display for Plan {
    /// As it is written to be tried again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.faults.iter().map(Fault::to_string).collect();
        let (seed, faults) = (self.seed, names.join(","));
        write!(f, "CLUSTER_SEED={seed} CLUSTER_FAULTS={faults}")
    }
}

fn named(name: &str) -> Fault {
    let mut all = Fault::ALL.into_iter();
    let found = all.find(|fault| fault.to_string() == name);
    found.unwrap_or_else(|| panic!("CLUSTER_FAULTS: {name} is none of {:?}", Fault::ALL))
}

/// The same choices in each run of a seed (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) % n as u64).unwrap()
    }
}
