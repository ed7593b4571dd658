//! A session's first message for a canary, without a token: over WebSocket, and over TLS over TCP.

use bytes::Bytes;
use http::Request;
use http::header::{self, HeaderValue};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use websocket::{Opcode, Read, Reader, Role, append_frame, code, handshake};

use super::heard::{Heard, Session, Unheard};
use super::{Prober, Question, USER, Way, rest};
use crate::config::Endpoint;
use crate::domain::Code;

/// The most of an answer, in bytes. A gateway's takes about a hundred.
const MOST: usize = 16 * 1024;

/// Length in front of a message over TCP, in bytes.
const LENGTH: usize = 4;

pub(super) async fn ask_by_websocket(
    prober: &Prober,
    question: Question<'_>,
) -> Result<Heard, Unheard> {
    let stream = upgraded(prober, question.endpoint).await?;
    let mut mask = [0; 4];
    fill(prober, &mut mask)?;
    let mut out = Vec::new();
    append_frame(&mut out, Opcode::Binary, &first(question), Some(mask));
    let framing = Framing::Websocket(Reader::new(Role::Client, MOST));
    hear(stream, &out, framing, question).await
}

pub(super) async fn ask_by_msync(
    prober: &Prober,
    question: Question<'_>,
) -> Result<Heard, Unheard> {
    let stream = prober.dialler.open(question.endpoint, Way::Msync).await?;
    let first = first(question);
    // A first message is two AppKeys long at most.
    let length = u32::try_from(first.len()).unwrap_or(u32::MAX);
    let out = [&length.to_be_bytes()[..], &first].concat();
    hear(stream, &out, Framing::Length, question).await
}

fn first(question: Question<'_>) -> Vec<u8> {
    msync::provision_without_token(question.canary.app_key.as_str(), USER)
}

fn fill(prober: &Prober, bytes: &mut [u8]) -> Result<(), Unheard> {
    let filled = prober.randomness.fill(bytes);
    filled.map_err(|_| Unheard::Randomness)
}

/// RFC 6455 section 4.1.
async fn upgraded(prober: &Prober, endpoint: &Endpoint) -> Result<TokioIo<Upgraded>, Unheard> {
    let mut random = [0; 16];
    fill(prober, &mut random)?;
    let request = request(endpoint, &handshake::fresh_key(random));
    let stream = prober.dialler.open(endpoint, Way::Websocket).await?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(Unheard::Http)?;
    let exchange = async move {
        let response = sender.send_request(request).await;
        let response = response.map_err(Unheard::Http)?;
        let status = response.status();
        if status != http::StatusCode::SWITCHING_PROTOCOLS {
            return Err(Unheard::NoWebsocket(status.as_u16()));
        }
        let upgraded = hyper::upgrade::on(response).await;
        upgraded.map_err(Unheard::Http)
    };
    // The connection is driven beside the exchange until it has become something else.
    let (_, upgraded) = tokio::join!(connection.with_upgrades(), exchange);
    Ok(TokioIo::new(upgraded?))
}

fn request(endpoint: &Endpoint, key: &str) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = path(endpoint).parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(header::HOST, rest::host(endpoint));
    for (name, value) in [
        (header::USER_AGENT, rest::AGENT),
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_VERSION, handshake::VERSION),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Base64 is visible ASCII.
    let key = HeaderValue::try_from(key).unwrap_or(HeaderValue::from_static(""));
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    request
}

/// What stands behind the authority.
fn path(endpoint: &Endpoint) -> &str {
    let behind = endpoint.text.split_once("://").map_or("", |(_, rest)| rest);
    behind.find('/').map_or("/", |at| &behind[at..])
}

enum Framing {
    Websocket(Reader),
    Length,
}

/// What the other end says next.
enum Next {
    Frame(Vec<u8>),
    /// With a WebSocket's close code.
    End(Option<u16>),
}

