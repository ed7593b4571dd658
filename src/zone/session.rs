//! The way out for SDK sessions: a connection to the data centre for each, on which the gateway
//! first says what it knows of the session.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use websocket::handshake;

use super::bind::Bound;
use super::egress::DialError;
use super::filter::References;
use super::head::{self, Stamp};
use super::send::SendError;
use super::stream::Stream;
use super::upstream::Target;
use crate::call::Peer;
use crate::config::Limits;
use crate::domain::Transport;
use crate::observe::{RequestId, TraceContext};

/// How a session goes to its data centre.
#[derive(Clone, Copy)]
pub struct Approach<'a> {
    pub transport: Transport,
    pub id: RequestId,
    pub trace: TraceContext,
    pub peer: &'a Peer,
    pub references: &'a References,
    pub limits: &'a Limits,
}

/// A session's own connection to its data centre. Only a bound session gets one.
pub struct Link {
    pub stream: Stream,
    /// What the data centre sent right behind its part of the handshake.
    pub read: Bytes,
}

/// The most of a data centre's answer to the upgrade, in bytes.
const ANSWER: usize = 16 * 1024;

impl<C> Bound<C> {
    /// Connects to the App's zone, and nowhere else. Of the client's words nothing has been sent
    /// when it fails, so one more upstream of the same zone is tried.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn dial(&self, approach: Approach<'_>) -> Result<Link, SendError> {
        let targets = self.permit.home().sessions(approach.transport);
        let first = choose(targets, None).ok_or(SendError::NoUpstream)?;
        let dialled = self.reach(first, approach).await;
        if !matches!(dialled, Err(SendError::Dial(_))) {
            return dialled;
        }
        match choose(targets, Some(first)) {
            Some(second) => self.reach(second, approach).await,
            None => dialled,
        }
    }

    async fn reach(&self, target: &Target, approach: Approach<'_>) -> Result<Link, SendError> {
        let reached = self.open(target, approach).await;
        match &reached {
            Err(SendError::Dial(error)) if error.is_denial() => {}
            Err(_) => target.health().failed(),
            Ok(_) => {}
        }
        reached
    }

    async fn open(&self, target: &Target, approach: Approach<'_>) -> Result<Link, SendError> {
        let stream = target.connect().await?;
        let opening = async {
            match approach.transport {
                Transport::Websocket => self.upgrade(stream, target, approach).await,
                Transport::Msync => self.announce(stream, approach).await,
            }
        };
        let opened = tokio::time::timeout(approach.limits.first_byte, opening).await;
        opened.unwrap_or(Err(SendError::Timeout))
    }

    /// RFC 6455 section 4.1, with the session's facts as headers.
    async fn upgrade(
        &self,
        stream: Stream,
        target: &Target,
        approach: Approach<'_>,
    ) -> Result<Link, SendError> {
        let key = handshake::fresh_key(RequestId::bytes());
        let key = key.as_str();
        let request = self.request(target, approach, key)?;
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(ANSWER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(SendError::Protocol)?;
        let connection = connection.with_upgrades();
        let exchange = async move {
            let response = sender.send_request(request).await;
            let response = response.map_err(SendError::Protocol)?;
            check(&response, key)?;
            hyper::upgrade::on(response)
                .await
                .map_err(SendError::Protocol)
        };
        // The connection is driven beside the exchange until it has become something else.
        let (_, upgraded) = tokio::join!(connection, exchange);
        link(upgraded?)
    }

    fn request(
        &self,
        target: &Target,
        approach: Approach<'_>,
        key: &str,
    ) -> Result<Request<Empty<Bytes>>, SendError> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = target
            .address
            .path
            .parse()
            .map_err(|_| SendError::Upgrade)?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, target.authority.clone());
        let fixed = [
            (header::CONNECTION, "Upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let key = HeaderValue::from_str(key).map_err(|_| SendError::Upgrade)?;
        headers.insert(header::SEC_WEBSOCKET_KEY, key);
        self.stamp(headers, approach);
        Ok(request)
    }

    fn stamp(&self, headers: &mut HeaderMap, approach: Approach<'_>) {
        let stamp = Stamp {
            permit: &self.permit,
            address: &approach.peer.address,
            id: approach.id,
            trace: approach.trace,
            references: approach.references,
        };
        stamp.each(|name, value| {
            // They come from header values and digits.
            if let Ok(mut value) = HeaderValue::from_bytes(value) {
                value.set_sensitive(*name == head::SECRET);
                headers.append(name, value);
            }
        });
    }

    /// The same facts as one message before the client's first, where the zone understands it.
    async fn announce(
        &self,
        mut stream: Stream,
        approach: Approach<'_>,
    ) -> Result<Link, SendError> {
        if self.permit.home().msync_preamble {
            let message = self.preamble(approach)?;
            let written = async {
                stream.write_all(&message).await?;
                stream.flush().await
            };
            let written = written.await;
            written.map_err(|error| SendError::Dial(DialError::Connect(error)))?;
        }
        Ok(Link {
            stream,
            read: Bytes::new(),
        })
    }

    /// Four bytes of length, big-endian, and JSON.
    fn preamble(&self, approach: Approach<'_>) -> Result<Vec<u8>, SendError> {
        let mut headers = HeaderMap::new();
        self.stamp(&mut headers, approach);
        let text = |name: &header::HeaderName| {
            headers
                .get(name)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default()
        };
        let preamble = Preamble {
            app_id: text(&head::APP_ID),
            zone: text(&head::ZONE),
            channel: text(&head::CHANNEL),
            retention_days: self.permit.seen().app().retention_days,
            request_id: text(&head::REQUEST_ID),
            forwarded_for: text(&head::FORWARDED_FOR),
            traceparent: text(&head::TRACEPARENT),
            gateway_secret: headers.get(&head::SECRET).and_then(|v| v.to_str().ok()),
        };
        let mut message = vec![0; 4];
        serde_json::to_writer(&mut message, &preamble).map_err(|_| SendError::Upgrade)?;
        let length = u32::try_from(message.len() - 4).map_err(|_| SendError::Upgrade)?;
        message[..4].copy_from_slice(&length.to_be_bytes());
        Ok(message)
    }
}

