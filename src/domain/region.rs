//! Regions (data centres) and zones (clusters inside one).

use std::fmt;
use std::sync::Arc;

/// Why a text names no region or zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 32 of a-z, 0-9 and '-', and starts with a letter")]
pub struct NameError;

/// A data centre's id, such as `frankfurt`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(Arc<str>);

/// A cluster's id inside its region, such as `fra1`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ZoneId(Arc<str>);

macro_rules! name {
    ($type:ident) => {
        impl $type {
            /// # Errors
            /// When `text` is not a name: 1 to 32 of `a-z`, `0-9`, `-`, a letter first.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError)
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(RegionId);
name!(ZoneId);

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= 32
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_short() {
        assert_eq!(RegionId::parse("us-east2").unwrap().as_str(), "us-east2");
        for bad in [
            "",
            "Frankfurt",
            "1fra",
            "fra_1",
            "frankfurt/",
            &"a".repeat(33),
        ] {
            assert_eq!(ZoneId::parse(bad), Err(NameError), "{bad}");
        }
    }
}
