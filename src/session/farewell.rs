//! The end of a session, so that both ends hear of it.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use websocket::code;

use super::end::End;
use super::inspect::Breach;
use super::refuse::of_framing;
use super::relay::{Ending, Relay, Side};
use crate::domain::Code;

/// How long an end may take to hear the last words.
const PATIENCE: Duration = Duration::from_secs(1);

/// What may still come and is discarded, in bytes.
const LINGER: usize = 256 * 1024;

/// What each end is told.
struct Words {
    code: Option<Code>,
    client: u16,
    centre: u16,
}

impl Ending {
    fn words(&self) -> Words {
        let (code, client, centre) = match self {
            Self::Gone(_) => (None, code::GOING_AWAY, code::GOING_AWAY),
            Self::Closed(close) => {
                let close = close.unwrap_or(code::NORMAL);
                (None, close, close)
            }
            Self::Framing(Side::Client, fault) => {
                (Some(of_framing(*fault)), fault.close_code(), code::NORMAL)
            }
            Self::Framing(Side::Centre, fault) => (
                Some(Code::UpstreamProtocol),
                code::INTERNAL,
                fault.close_code(),
            ),
            Self::Breach(breach) => (Some(breach.code()), code::POLICY, centre_code(*breach)),
            Self::Expired => (Some(Code::TokenExpired), code::POLICY, code::NORMAL),
            Self::Idle => (None, code::GOING_AWAY, code::NORMAL),
            Self::Stalled => (Some(Code::TooSlow), code::POLICY, code::NORMAL),
            Self::Draining => (None, code::GOING_AWAY, code::GOING_AWAY),
        };
        Words {
            code,
            client,
            centre,
        }
    }
}

const fn centre_code(breach: Breach) -> u16 {
    match breach {
        Breach::CentreFrame(_) | Breach::CentreHides | Breach::CentreForeign | Breach::Redirect => {
            code::POLICY
        }
        Breach::ClientFrame(_)
        | Breach::ClientHides
        | Breach::SecondLogin
        | Breach::ClientForeign
        | Breach::Revoked(_) => code::NORMAL,
    }
}

impl Relay {
    pub async fn end(mut self, ending: Ending) {
        tracing::debug!(?ending, "a session ends");
        let words = ending.words();
        if let Some(code) = words.code {
            let gateway = std::sync::Arc::clone(self.gateway());
            match ending {
                Ending::Breach(Breach::CentreForeign) => {
                    gateway.note_foreign_jid(code, &mut self.record);
                }
                _ => gateway.note_code(code, &mut self.record),
            }
        }
        let Self { client, centre, .. } = &mut self;
        let client = async {
            if !matches!(ending, Ending::Gone(Side::Client)) {
                client.farewell(words.client).await;
            }
        };
        let centre = async {
            if !matches!(ending, Ending::Gone(Side::Centre)) {
                centre.farewell(words.centre).await;
            }
        };
        tokio::join!(client, centre);
        self.record.complete();
    }
}

impl End {
    /// Says the last words, and lets the other side close: a reset could take them back.
    pub async fn farewell(&mut self, close: u16) {
        self.push_close(close, "");
        let saying = async {
            self.flush().await?;
            self.shutdown().await?;
            self.linger().await
        };
        // Whoever does not listen any more misses it.
        let _ = tokio::time::timeout(PATIENCE, saying).await;
    }

    async fn linger(&mut self) -> std::io::Result<()> {
        let mut scratch = [0; 2048];
        let mut left = LINGER;
        loop {
            let came = self.stream().read(&mut scratch).await?;
            match left.checked_sub(came) {
                Some(rest) if came > 0 => left = rest,
                _ => return Ok(()),
            }
        }
    }
}
