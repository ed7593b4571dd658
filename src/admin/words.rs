//! The words of the API and what they stand for: read from requests, and named in the OpenAPI
//! document, from these tables.

use crate::registry::{AuthMode, Plan, Role, Status};

/// Whose token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    User,
    App,
}

pub const PLANS: [(&str, Plan); 4] = [
    ("free", Plan::Free),
    ("basic", Plan::Basic),
    ("advanced", Plan::Advanced),
    ("enterprise", Plan::Enterprise),
];

pub const AUTH_MODES: [(&str, AuthMode); 2] = [
    ("secure", AuthMode::Secure),
    ("upstream", AuthMode::Upstream),
];

pub const STATUSES: [(&str, Status); 3] = [
    ("active", Status::Active),
    ("suspended", Status::Suspended),
    ("retired", Status::Retired),
];

pub const ROLES: [(&str, Role); 4] = [
    ("owner", Role::Owner),
    ("registrar", Role::Registrar),
    ("issuer", Role::Issuer),
    ("auditor", Role::Auditor),
];

pub const KINDS: [(&str, Kind); 2] = [("user", Kind::User), ("app", Kind::App)];

/// What a word stands for.
///
/// # Errors
/// The words there are, when it is none of them.
pub fn read<T: Copy, const N: usize>(table: &[(&str, T); N], word: &str) -> Result<T, String> {
    let found = table.iter().find(|(known, _)| *known == word);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words = table.map(|(known, _)| known);
        format!("must be one of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables against the names that answers and records use.
    #[test]
    fn words_are_what_is_written() {
        fn same<T: serde::Serialize + Copy, const N: usize>(table: [(&str, T); N]) {
            for (word, meaning) in table {
                assert_eq!(serde_json::to_value(meaning).unwrap(), word);
            }
        }
        same(PLANS);
        same(AUTH_MODES);
        same(STATUSES);
        same(ROLES);
    }

    #[test]
    fn other_words_are_refused_with_the_right_ones() {
        assert_eq!(read(&KINDS, "app"), Ok(Kind::App));
        assert_eq!(
            read(&KINDS, "App"),
            Err("must be one of user, app".to_owned())
        );
    }
}
