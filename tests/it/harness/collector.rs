//! A collector of traces: OTLP over HTTP, of which every byte is kept and every span decoded.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::task::JoinSet;

use super::eventually;

/// How it takes what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    All,
    /// Answers with this status, and points elsewhere.
    Nothing(u16),
    /// Never answers.
    Time,
}

pub struct Collector {
    pub address: SocketAddr,
    kept: Arc<Kept>,
    _task: JoinSet<()>,
}

struct Kept {
    takes: Takes,
    requests: Mutex<Vec<Taken>>,
}

/// One request to it.
#[derive(Debug, Clone)]
pub struct Taken {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Collector {
    pub async fn start(takes: Takes) -> Self {
        let kept = Arc::new(Kept {
            takes,
            requests: Mutex::default(),
        });
        let router = axum::Router::new()
            .fallback(take)
            .with_state(Arc::clone(&kept));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            kept,
            _task: task,
        }
    }

    pub fn requests(&self) -> Vec<Taken> {
        self.kept.requests.lock().unwrap().clone()
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Span> {
        let decoded = self.decoded();
        let resources = decoded.into_iter().flat_map(|d| d.resource_spans);
        let scopes = resources.flat_map(|r| r.scope_spans);
        scopes.flat_map(|s| s.spans).collect()
    }

    pub fn decoded(&self) -> Vec<ExportTraceServiceRequest> {
        let requests = self.requests();
        let decode = |taken: &Taken| ExportTraceServiceRequest::decode(&taken.body[..]).unwrap();
        requests.iter().map(decode).collect()
    }

    /// Waits for so many spans, and gives them.
    pub async fn has(&self, count: usize) -> Vec<Span> {
        let what = format!("{count} spans at the collector");
        eventually(&what, || self.spans().len() >= count).await;
        self.spans()
    }
}

async fn take(
    State(kept): State<Arc<Kept>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    kept.requests.lock().unwrap().push(Taken {
        path: uri.to_string(),
        headers,
        body,
    });
    match kept.takes {
        Takes::All => StatusCode::OK.into_response(),
        Takes::Nothing(status) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [("location", "http://127.0.0.1:9/elsewhere")]).into_response()
        }
        Takes::Time => std::future::pending().await,
    }
}

/// The value of an attribute, as text.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|pair| pair.key == key)?;
    let value = found.value.as_ref()?.value.as_ref()?;
    Some(match value {
        any_value::Value::StringValue(text) => text.clone(),
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::BoolValue(flag) => flag.to_string(),
        other => panic!("{key} is {other:?}"),
    })
}

/// Lower-case hexadecimal digits.
pub fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
