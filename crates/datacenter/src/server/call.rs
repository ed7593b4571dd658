//! One request, understood.

use std::error::Error;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http_body_util::LengthLimitError;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::fault::Fault;
use crate::app_key::AppKey;
use crate::centre::Centre;
use crate::path::Query;
use crate::retention;

/// A request that has a route.
pub(crate) struct Call {
    pub(crate) centre: Arc<Centre>,
    /// When it came, in Unix milliseconds.
    pub(crate) received: u64,
    pub(crate) app: AppKey,
    pub(crate) query: Query,
    pub(crate) head: Parts,
    /// Until a handler takes it.
    pub(crate) body: Option<Incoming>,
    /// Where the route's template has names.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// The resource, decoded.
    pub(crate) path: String,
}

impl Call {
    /// What stands in the path where the template has this name.
    pub(crate) fn parameter(&self, name: &str) -> Result<String, Fault> {
        let found = self.parameters.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, value)| value.clone())
            .ok_or(Fault::UnknownRoute)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The token behind `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(AUTHORIZATION.as_str())?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The App ID as the gateway knows it; the App's name without one.
    pub(crate) fn app_id(&self) -> &str {
        self.header("domicile-app-id")
            .unwrap_or_else(|| self.app.app())
    }

    /// The absolute URI of this request, under the endpoint that the client knows.
    pub(crate) fn uri(&self) -> String {
        format!("{}{}", self.base(), self.head.uri.path())
    }

    /// Unix milliseconds before which history is not served any more.
    pub(crate) fn oldest_served(&self) -> Result<u64, Fault> {
        let Some(days) = self.head.headers.get("domicile-retention-days") else {
            return Ok(0);
        };
        let days = days.to_str().ok().and_then(|days| days.parse::<u64>().ok());
        let days = days.ok_or(Fault::Illegal(
            "Domicile-Retention-Days is not a number of days",
        ))?;
        Ok(retention::oldest(self.received, days))
    }

    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        serde_json::from_slice(&self.bytes().await?).map_err(Fault::Json)
    }

    /// The body as a stream; empty the second time.
    pub(crate) fn take_body(&mut self) -> Body {
        self.body.take().map_or_else(Body::empty, Body::new)
    }

    /// The whole body, when it is not larger than a JSON body may be.
    pub(crate) async fn bytes(&mut self) -> Result<Bytes, Fault> {
        to_bytes(self.take_body(), BODY_MAX).await.map_err(|error| {
            let too_large = error
                .source()
                .is_some_and(<dyn Error>::is::<LengthLimitError>);
            if too_large {
                Fault::TooLarge
            } else {
                Fault::Body
            }
        })
    }

    fn base(&self) -> String {
        match (
            self.header("x-forwarded-proto"),
            self.header("x-forwarded-host"),
        ) {
            (Some(scheme), Some(host)) => format!("{scheme}://{host}"),
            _ => self.centre.origin.clone(),
        }
    }
}

const BODY_MAX: usize = 10 * 1024 * 1024;
