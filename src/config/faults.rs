//! What is wrong with a configuration: collected over all its files, told in one run.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub file: String,
    /// Such as `zones.fra1.egress[0]`; empty for the file as a whole.
    pub path: String,
    /// From 1; of the enclosing section when the place itself is not in the file.
    pub line: Option<usize>,
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

/// Something unusual that is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub file: String,
    pub path: String,
    pub problem: String,
}

/// Why a configuration is not used: at least one fault, and the warnings that came along.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults {
    pub faults: Vec<Fault>,
    pub warnings: Vec<Warning>,
}

/// What `check` found. As JSON: `{"ok", "faults", "warnings"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub faults: Vec<Fault>,
    pub warnings: Vec<Warning>,
}

impl Report {
    /// Warnings alone do no harm.
    pub const fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }
}

impl From<Faults> for Report {
    fn from(Faults { faults, warnings }: Faults) -> Self {
        Self { faults, warnings }
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Report", 3)?;
        members.serialize_field("ok", &self.is_ok())?;
        members.serialize_field("faults", &self.faults)?;
        members.serialize_field("warnings", &self.warnings)?;
        members.end()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write_path(f, &self.path)?;
        write!(f, ": {} (expected {})", self.problem, self.expected)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        write_path(f, &self.path)?;
        write!(f, ": warning: {}", self.problem)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.faults, &self.warnings)
    }
}

/// A line for each fault and warning; nothing when there are none.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.faults, &self.warnings)
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    if path.is_empty() {
        return Ok(());
    }
    write!(f, ": {path}")
}

fn write_lines(f: &mut fmt::Formatter<'_>, faults: &[Fault], warnings: &[Warning]) -> fmt::Result {
    let faults = faults.iter().map(ToString::to_string);
    let lines: Vec<String> = faults
        .chain(warnings.iter().map(ToString::to_string))
        .collect();
    f.write_str(&lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            faults: vec![Fault {
                file: "gateway.yaml".into(),
                path: "zones.fra1.egress[0]".into(),
                line: Some(7),
                problem: "is everything".into(),
                expected: "a range".into(),
            }],
            warnings: vec![Warning {
                file: "gateway.yaml".into(),
                path: String::new(),
                problem: "is odd".into(),
            }],
        }
    }

    #[test]
    fn the_json_is_the_documented_one() {
        assert_eq!(
            serde_json::to_string(&report()).unwrap(),
            r#"{"ok":false,"faults":[{"file":"gateway.yaml","path":"zones.fra1.egress[0]","line":7,"problem":"is everything","expected":"a range"}],"warnings":[{"file":"gateway.yaml","path":"","problem":"is odd"}]}"#
        );
        let fine = serde_json::to_string(&Report::default()).unwrap();
        assert_eq!(fine, r#"{"ok":true,"faults":[],"warnings":[]}"#);
    }

    #[test]
    fn the_text_is_a_line_each() {
        assert_eq!(
            report().to_string(),
            "gateway.yaml:7: zones.fra1.egress[0]: is everything (expected a range)\n\
             gateway.yaml: warning: is odd"
        );
    }
}