/// What the data centre is told over TCP, as it is by headers elsewhere.
#[derive(Serialize)]
struct Preamble<'a> {
    app_id: &'a str,
    zone: &'a str,
    channel: &'a str,
    retention_days: u32,
    request_id: &'a str,
    forwarded_for: &'a str,
    traceparent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_secret: Option<&'a str>,
}

/// Any that is well; another than `not` where there is one.
fn choose<'a>(targets: &'a [Arc<Target>], not: Option<&Arc<Target>>) -> Option<&'a Arc<Target>> {
    let well = targets.iter().filter(|t| t.health().is_well());
    let others: Vec<_> = well
        .clone()
        .filter(|t| not.is_none_or(|n| !Arc::ptr_eq(t, n)))
        .collect();
    let among = if others.is_empty() {
        well.collect()
    } else {
        others
    };
    let [random, ..] = RequestId::bytes();
    among.get(usize::from(random) % among.len().max(1)).copied()
}

/// Only a plain WebSocket is an answer: no extension, no protocol, no other place.
fn check(response: &Response<Incoming>, key: &str) -> Result<(), SendError> {
    let headers = response.headers();
    let has = |name, token| {
        let values = headers.get_all(name).iter();
        values
            .filter_map(|v| v.to_str().ok())
            .any(|v| handshake::has_token(v, token))
    };
    let accept = handshake::accept_key(key);
    let accepted = headers.get(header::SEC_WEBSOCKET_ACCEPT);
    let plain = !headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS)
        && !headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL);
    let good = response.status() == StatusCode::SWITCHING_PROTOCOLS
        && has(header::UPGRADE, "websocket")
        && has(header::CONNECTION, "upgrade")
        && accepted.is_some_and(|a| a.as_bytes() == accept.as_bytes())
        && plain;
    good.then_some(()).ok_or(SendError::Upgrade)
}

/// The connection without the HTTP around it.
fn link(upgraded: Upgraded) -> Result<Link, SendError> {
    let parts = upgraded.downcast::<TokioIo<Stream>>();
    let parts = parts.map_err(|_| SendError::Upgrade)?;
    Ok(Link {
        stream: parts.io.into_inner(),
        read: parts.read_buf,
    })
}
