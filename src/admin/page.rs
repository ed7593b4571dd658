//! Lists in pages: `?limit=` and `?cursor=`.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::refusal::{FieldFault, Refusal};
use super::schema;
use super::words;
use crate::registry::Hash;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Given back as `cursor`, it asks for the next page. `null` on the last one.
    pub next_cursor: Option<String>,
}

/// What all lists take.
#[derive(IntoParams)]
#[expect(
    dead_code,
    reason = "for the OpenAPI document; `Parameters` reads them"
)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    #[param(schema_with = schema::limit, required = false)]
    limit: Option<u64>,
}

/// The parameters of a query, each taken once.
#[derive(Debug)]
pub struct Parameters {
    left: Vec<(String, String)>,
    faults: Vec<FieldFault>,
}

const DEFAULT_LIMIT: usize = 50;
const MOST: usize = 1_000;

impl Parameters {
    /// From 1 to 1000; 50 when it is left out.
    pub fn limit(&mut self) -> usize {
        let limit = self.take("limit").map(|text| limit(&text));
        match limit {
            Some(Some(limit)) => limit,
            None => DEFAULT_LIMIT,
            Some(None) => {
                self.fault("limit", "must be a whole number from 1 to 1000");
                DEFAULT_LIMIT
            }
        }
    }

    /// Where the page starts, as the registry said at the end of an earlier one.
    pub fn cursor(&mut self) -> Option<String> {
        self.cursor_of(|text| Hash::parse(text).is_some())
    }

    /// Where the page starts, in a list whose cursors look so.
    pub fn cursor_of(&mut self, is_one: impl FnOnce(&str) -> bool) -> Option<String> {
        let text = self.take("cursor")?;
        if is_one(&text) {
            return Some(text);
        }
        self.fault("cursor", "must be the next_cursor of an earlier page");
        None
    }

    /// Where a page of numbered items starts: the number of the last one before it.
    pub fn index(&mut self) -> Option<u64> {
        let text = self.take("cursor")?;
        let index = text.parse::<u64>().ok();
        let index = index.filter(|index| index.to_string() == text);
        if index.is_none() {
            self.fault("cursor", "must be the next_cursor of an earlier page");
        }
        index
    }

    /// A parameter that is one of some words.
    pub fn word<T: Copy, const N: usize>(
        &mut self,
        name: &str,
        words: &[(&str, T); N],
    ) -> Option<T> {
        let text = self.take(name)?;
        match words::read(words, &text) {
            Ok(meaning) => Some(meaning),
            Err(message) => {
                self.fault(name, &message);
                None
            }
        }
    }

    /// # Errors
    /// When a parameter was wrong, unknown or there twice.
    pub fn finish(mut self) -> Result<(), Refusal> {
        for (name, _) in std::mem::take(&mut self.left) {
            self.fault(&name, "is not a parameter of this call, or is there twice");
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Invalid(self.faults))
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let place = self.left.iter().position(|(n, _)| n == name)?;
        Some(self.left.remove(place).1)
    }

    fn fault(&mut self, field: &str, message: &str) {
        self.faults.push(FieldFault {
            field: field.to_owned(),
            message: message.to_owned(),
        });
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(left) = query.map_err(|_| Refusal::field("", "the query cannot be read"))?;
        let faults = Vec::new();
        Ok(Self { left, faults })
    }
}

fn limit(text: &str) -> Option<usize> {
    text.parse().ok().filter(|limit| (1..=MOST).contains(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        let left = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Parameters {
            left: left.collect(),
            faults: Vec::new(),
        }
    }

    #[test]
    fn limits_are_from_1_to_1000() {
        assert_eq!(parameters(&[]).limit(), 50);
        assert_eq!(parameters(&[("limit", "1000")]).limit(), 1000);
        for wrong in ["0", "1001", "-1", "ten", ""] {
            let mut parameters = parameters(&[("limit", wrong)]);
            parameters.limit();
            assert!(parameters.finish().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_is_what_the_registry_gave() {
        let hash = "0f".repeat(32);
        assert_eq!(parameters(&[("cursor", &hash)]).cursor(), Some(hash));
        for wrong in ["", "0f", "../pins", "zz"] {
            let mut parameters = parameters(&[("cursor", wrong)]);
            assert_eq!(parameters.cursor(), None);
            assert!(parameters.finish().is_err(), "{wrong}");
        }
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        assert!(parameters(&[("offset", "3")]).finish().is_err());
        let mut twice = parameters(&[("limit", "3"), ("limit", "4")]);
        twice.limit();
        assert!(twice.finish().is_err());
    }
}
