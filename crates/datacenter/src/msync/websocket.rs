//! MSYNC over WebSocket: one binary message, one MSYNC message. The facts are headers of the upgrade.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::facts::Facts;
use super::link::{FAREWELL, Farewell, Link, LinkError, MESSAGE_MAX};
use super::session;
use crate::centre::{Centre, Stop};

/// Serves one connection until it ends.
pub(crate) async fn serve<S>(stream: S, centre: Arc<Centre>, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut facts = None;
    let upgrade = upgrade(stream, &centre, &mut facts);
    let accepted = stop
        .soft
        .run_until_cancelled(timeout(session::LOGIN, upgrade));
    let Some(Ok(Some(socket))) = accepted.await else {
        return;
    };
    if let Some(facts) = facts {
        session::run(WebSocket(socket), facts, centre, stop).await;
    }
}

async fn upgrade<S>(
    stream: S,
    centre: &Centre,
    facts: &mut Option<Facts>,
) -> Option<WebSocketStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    #[expect(
        clippy::result_large_err,
        reason = "this is how the library asks for a refusal"
    )]
    let check = |request: &Request, response: Response| match admit(request, centre) {
        Ok(found) => {
            *facts = Some(found);
            Ok(response)
        }
        Err(status) => Err(refusal(status)),
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    match accept_hdr_async_with_config(stream, check, Some(config)).await {
        Ok(socket) => Some(socket),
        Err(error) => {
            tracing::warn!(%error, "a WebSocket was refused");
            None
        }
    }
}

fn admit(request: &Request, centre: &Centre) -> Result<Facts, StatusCode> {
    if request.uri().path() != PATH {
        return Err(StatusCode::NOT_FOUND);
    }
    let headers = request.headers();
    centre
        .door
        .check(headers)
        .map_err(|_| StatusCode::FORBIDDEN)?;
    Facts::of_headers(headers, &centre.zone).map_err(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a WebSocket is refused"
        );
        StatusCode::FORBIDDEN
    })
}

fn refusal(status: StatusCode) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = status;
    response
}

struct WebSocket<S>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Link for WebSocket<S> {
    async fn receive(&mut self) -> Result<Option<Bytes>, LinkError> {
        while let Some(message) = self.0.next().await {
            match message.map_err(Box::new)? {
                Message::Binary(message) => return Ok(Some(message)),
                Message::Close(_) => return Ok(None),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Text(_) | Message::Frame(_) => return Err(LinkError::NotBinary),
            }
        }
        Ok(None)
    }

    async fn send(&mut self, message: Bytes) -> Result<(), LinkError> {
        Ok(self
            .0
            .send(Message::Binary(message))
            .await
            .map_err(Box::new)?)
    }

    async fn close(mut self, farewell: Farewell) {
        let code = match farewell {
            Farewell::Normal => CloseCode::Normal,
            Farewell::GoingAway => CloseCode::Away,
            Farewell::Policy => CloseCode::Policy,
        };
        let frame = CloseFrame {
            code,
            reason: "".into(),
        };
        let closing = async {
            self.0.close(Some(frame)).await?;
            while self.0.next().await.transpose()?.is_some() {}
            Ok::<_, tokio_tungstenite::tungstenite::Error>(())
        };
        if !matches!(timeout(FAREWELL, closing).await, Ok(Ok(()))) {
            tracing::debug!("a WebSocket did not end well");
        }
    }
}

const PATH: &str = "/websocket";
