//! Requests of the gateway's own to a data centre, one after the other on a connection that nobody else uses.

use std::pin::{Pin, pin};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::erase::EraseError;
use super::stream::Stream;

pub(super) struct Conversation {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Driven beside each exchange, and given up with the conversation.
    connection: Pin<Box<http1::Connection<TokioIo<Stream>, Full<Bytes>>>>,
    ended: bool,
}

impl Conversation {
    pub(super) async fn open(stream: Stream) -> Result<Self, EraseError> {
        let opened = http1::Builder::new()
            .max_buf_size(HEAD)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = opened.map_err(EraseError::Broken)?;
        Ok(Self {
            sender,
            connection: Box::pin(connection),
            ended: false,
        })
    }

    /// One request, and the body of its answer, of at most `most` bytes.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        most: usize,
    ) -> Result<Bytes, EraseError> {
        let sender = &mut self.sender;
        let exchange = async move {
            sender.ready().await.map_err(EraseError::Broken)?;
            let response = sender.send_request(request).await;
            take(response.map_err(EraseError::Broken)?, most).await
        };
        match select(pin!(exchange), self.connection.as_mut()).await {
            Either::Left((body, _)) => body,
            Either::Right((_, exchange)) => {
                self.ended = true;
                exchange.await
            }
        }
    }

    /// Whether there is a point in asking on.
    pub(super) fn goes_on(&self) -> bool {
        !self.ended && !self.sender.is_closed()
    }
}

/// No answer but 200 is looked at; least of all one that names another place.
async fn take(response: Response<Incoming>, most: usize) -> Result<Bytes, EraseError> {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            return Err(EraseError::Unsupported);
        }
        other => return Err(EraseError::Refused(other)),
    }
    let body = Limited::new(response.into_body(), most).collect().await;
    match body {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(error
            .downcast()
            .map_or(EraseError::Protocol, |error| EraseError::Broken(*error))),
    }
}

/// The most of an answer's head, in bytes.
const HEAD: usize = 16 * 1024;
