//! Calls of etcd's JSON gateway: one member after the other, each for a bounded time, and a log-in
//! that is renewed when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, RequestBuilder, Response, header};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::error::EtcdError;
use super::http::{self, EtcdSetupError};
use super::login::{Login, Token};
use super::wire::Refusal;
use crate::config::EtcdConfig;

/// The way to a cluster.
pub(super) struct Cluster {
    http: Client,
    /// Base URLs without a slash at the end.
    members: Vec<String>,
    /// The member that is asked first: the last one that answered.
    first: AtomicUsize,
    login: Login,
    places: Semaphore,
}

/// An answer.
pub(super) struct Reply<A> {
    pub(super) answer: A,
    /// An earlier attempt of the same call may have been done as well.
    pub(super) repeated: bool,
}

/// A call that came to no answer.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: EtcdError,
    /// What was asked for may have been done.
    pub(super) unclear: bool,
}

/// For one attempt at one member, with a new connection if one is needed.
const ATTEMPT: Duration = Duration::from_secs(2);
/// The most members that one call tries.
const ATTEMPTS: usize = 3;
/// Connections that are in use at once.
const PLACES: usize = 64;
/// The largest answer that is read, in bytes. etcd's own limit for a message is 4 MiB by default,
/// which base64 makes a third larger.
const LARGEST: usize = 8 * 1024 * 1024;
/// Has a member without a leader say so at once (etcd's `rpctypes.MetadataRequireLeaderKey`).
const REQUIRE_LEADER: (&str, &str) = ("Grpc-Metadata-hasleader", "true");

impl Cluster {
    pub(super) fn new(
        config: &EtcdConfig,
        user: Option<&(String, SecretString)>,
    ) -> Result<Self, EtcdSetupError> {
        Ok(Self {
            http: http::client(config)?,
            members: config.endpoints.clone(),
            first: AtomicUsize::new(0),
            login: Login::new(user.cloned()),
            places: Semaphore::new(PLACES),
        })
    }

    /// Asks one member after the other.
    pub(super) async fn call<A: DeserializeOwned>(
        &self,
        path: &'static str,
        body: &impl Serialize,
    ) -> Result<Reply<A>, Failed> {
        let body = encode(body).map_err(Failed::surely)?;
        // The semaphore is never closed.
        let _place = self.places.acquire().await;
        let mut unclear = false;
        let mut tried = 0;
        loop {
            let at = self.first.load(Ordering::Relaxed);
            let error = match self.logged_in(at, path, &body).await {
                Ok(answer) => {
                    let repeated = unclear;
                    return Ok(Reply { answer, repeated });
                }
                Err(error) => error,
            };
            unclear |= error.may_be_done();
            tried += 1;
            if error.is_for_another_member() {
                self.turn_from(at);
            }
            if !error.is_for_another_member() || tried >= self.attempts() {
                return Err(Failed { error, unclear });
            }
        }
    }

    /// A call whose answer goes on without an end, at the member that is asked first.
    pub(super) async fn stream(
        &self,
        path: &'static str,
        body: Bytes,
    ) -> Result<Response, EtcdError> {
        let at = self.first.load(Ordering::Relaxed);
        let token = self.token(at).await?;
        let sent = self.request(at, path, token.as_deref()).body(body).send();
        let sent = tokio::time::timeout(ATTEMPT, sent).await;
        let response = sent.map_err(|_| EtcdError::Broken)?;
        let response = response.map_err(|error| EtcdError::of_http(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let error = refusal(response).await;
        if let (EtcdError::Token, Some(token)) = (&error, token) {
            self.login.forget(&token);
        }
        Err(error)
    }

    /// The next call begins at another member.
    pub(super) fn turn(&self) {
        self.turn_from(self.first.load(Ordering::Relaxed));
    }

    /// Logs in anew at the next call.
    pub(super) fn log_out(&self) {
        self.login.forget_all();
    }

    fn turn_from(&self, at: usize) {
        let next = (at + 1) % self.members.len().max(1);
        // Who failed at the same member meanwhile has turned away from it already.
        let _turned = self
            .first
            .compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A lone member is asked twice, since a kept connection may have been closed.
    fn attempts(&self) -> usize {
        self.members.len().clamp(2, ATTEMPTS)
    }

    async fn logged_in<A: DeserializeOwned>(
        &self,
        at: usize,
        path: &'static str,
        body: &Bytes,
    ) -> Result<A, EtcdError> {
        let token = self.token(at).await?;
        let answer = self.once(at, path, body.clone(), token.as_deref()).await;
        if let (Err(error), Some(token)) = (&answer, &token)
            && error.may_be_of_the_token()
        {
            self.login.forget(token);
        }
        match (answer, token) {
            (Err(EtcdError::Token), Some(_)) => {
                let token = self.token(at).await?;
                self.once(at, path, body.clone(), token.as_deref()).await
            }
            (answer, _) => answer,
        }
    }

    async fn token(&self, at: usize) -> Result<Option<Arc<Token>>, EtcdError> {
        let ask = |body| async move { self.once(at, "/v3/auth/authenticate", body, None).await };
        self.login.token(ask).await
    }

    async fn once<A: DeserializeOwned>(
        &self,
        at: usize,
        path: &'static str,
        body: Bytes,
        token: Option<&Token>,
    ) -> Result<A, EtcdError> {
        let request = self.request(at, path, token).timeout(ATTEMPT).body(body);
        let response = request.send().await;
        let response = response.map_err(|error| EtcdError::of_http(&error))?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let body = whole(response).await?;
        serde_json::from_slice(&body).map_err(|_| EtcdError::Unreadable)
    }

    fn request(&self, at: usize, path: &str, token: Option<&Token>) -> RequestBuilder {
        let member = self.members.get(at).map_or("", String::as_str);
        let mut request = self.http.post(format!("{member}{path}"));
        request = request.header(header::CONTENT_TYPE, "application/json");
        request = request.header(REQUIRE_LEADER.0, REQUIRE_LEADER.1);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token.header());
        }
        request
    }
}

impl Failed {
    /// Nobody waited for the end.
    pub(super) const fn unanswered() -> Self {
        Self {
            error: EtcdError::Broken,
            unclear: true,
        }
    }

    pub(super) const fn surely(error: EtcdError) -> Self {
        Self {
            error,
            unclear: false,
        }
    }
}

pub(super) fn encode(body: &impl Serialize) -> Result<Bytes, EtcdError> {
    let text = serde_json::to_vec(body).map_err(|_| EtcdError::Unreadable)?;
    Ok(Bytes::from(text))
}

/// What etcd says in place of an answer; a proxy in between may say something else.
async fn refusal(response: Response) -> EtcdError {
    let is_busy = response.status().is_server_error();
    let refusal = match whole(response).await {
        Ok(body) => serde_json::from_slice::<Refusal>(&body).ok(),
        Err(error) => return error,
    };
    match refusal {
        Some(refusal) if refusal.code != 0 => EtcdError::of_refusal(&refusal),
        _ if is_busy => EtcdError::Busy,
        _ => EtcdError::Unreadable,
    }
}

async fn whole(mut response: Response) -> Result<Vec<u8>, EtcdError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| EtcdError::of_http(&error))?
    {
        if body.len() + chunk.len() > LARGEST {
            return Err(EtcdError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
