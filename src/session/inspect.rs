//! What a frame of a session that stands may do (SPEC 6.7).

use std::sync::Arc;

use msync::{Command, Down, Up, status};

use super::bucket::Buckets;
use super::login::{Login, unmarked};
use super::plane;
use crate::auth::names_another_app;
use crate::domain::{AppId, BearerToken, Channel, Code, Transport};
use crate::gateway::{Shared, row};
use crate::observe::{Direction, Outcome, Violation};
use crate::zone::{BindError, Flights};

/// Looks at every frame of one session.
pub struct Inspector {
    shared: Arc<Shared>,
    login: Arc<Login>,
    transport: Transport,
    buckets: Buckets,
    pub flights: Flights,
}

/// What becomes of a frame.
#[derive(Debug)]
pub enum Verdict {
    /// It goes on as it came.
    Pass,
    /// It goes no further, and its sender gets this.
    Answer(Vec<u8>),
    /// It goes on when its channel's rate allows, and nothing before it.
    Hold(Channel),
    End(Breach),
}

/// What ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    #[error("the client sent an unreadable frame")]
    ClientFrame(#[source] msync::Fault),
    #[error("the client compresses or encrypts inside MSYNC")]
    ClientHides,
    #[error("the client logged in twice")]
    SecondLogin,
    #[error("the client addressed another App")]
    ClientForeign,
    #[error("the data centre sent an unreadable frame")]
    CentreFrame(#[source] msync::Fault),
    #[error("the data centre broke the session's agreement")]
    CentreHides,
    #[error("the data centre sent another App's frame")]
    CentreForeign,
    #[error("the data centre pointed elsewhere")]
    Redirect,
    #[error("the App's record no longer lets the session in")]
    Revoked(Code),
}

impl Inspector {
    pub fn new(
        shared: &Arc<Shared>,
        login: Arc<Login>,
        transport: Transport,
        flights: Flights,
        now: u64,
    ) -> Self {
        Self {
            buckets: Buckets::new(shared.limits.frames_per_session, now),
            shared: Arc::clone(shared),
            login,
            transport,
            flights,
        }
    }

    pub const fn login(&self) -> &Arc<Login> {
        &self.login
    }

    /// A frame of the client; `now` in the pacer's ticks.
    pub fn up(&mut self, frame: &[u8], now: u64) -> Verdict {
        let (channel, verdict) = match msync::inspect_up(frame, self.login.app_key().as_str()) {
            Ok(up) => (channel(up.channel), self.judge(&up, frame, now)),
            Err(fault) => (Channel::General, Verdict::End(Breach::ClientFrame(fault))),
        };
        let outcome = match verdict {
            Verdict::Pass | Verdict::Hold(_) => Outcome::Passed,
            Verdict::Answer(_) | Verdict::End(_) => Outcome::Refused,
        };
        self.shared.metrics.frame(channel, Direction::Up, outcome);
        verdict
    }

    fn judge(&mut self, up: &Up, frame: &[u8], now: u64) -> Verdict {
        if up.command == Command::Provision && !up.compressed {
            return Verdict::End(Breach::SecondLogin);
        }
        if up.compressed || up.chooses {
            return Verdict::End(Breach::ClientHides);
        }
        let id = up.meta_id.filter(|_| up.command == Command::Sync);
        if up.foreign || (up.has_auth && self.brings_foreign_token(frame)) {
            return match id {
                Some(id) => self.refuse_message(id, Code::AppMismatch),
                None => Verdict::End(Breach::ClientForeign),
            };
        }
        let channel = channel(up.channel);
        if !self.buckets.take(channel, now) {
            return match id {
                Some(id) => self.refuse_message(id, Code::RateLimited),
                None => Verdict::Hold(channel),
            };
        }
        match id.filter(|_| up.is_message) {
            Some(id) => self.send_off(id, channel, now),
            None => Verdict::Pass,
        }
    }

    /// A LOGOUT has a token, too, perhaps a newer one than the session's.
    fn brings_foreign_token(&self, frame: &[u8]) -> bool {
        let token = msync::envelope_auth(frame).map(unmarked);
        token.is_some_and(|token| names_another_app(BearerToken::new(token), &self.app_id()))
    }

    fn send_off(&mut self, id: u64, channel: Channel, now: u64) -> Verdict {
        let limits = &self.shared.limits;
        match self.flights.enter(id, channel, now, limits) {
            Ok(()) => Verdict::Pass,
            Err(BindError::RateLimited) => self.refuse_message(id, Code::RateLimited),
            Err(BindError::ChannelFull | BindError::TooLarge | BindError::NoSuchZone) => {
                self.refuse_message(id, Code::ChannelFull)
            }
        }
    }

    /// Tells the client that one message goes no further; the session goes on.
    fn refuse_message(&self, id: u64, code: Code) -> Verdict {
        self.shared.metrics.refused(plane(self.transport), code);
        if code.is_residency() {
            self.shared
                .audit
                .refused(code.as_str(), Some(self.app_id()));
        }
        let number = status::PERMISSION_DENIED_EXTERNAL;
        let reason = format!("{}: {}", code.as_str(), row(code).title);
        Verdict::Answer(msync::sync_refusal(id, number, &reason))
    }

    pub fn app_id(&self) -> AppId {
        self.flights.seen().app().app_id
    }

    /// Whether a frame that was held may go on now.
    pub fn may_go_on(&mut self, channel: Channel, now: u64) -> bool {
        self.buckets.take(channel, now)
    }

    /// A frame of the data centre.
    pub fn down(&mut self, frame: &[u8]) -> Verdict {
        let (channel, judged) = match msync::inspect_down(frame, self.login.app_key().as_str()) {
            Ok(down) => (channel(down.channel), self.judge_down(&down)),
            Err(fault) => (Channel::General, Err(Breach::CentreFrame(fault))),
        };
        let outcome = match judged {
            Ok(()) => Outcome::Passed,
            Err(_) => Outcome::Refused,
        };
        self.shared.metrics.frame(channel, Direction::Down, outcome);
        judged.map_or_else(Verdict::End, |()| Verdict::Pass)
    }

    fn judge_down(&mut self, down: &Down) -> Result<(), Breach> {
        if down.foreign {
            self.shared.metrics.violated(Violation::ForeignApp);
            return Err(Breach::CentreForeign);
        }
        if down.redirect {
            return Err(Breach::Redirect);
        }
        if down.compressed || down.chooses || down.command == Command::Provision {
            return Err(Breach::CentreHides);
        }
        if let Some(id) = down.ack {
            self.flights.landed(id);
        }
        Ok(())
    }
}

impl Breach {
    pub const fn code(self) -> Code {
        match self {
            Self::ClientFrame(_) | Self::ClientHides | Self::SecondLogin => Code::BadRequest,
            Self::ClientForeign => Code::AppMismatch,
            Self::CentreFrame(_) | Self::CentreHides | Self::CentreForeign => {
                Code::UpstreamProtocol
            }
            Self::Redirect => Code::CrossRegionReference,
            Self::Revoked(code) => code,
        }
    }
}

const fn channel(channel: msync::Channel) -> Channel {
    match channel {
        msync::Channel::OneToOne => Channel::OneToOne,
        msync::Channel::Group => Channel::Group,
        msync::Channel::Room => Channel::Room,
        msync::Channel::General => Channel::General,
    }
}
