//! A REST call for a canary, without a token.

use std::pin::pin;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::heard::{Heard, Rest, Said, Unheard};
use super::{Prober, Question, Way};
use crate::config::Endpoint;
use crate::domain::{Code, RegionId};

/// The most of an answer's head, in bytes.
const ANSWER: usize = 16 * 1024;

pub(super) async fn ask(prober: &Prober, question: Question<'_>) -> Result<Heard, Unheard> {
    let stream = prober.dialler.open(question.endpoint, Way::Rest).await?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(ANSWER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(Unheard::Http)?;
    let mut asking = pin!(sender.send_request(request(question)));
    // The connection is driven until there is an answer's head; its body is not read. A connection
    // that ends may have brought the answer before.
    let response = tokio::select! {
        response = &mut asking => response,
        _ = connection => asking.await,
    };
    let response = response.map_err(Unheard::Http)?;
    Ok(Heard::Rest(read(&response)))
}

fn request(question: Question<'_>) -> Request<Empty<Bytes>> {
    let key = question.canary.app_key;
    let mut request = Request::new(Empty::new());
    let path = format!("/{}/{}/users", key.org(), key.app());
    // The grammar of AppKeys has nothing in it that a path could not hold.
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(header::HOST, host(question.endpoint));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    request
}

pub(super) const AGENT: &str = concat!("domicile-probe/", env!("CARGO_PKG_VERSION"));

/// `host:port`, an IPv6 literal in brackets.
pub(super) fn host(endpoint: &Endpoint) -> HeaderValue {
    let (host, port) = (&endpoint.host, endpoint.port);
    let text = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    // The catalogue's hosts are visible ASCII.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

fn read(response: &Response<Incoming>) -> Rest {
    let headers = response.headers();
    Rest {
        status: response.status().as_u16(),
        code: word(headers, "domicile-code", Code::of),
        region: word(headers, "domicile-region", |text| {
            RegionId::parse(text).ok()
        }),
    }
}

fn word<T>(
    headers: &HeaderMap,
    name: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<Said<T>> {
    let text = headers.get(name)?.to_str().unwrap_or_default();
    Some(read(text).map_or(Said::Other, Said::Known))
}