async fn hear(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    out: &[u8],
    mut framing: Framing,
    question: Question<'_>,
) -> Result<Heard, Unheard> {
    stream.write_all(out).await.map_err(Unheard::Broken)?;
    stream.flush().await.map_err(Unheard::Broken)?;
    let mut buffer = Vec::new();
    let frame = match next(&mut stream, &mut framing, &mut buffer).await? {
        Next::Frame(frame) => frame,
        Next::End(_) => return Err(Unheard::Silent),
    };
    let answer = msync::read_provision_answer(&frame, question.canary.app_key.as_str());
    let answer = answer.map_err(|_| Unheard::NotMsync)?;
    let status = answer.error_code.unwrap_or(msync::status::OK);
    // A session that is let in goes on: its end is not waited for.
    let ended = status != msync::status::OK
        && match next(&mut stream, &mut framing, &mut buffer).await {
            Ok(Next::End(closed)) => closed.is_none_or(|closed| closed == code::POLICY),
            Ok(Next::Frame(_)) => false,
            // Cut off is ended, too.
            Err(_) => true,
        };
    Ok(Heard::Session(Session {
        status,
        code: answer.reason.and_then(leading_code),
        ended,
    }))
}

/// A gateway's reasons are `CODE: TEXT`.
fn leading_code(reason: &str) -> Option<Code> {
    Code::of(reason.split(':').next()?)
}

async fn next(
    stream: &mut (impl AsyncRead + Unpin),
    framing: &mut Framing,
    buffer: &mut Vec<u8>,
) -> Result<Next, Unheard> {
    loop {
        if let Some((next, consumed)) = framing.take(buffer)? {
            buffer.drain(..consumed);
            match next {
                Some(next) => return Ok(next),
                None => continue,
            }
        }
        let read = stream.read_buf(buffer).await.map_err(Unheard::Broken)?;
        if read == 0 {
            return Ok(Next::End(None));
        }
    }
}

impl Framing {
    /// What is whole at the buffer's start, if it is worth telling, and its length.
    fn take(&mut self, buffer: &mut [u8]) -> Result<Option<(Option<Next>, usize)>, Unheard> {
        match self {
            Self::Length => take_length(buffer),
            Self::Websocket(reader) => take_frame(reader, buffer),
        }
    }
}

fn take_length(buffer: &[u8]) -> Result<Option<(Option<Next>, usize)>, Unheard> {
    let Some(length) = buffer.first_chunk::<LENGTH>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > MOST {
        return Err(Unheard::NotMsync);
    }
    let whole = buffer.get(LENGTH..LENGTH + length);
    Ok(whole.map(|frame| (Some(Next::Frame(frame.to_vec())), LENGTH + length)))
}

fn take_frame(
    reader: &mut Reader,
    buffer: &mut [u8],
) -> Result<Option<(Option<Next>, usize)>, Unheard> {
    Ok(match reader.read(buffer).map_err(|_| Unheard::NotMsync)? {
        Read::Need(_) => None,
        Read::Message {
            payload, consumed, ..
        } => Some((Some(Next::Frame(payload.to_vec())), consumed)),
        Read::Close { code, consumed, .. } => Some((Some(Next::End(code)), consumed)),
        Read::Ping { consumed, .. } | Read::Pong { consumed } | Read::Fragment { consumed } => {
            Some((None, consumed))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_what_the_catalogue_says() {
        for (text, expected) in [
            ("wss://a.example.com/websocket", "/websocket"),
            ("wss://a.example.com:8443/a/b?c=d", "/a/b?c=d"),
        ] {
            let endpoint = Endpoint {
                text: text.to_owned(),
                host: "a.example.com".to_owned(),
                port: 443,
            };
            assert_eq!(path(&endpoint), expected);
        }
    }

    #[test]
    fn a_length_is_believed_up_to_the_most() {
        assert!(matches!(take_length(b"\0\0\0"), Ok(None)));
        assert!(matches!(take_length(b"\0\0\0\x02a"), Ok(None)));
        assert!(matches!(
            take_length(b"\0\0\0\x01ab"),
            Ok(Some((Some(Next::Frame(_)), 5)))
        ));
        assert!(matches!(take_length(&[0xff; 8]), Err(Unheard::NotMsync)));
    }
}
