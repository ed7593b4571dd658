//! A place in a document, such as `zones.fra1.egress[0]`.

use std::fmt;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::config) struct Place(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Place {
    /// A place by the keys on the way to it.
    pub(in crate::config) fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|k| Step::Key((*k).to_owned())).collect())
    }

    pub(in crate::config) fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    pub(in crate::config) fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if i == 0 => write!(f, "{}", key.escape_debug())?,
                Step::Key(key) => write!(f, ".{}", key.escape_debug())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_like_a_path() {
        let place = Place::of(&["zones", "fra1"]).key("egress").index(0);
        assert_eq!(place.to_string(), "zones.fra1.egress[0]");
        assert_eq!(Place::default().to_string(), "");
        assert_eq!(Place::of(&["a\nb"]).to_string(), "a\\nb");
    }
}
