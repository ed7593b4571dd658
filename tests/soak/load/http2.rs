//! Clients of HTTP/2 over TLS.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;

use super::Load;
use super::wire::tls;
use crate::site::{ORG, REST};

/// Requests under way at once on a connection, and how many each of these streams makes.
const STREAMS: usize = 8;
const REQUESTS: usize = 25;

type Sender = http2::SendRequest<Full<Bytes>>;

/// A connection with many streams, which then ends.
pub async fn streams(load: Arc<Load>) -> io::Result<()> {
    let stream = tls(&load.site, &load.http2, REST).await?;
    let builder = http2::Builder::new(TokioExecutor::new());
    let shaken = builder
        .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
        .await;
    let (sender, connection) = shaken.map_err(io::Error::other)?;
    let driving = tokio::spawn(connection);
    let mut streams = JoinSet::new();
    for _ in 0..STREAMS {
        streams.spawn(ask(Arc::clone(&load), sender.clone()));
    }
    drop(sender);
    while let Some(asked) = streams.join_next().await {
        asked.map_err(io::Error::other)??;
    }
    driving
        .await
        .map_err(io::Error::other)?
        .map_err(io::Error::other)
}

async fn ask(load: Arc<Load>, mut sender: Sender) -> io::Result<()> {
    for n in 0..REQUESTS {
        if load.is_over() {
            break;
        }
        let app = load.app();
        let (method, path, body) = match n % 8 {
            0 => ("POST", "chatgroups", vec![b'x'; 4_096]),
            _ => ("GET", "users/u1", Vec::new()),
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("https://{REST}/{ORG}/{}/{path}", app.name))
            .header("authorization", format!("Bearer {}", app.token("u1")))
            .body(Full::new(Bytes::from(body)));
        let request = request.map_err(io::Error::other)?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let status = answer.status().as_u16();
        answer
            .into_body()
            .collect()
            .await
            .map_err(io::Error::other)?;
        load.answered("http2", status, &[200]);
    }
    Ok(())
}
