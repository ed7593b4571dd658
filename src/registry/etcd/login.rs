//! A user's log-in: a token for a name and a password, for as long as etcd knows it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::client::encode;
use super::error::EtcdError;

/// What etcd gave for a name and a password.
pub(super) struct Token(HeaderValue);

pub(super) struct Login {
    user: Option<(String, SecretString)>,
    token: Mutex<Option<Arc<Token>>>,
    /// Held while one asks, so that the others don't: a password costs etcd tens of milliseconds.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Serialize)]
struct Question<'a> {
    name: &'a str,
    password: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Answer {
    token: String,
}

impl Login {
    pub(super) fn new(user: Option<(String, SecretString)>) -> Self {
        Self {
            user,
            token: Mutex::new(None),
            asking: tokio::sync::Mutex::new(()),
        }
    }

    /// The token, which `ask` gets if there is none; `None` without a user.
    pub(super) async fn token<F>(
        &self,
        ask: impl FnOnce(Bytes) -> F,
    ) -> Result<Option<Arc<Token>>, EtcdError>
    where
        F: Future<Output = Result<Answer, EtcdError>>,
    {
        let Some((name, password)) = &self.user else {
            return Ok(None);
        };
        if let Some(token) = self.known() {
            return Ok(Some(token));
        }
        let _asking = self.asking.lock().await;
        if let Some(token) = self.known() {
            return Ok(Some(token));
        }
        let question = Question {
            name,
            password: password.expose_secret(),
        };
        let answer = ask(encode(&question)?).await?;
        let token = Arc::new(Token::new(&answer.token)?);
        *self.token.lock() = Some(Arc::clone(&token));
        Ok(Some(token))
    }

    /// etcd does not know it any more. A newer one stays.
    pub(super) fn forget(&self, old: &Arc<Token>) {
        let mut token = self.token.lock();
        if token.as_ref().is_some_and(|now| Arc::ptr_eq(now, old)) {
            *token = None;
        }
    }

    pub(super) fn forget_all(&self) {
        *self.token.lock() = None;
    }

    fn known(&self) -> Option<Arc<Token>> {
        self.token.lock().clone()
    }
}

impl Token {
    fn new(text: &str) -> Result<Self, EtcdError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| EtcdError::Unreadable)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
