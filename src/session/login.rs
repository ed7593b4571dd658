//! A session's first message, PROVISION: whose App, which user, which token (SPEC 6.7).

use std::fmt;
use std::sync::Arc;

use msync::Offer;
use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};

use crate::auth::{Credentialed, Demand, Grant, GrantError, Presented};
use crate::call::claimed_app_id;
use crate::config::Limits;
use crate::domain::{AppId, AppKey, BearerToken, Channel};
use crate::registry::Addressed;
use crate::zone::Channelled;

/// What a PROVISION asks for.
pub struct Login {
    app_key: AppKey,
    /// `Provision.app_id`.
    app_id: Option<Box<str>>,
    /// `guid.name`.
    user: Box<str>,
    token: Option<Box<str>>,
    by_password: bool,
}

/// Why a first message is no log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    #[error("no readable PROVISION")]
    Unreadable(#[from] msync::Fault),
    #[error("the tokens in the PROVISION differ")]
    TokensDiffer,
    #[error("auth_token is no JSON object with one string member, token")]
    AuthToken,
    #[error("the client insists on compression or encryption of its own")]
    Insists,
    #[error("the PROVISION names no App")]
    NoApp,
}

impl Login {
    pub fn read(frame: &[u8]) -> Result<Self, LoginError> {
        let provision = msync::read_provision(frame)?;
        let offers = [
            provision.compress_type,
            provision.encrypt_type,
            provision.envelope_encrypt_type,
        ];
        if provision.compressed || offers.contains(&Offer::WithoutNone) {
            return Err(LoginError::Insists);
        }
        let in_json = provision.auth_token.map(token_of).transpose()?;
        let token = one_token([provision.envelope_auth, provision.auth, in_json.as_deref()])?;
        let app_key = provision.guid_app_key.map(AppKey::parse);
        let Some(Ok(app_key)) = app_key else {
            return Err(LoginError::NoApp);
        };
        Ok(Self {
            app_key,
            app_id: provision.app_id.map(Into::into),
            user: provision.guid_name.unwrap_or_default().into(),
            token: token.map(Into::into),
            by_password: provision.password.is_some(),
        })
    }

    pub const fn app_key(&self) -> &AppKey {
        &self.app_key
    }

    pub const fn user(&self) -> &str {
        &self.user
    }
}

impl fmt::Debug for Login {
    /// Without user and token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("app_key", &self.app_key)
            .finish_non_exhaustive()
    }
}

/// All tokens that are there, without the SDKs' mark, are the same.
fn one_token(tokens: [Option<&str>; 3]) -> Result<Option<&str>, LoginError> {
    let mut plain = tokens.into_iter().flatten().map(unmarked);
    let Some(first) = plain.next() else {
        return Ok(None);
    };
    if plain.all(|other| other == first) {
        Ok(Some(first))
    } else {
        Err(LoginError::TokensDiffer)
    }
}

/// A token without the SDKs' mark.
pub(super) fn unmarked(token: &str) -> &str {
    token.strip_prefix("$t$").unwrap_or(token)
}

fn token_of(json: &[u8]) -> Result<String, LoginError> {
    let token: Result<AuthToken, _> = serde_json::from_slice(json);
    token.map(|t| t.0).map_err(|_| LoginError::AuthToken)
}

/// `{"token": "…"}`, once and alone: what else a data centre might read there is not guessed.
struct AuthToken(String);

impl<'de> Deserialize<'de> for AuthToken {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Only;
        impl<'de> Visitor<'de> for Only {
            type Value = AuthToken;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one string member, token")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AuthToken, A::Error> {
                let first = map.next_key::<String>()?;
                if first.as_deref() != Some("token") {
                    return Err(de::Error::missing_field("token"));
                }
                let token = map.next_value::<String>()?;
                match map.next_key::<String>()? {
                    None => Ok(AuthToken(token)),
                    Some(_) => Err(de::Error::custom("another member")),
                }
            }
        }
        deserializer.deserialize_map(Only)
    }
}

impl Addressed for Arc<Login> {
    fn app_key(&self) -> &AppKey {
        &self.app_key
    }

    fn likely_app_id(&self) -> Option<AppId> {
        claimed_app_id(BearerToken::new(self.token.as_deref()?))
    }
}

impl Credentialed for Arc<Login> {
    fn presented(&self) -> Presented<'_> {
        match &self.token {
            Some(token) => Presented::Bearer(BearerToken::new(token)),
            None => Presented::Nothing,
        }
    }

    fn declared_app_id(&self) -> Option<&[u8]> {
        self.app_id.as_deref().map(str::as_bytes)
    }

    fn demand(&self) -> Demand<'_> {
        Demand::OwnUser(&self.user)
    }

    fn asks_for_grant(&self) -> bool {
        self.by_password
    }

    async fn read_grant(&mut self) -> Result<Grant, GrantError> {
        Ok(Grant::Other)
    }
}

impl Channelled for Arc<Login> {
    fn channel(&self) -> Channel {
        Channel::General
    }

    fn size(&self, limits: &Limits) -> (Option<u64>, u64) {
        (None, limits.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_a_token_is_read_in_one_way_only() {
        let read = |text: &str| token_of(text.as_bytes());
        assert_eq!(read(r#"{"token":"$t$x"}"#).as_deref(), Ok("$t$x"));
        for other in [
            "",
            "\"x\"",
            "[]",
            "{}",
            r#"{"token":1}"#,
            r#"{"token":null}"#,
            r#"{"Token":"x"}"#,
            r#"{"token":"x","token":"x"}"#,
            r#"{"token":"x","a":1}"#,
            r#"{"a":1,"token":"x"}"#,
            r#"{"token":"x"} y"#,
        ] {
            assert_eq!(read(other), Err(LoginError::AuthToken), "{other}");
        }
    }

    #[test]
    fn tokens_are_one_or_none() {
        assert_eq!(one_token([None, None, None]), Ok(None));
        assert_eq!(one_token([Some("$t$a"), None, Some("a")]), Ok(Some("a")));
        let differ = one_token([Some("a"), Some("b"), None]);
        assert_eq!(differ, Err(LoginError::TokensDiffer));
    }
}
