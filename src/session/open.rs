//! The opening of a session: one message is read, its App is decided on, and only then is its data
//! centre dialled.

use std::sync::Arc;

use super::end::{End, Silence};
use super::inspect::Inspector;
use super::login::Login;
use super::refuse::{CentreError, Refused};
use super::relay::{Parts, Relay};
use super::{Arrival, Sessions, plane};
use crate::call::Peer;
use crate::domain::{Channel, Transport};
use crate::gateway::{Rejection, row};
use crate::observe::{RequestRecord, Stopwatch, Violation};
use crate::zone::{Approach, Flights};

/// What a session needs besides its client.
struct Opened {
    centre: End,
    login: Arc<Login>,
    flights: Flights,
    ends: Option<u64>,
    /// In unix seconds: before the App's record was looked at.
    began: u64,
}

/// The most of a first message, in bytes: whoever sends it has not said who it is. The largest that an SDK sends is
/// a token and some names.
const FIRST: usize = 64 * 1024;

/// A PROVISION answer, as it goes to the client.
struct Answer {
    message: Vec<u8>,
    accepts: bool,
}

impl Sessions {
    /// Opens a session; `None` if it was refused, which its client has been told then.
    pub(super) async fn open(&self, arrival: Arrival) -> Option<Relay> {
        let Arrival {
            transport,
            stream,
            read,
            peer,
            held,
        } = arrival;
        let mut record = Box::new(self.gateway.record(plane(transport)));
        record.classified(Channel::General, transport.as_str());
        let most = self.shared().limits.msync_message.min(FIRST);
        let mut client = End::client(stream, transport, &read, most);
        let opened = self.establish(&mut client, transport, &peer, &mut record);
        match opened.await {
            Ok(opened) => Some(self.relay(opened, client, transport, record, held)),
            Err(refused) => {
                self.turn_away(client, &refused, record).await;
                drop(held);
                None
            }
        }
    }

    fn relay(
        &self,
        opened: Opened,
        mut client: End,
        transport: Transport,
        mut record: Box<RequestRecord>,
        held: Box<dyn std::any::Any + Send>,
    ) -> Relay {
        let Opened {
            centre,
            login,
            flights,
            ends,
            began,
        } = opened;
        client.framing.allow(self.shared().limits.msync_message);
        record.answered(200);
        let entry = self.roll.enter(Arc::clone(flights.seen()), ends);
        let now = entry.now();
        let inspector = Inspector::new(self.shared(), login, transport, flights, now);
        Relay::new(Parts {
            client,
            centre,
            record,
            transport,
            inspector,
            entry,
            began,
            gateway: Arc::clone(&self.gateway),
            held,
        })
    }

    async fn establish(
        &self,
        client: &mut End,
        transport: Transport,
        peer: &Peer,
        record: &mut RequestRecord,
    ) -> Result<Opened, Refused> {
        let shared = self.shared();
        let first = self.first_message(client).await?;
        let login = Arc::new(Login::read(&first)?);
        let began = shared.clock.unix();
        let bound = self.gateway.bind(Arc::clone(&login), record).await?;
        let ends = bound.ends();
        let approach = Approach {
            transport,
            id: record.id,
            trace: record.context(),
            peer,
            references: &shared.references,
            limits: &shared.limits,
        };
        record.sent();
        let link = bound.dial(approach).await?;
        let most = shared.limits.msync_message;
        let mut centre = End::centre(link.stream, transport, &link.read, most);
        let started = Stopwatch::start();
        let answer = self.log_in(&mut centre, &first, &login, ends).await?;
        record.heard();
        let zone = bound.zone_position();
        shared.metrics.upstream_took(zone, started.elapsed());
        // It leaves with what follows, which has its time-outs.
        client.push(&answer.message);
        if !answer.accepts {
            return Err(CentreError::Declined.into());
        }
        let (login, flights) = bound.established();
        Ok(Opened {
            centre,
            login,
            flights,
            ends,
            began,
        })
    }

    async fn first_message(&self, client: &mut End) -> Result<Vec<u8>, Refused> {
        let shared = self.shared();
        if shared.is_draining() {
            return Err(Rejection::Draining.into());
        }
        let patience = shared.limits.provision_time;
        let first = tokio::time::timeout(patience, client.message()).await;
        // Draining may have begun while it was waited for.
        if shared.is_draining() {
            return Err(Rejection::Draining.into());
        }
        first
            .map_err(|_| Refused::TooSlow)?
            .map_err(Refused::Client)
    }

    /// Hands the PROVISION on, without what the gateway can't read behind, and waits for the answer.
    async fn log_in(
        &self,
        centre: &mut End,
        first: &[u8],
        login: &Login,
        ends: Option<u64>,
    ) -> Result<Answer, Refused> {
        let mut changed = Vec::new();
        let is_changed = msync::negotiate_down(first, &mut changed);
        let is_changed = is_changed.map_err(super::login::LoginError::Unreadable)?;
        centre.push(if is_changed { &changed } else { first });
        let exchange = async {
            centre.flush().await.map_err(Silence::Broken)?;
            centre.message().await
        };
        let patience = self.shared().limits.first_byte;
        let answer = tokio::time::timeout(patience, exchange).await;
        let answer = answer
            .map_err(|_| CentreError::TooSlow)?
            .map_err(CentreError::Silent)?;
        Ok(self.look_at(answer, login, ends)?)
    }

    fn look_at(
        &self,
        message: Vec<u8>,
        login: &Login,
        ends: Option<u64>,
    ) -> Result<Answer, CentreError> {
        let app_key = login.app_key().as_str();
        let answer =
            msync::read_provision_answer(&message, app_key).map_err(CentreError::Unreadable)?;
        if answer.foreign {
            self.shared().metrics.violated(Violation::ForeignApp);
            return Err(CentreError::Foreign);
        }
        if answer.has_redirect {
            return Err(CentreError::Redirect);
        }
        if answer.chooses {
            return Err(CentreError::Chooses);
        }
        let accepts = answer.error_code.ok_or(CentreError::NoCode)? == msync::status::OK;
        let lacks_end = answer.auth_token.is_none();
        let message = match ends {
            Some(ends) if accepts && lacks_end => {
                let mut longer = Vec::new();
                let added = msync::add_expiry(&message, ends * 1000, &mut longer);
                added.map_err(CentreError::Unreadable)?;
                longer
            }
            _ => message,
        };
        Ok(Answer { message, accepts })
    }

    /// Tells the client why, in MSYNC's words, and closes.
    async fn turn_away(&self, mut client: End, refused: &Refused, mut record: Box<RequestRecord>) {
        let shared = self.shared();
        if let Some(code) = refused.code() {
            match refused {
                Refused::Gateway(rejection) => self.gateway.note(rejection, code, &mut record),
                Refused::Centre(CentreError::Foreign) => {
                    self.gateway.note_foreign_jid(code, &mut record);
                }
                Refused::Login(_) | Refused::TooSlow | Refused::Client(_) | Refused::Centre(_) => {
                    self.gateway.note_code(code, &mut record);
                }
            }
            let code = crate::gateway::shown(code, tells_homes(shared));
            record.answered(row(code).status.as_u16());
        }
        let words = refused.words(tells_homes(shared));
        if let Some((number, reason)) = &words.answer {
            client.push(&msync::provision_refusal(*number, reason));
        }
        client.farewell(words.close).await;
        if refused.code().is_some() {
            record.complete();
        }
    }
}

fn tells_homes(shared: &crate::gateway::Shared) -> bool {
    shared.hint == crate::config::Hint::Region
}
