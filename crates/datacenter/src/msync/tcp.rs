//! MSYNC over TCP: every message has its length in front, four bytes, big-endian; the first is the
//! gateway's preamble.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::facts::{Facts, FactsError, Preamble};
use super::link::{FAREWELL, Farewell, Link, LinkError, MESSAGE_MAX};
use super::session;
use crate::centre::{Centre, Stop};

/// Serves one connection until it ends.
pub(crate) async fn serve<S>(stream: S, centre: Arc<Centre>, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut codec = LengthDelimitedCodec::new();
    codec.set_max_frame_length(PREAMBLE_MAX);
    let mut link = Tcp(Framed::new(stream, codec));
    let greeting = timeout(session::LOGIN, greeting(&mut link, &centre));
    match stop.soft.run_until_cancelled(greeting).await {
        Some(Ok(Ok(facts))) => {
            link.0.codec_mut().set_max_frame_length(MESSAGE_MAX);
            session::run(link, facts, centre, stop).await;
        }
        Some(Ok(Err(refused))) => {
            tracing::warn!(
                error = &refused as &dyn std::error::Error,
                "connection refused"
            );
        }
        Some(Err(_)) => tracing::warn!("connection refused: there is no preamble"),
        None => {}
    }
}

/// A gateway that is not let in.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the connection ended before a preamble")]
    Ended,
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error("the preamble does not show the shared secret")]
    NotAGateway,
}

async fn greeting<S>(link: &mut Tcp<S>, centre: &Centre) -> Result<Facts, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let message = link.receive().await?.ok_or(Refused::Ended)?;
    let preamble = Preamble::read(&message)?;
    let secret = preamble.gateway_secret.as_deref();
    if !centre.door.admits(secret.map(str::as_bytes)) {
        return Err(Refused::NotAGateway);
    }
    Ok(preamble.facts(&centre.zone)?)
}

struct Tcp<S>(Framed<S, LengthDelimitedCodec>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Link for Tcp<S> {
    async fn receive(&mut self) -> Result<Option<Bytes>, LinkError> {
        let message = self.0.next().await.transpose()?;
        Ok(message.map(Into::into))
    }

    async fn send(&mut self, message: Bytes) -> Result<(), LinkError> {
        Ok(self.0.send(message).await?)
    }

    async fn close(mut self, _: Farewell) {
        let closing = async {
            SinkExt::<Bytes>::close(&mut self.0).await?;
            while self.0.next().await.transpose()?.is_some() {}
            Ok::<_, std::io::Error>(())
        };
        if !matches!(timeout(FAREWELL, closing).await, Ok(Ok(()))) {
            tracing::debug!("a connection did not end well");
        }
    }
}

const PREAMBLE_MAX: usize = 16 * 1024;
