//! What a run of the probe has found.

use std::collections::BTreeMap;

use super::{Verdict, Way};
use crate::domain::RegionId;

/// One canary at one address.
#[derive(Debug)]
pub struct Finding {
    pub home: RegionId,
    pub region: RegionId,
    pub way: Way,
    /// As in the catalogue.
    pub endpoint: String,
    pub verdict: Verdict,
}

/// Everything that a run has found.
#[derive(Debug)]
pub struct Matrix {
    pub findings: Vec<Finding>,
}

/// A home's canaries at a region, in one way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub home: RegionId,
    pub region: RegionId,
    pub way: Way,
}

impl Finding {
    /// Whether all is as it must be.
    pub const fn is_good(&self) -> bool {
        matches!(self.verdict, Verdict::Refused | Verdict::Answered)
    }

    pub const fn is_violation(&self) -> bool {
        matches!(self.verdict, Verdict::LetIn(_))
    }
}

impl Matrix {
    pub fn violations(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.is_violation())
    }

    /// Whether something was shown, and nothing but what must be.
    pub fn is_good(&self) -> bool {
        !self.findings.is_empty() && self.findings.iter().all(Finding::is_good)
    }

    /// Whether all was good at every address of each cell.
    pub fn cells(&self) -> BTreeMap<Cell, bool> {
        let mut cells = BTreeMap::new();
        for finding in &self.findings {
            let cell = Cell {
                home: finding.home.clone(),
                region: finding.region.clone(),
                way: finding.way,
            };
            *cells.entry(cell).or_insert(true) &= finding.is_good();
        }
        cells
    }
}
