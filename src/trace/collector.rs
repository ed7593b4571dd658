//! The way to the collector: through an egress guard of its own, without redirects and proxies.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::zone::{DialError, Target};

/// OTLP over HTTP/1.1, on one connection after the other.
pub struct Collector {
    target: Target,
    open: Option<SendRequest<Full<Bytes>>>,
}

/// Why the collector does not have a batch.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("no connection to the collector")]
    Dial(#[from] DialError),
    #[error("the collector broke the protocol or its connection")]
    Http(#[from] hyper::Error),
    #[error("the collector's answer is too long or broke off")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the collector answered {0}")]
    Refused(StatusCode),
    #[error("the collector did not answer in time")]
    Timeout,
}

/// Where OTLP/HTTP has traces.
const PATH: &str = "/v1/traces";
/// The most of an answer that is read, in bytes.
const ANSWER: usize = 64 * 1024;

impl Collector {
    pub const fn new(target: Target) -> Self {
        Self { target, open: None }
    }

    /// # Errors
    /// See [`SendError`]. A batch is sent once: it may have arrived.
    pub async fn send(&mut self, body: Bytes) -> Result<(), SendError> {
        let mut sender = match self.still_open().await {
            Some(open) => open,
            None => self.connect().await?,
        };
        let response = sender.send_request(self.request(body)).await?;
        let status = response.status();
        let answer = Limited::new(response.into_body(), ANSWER).collect().await;
        answer.map_err(SendError::Answer)?;
        self.open = Some(sender);
        if status.is_success() {
            Ok(())
        } else {
            Err(SendError::Refused(status))
        }
    }

    async fn still_open(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        let mut open = self.open.take()?;
        open.ready().await.ok().map(|()| open)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, SendError> {
        let target = &self.target;
        let stream = TokioIo::new(target.connect().await?);
        let (sender, connection) = http1::handshake(stream).await?;
        // It ends with its sender; what it has to say, the sender says.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static(PATH);
        let headers = request.headers_mut();
        headers.insert(HOST, self.target.authority.clone());
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-protobuf"),
        );
        request
    }
}
