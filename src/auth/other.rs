//! Whose token it is, where nothing else is asked of it.

use access_token::Token;

use crate::domain::{AppId, BearerToken};

/// Whether the token names another App. One that only a data centre can read names none.
pub fn names_another_app(token: BearerToken<'_>, own: &AppId) -> bool {
    let token = token.expose().and_then(|text| Token::parse(text).ok());
    token.is_some_and(|token| token.app_id() != own.as_str())
}
