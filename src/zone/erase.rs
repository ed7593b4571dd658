//! The erasure of an App's data, or of one user's, in the data centre that the App is pinned to.
//!
//! It takes an [`App`]: only Apps of this region have one, so no other region's data centre can be
//! asked, and the App's zone alone is dialled (P1, P8). The request is made here and goes nowhere near
//! the routes of clients. What the data centre must serve is in `docs/data-centre.md`.

mod evidence;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Full;
use serde::Serialize;

use super::Homes;
use super::bind::Home;
use super::egress::DialError;
use super::exchange::Conversation;
use super::head::{APP_ID, CHANNEL, REQUEST_ID, SECRET, TRACEPARENT, ZONE};
use super::stream::Stream;
use super::upstream::Target;
use crate::domain::Channel;
use crate::observe::{RequestId, TraceContext};
use crate::registry::App;

pub use evidence::Evidence;

/// Why there is no evidence of an erasure. It may have happened all the same, or in part, unless the
/// variant says otherwise; asking again is safe.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Nothing was sent.
    #[error("the App's zone is not served here")]
    NoSuchZone,
    /// Nothing was sent.
    #[error("no upstream of the App's zone can be reached")]
    Dial(#[from] DialError),
    #[error("the data centre did not answer in time")]
    Timeout,
    #[error("the connection to the data centre broke")]
    Broken(#[source] hyper::Error),
    /// Nothing was erased.
    #[error("the data centre has no erasure")]
    Unsupported,
    #[error("the data centre answered {0}")]
    Refused(StatusCode),
    #[error("the data centre's answer is no evidence of this erasure")]
    Protocol,
    #[error("the data centre says that something remains")]
    Incomplete,
}

impl Homes {
    /// Has the App's data centre erase what the App has there, or what one of its users has.
    ///
    /// # Errors
    /// See [`EraseError`]. Nothing is tried twice but connecting.
    pub async fn erase(&self, app: &App, user: Option<&str>) -> Result<Evidence, EraseError> {
        self.erase_within(app, user, WHOLE).await
    }

    async fn erase_within(
        &self,
        app: &App,
        user: Option<&str>,
        whole: Duration,
    ) -> Result<Evidence, EraseError> {
        let home = self.homes.iter().find(|home| home.id == app.zone);
        let home = home.ok_or(EraseError::NoSuchZone)?;
        let erasing = async {
            let (target, stream) = reach(home).await?;
            let asked = Asked {
                app_key: app.app_key.as_str(),
                user_id: user,
            };
            let mut request = request(home, &target, (PATH, &asked))?;
            let id = HeaderValue::from_str(app.app_id.as_str());
            let id = id.map_err(|_| EraseError::Protocol)?;
            request.headers_mut().insert(APP_ID, id);
            let body = Conversation::open(stream)
                .await?
                .ask(request, ANSWER)
                .await?;
            Evidence::read(&body, app)
        };
        let erased = tokio::time::timeout(whole, erasing).await;
        erased.unwrap_or(Err(EraseError::Timeout))
    }
}

/// A connection to an upstream of the zone: those that are well first, then any.
pub(super) async fn reach(home: &Home) -> Result<(Arc<Target>, Stream), EraseError> {
    let targets = &home.targets[Channel::General.index()];
    let (well, sick): (Vec<_>, Vec<_>) = targets.iter().partition(|t| t.health().is_well());
    let mut last = EraseError::NoSuchZone;
    for target in well.into_iter().chain(sick) {
        match target.connect().await {
            Ok(stream) => return Ok((Arc::clone(target), stream)),
            Err(error) => {
                if !error.is_denial() {
                    target.health().failed();
                }
                last = error.into();
            }
        }
    }
    Err(last)
}

/// What is asked for.
#[derive(Serialize)]
struct Asked<'a> {
    app_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

pub(super) fn request(
    home: &Home,
    target: &Target,
    (path, asked): (&'static str, &impl Serialize),
) -> Result<Request<Full<Bytes>>, EraseError> {
    let body = serde_json::to_vec(asked).map_err(|_| EraseError::Protocol)?;
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(path);
    let headers = request.headers_mut();
    headers.insert(header::HOST, target.authority.clone());
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    stamp(headers, home);
    Ok(request)
}

/// What the data centre is told with every request, as far as there is no client.
fn stamp(headers: &mut HeaderMap, home: &Home) {
    let channel = HeaderValue::from_static(Channel::General.as_str());
    let id = RequestId::fresh();
    headers.insert(CHANNEL, channel);
    headers.insert(ZONE, home.header.clone());
    // Digits, which any header value may be.
    for (name, digits) in [
        (REQUEST_ID, &id.digits()[..]),
        (TRACEPARENT, &TraceContext::of(id).traceparent()),
    ] {
        headers.extend(HeaderValue::from_bytes(digits).map(|value| (name, value)));
    }
    if let Some(secret) = &home.gateway_secret {
        headers.insert(SECRET, secret.clone());
    }
}

const PATH: &str = "/management/erasures";
/// Connecting, asking and answering together.
const WHOLE: Duration = Duration::from_secs(60);
/// The most of an answer's body, in bytes.
const ANSWER: usize = 64 * 1024;
