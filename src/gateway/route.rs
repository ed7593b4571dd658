//! The life of a request.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, Version};
use http_body::Body;

use super::refusal::{self, Refusal};
use super::reject::Rejection;
use super::reply::Reply;
use super::{Client, ForwardedFor, Gateway, parent, upgrade};
use crate::auth::{Admitted, Credentialed};
use crate::call::{Call, CallBody, Target, classify};
use crate::config::Hint;
use crate::domain::{Channel, Code};
use crate::observe::{Lookup, RequestRecord, Violation};
use crate::registry::{Addressed, LocateError, LookUpError, Pinned};
use crate::zone::{Bound, Channelled, Download};

/// What a request came to.
enum Routed {
    /// The gateway's own answer.
    Own(Response<Bytes>),
    Forwarded(Response<Download>),
}

/// How the connection of a request goes on after its answer.
#[derive(Debug, Clone, Copy)]
struct Framing {
    /// A body was announced. It may not have been read to its end, and nothing behind it is anybody's request.
    has_body: bool,
    /// The body's end is known by Transfer-Encoding: hyper drops a Content-Length beside it, so
    /// the connection ends with the answer (RFC 9112 section 6.1).
    chunked: bool,
    http1: bool,
}

impl Gateway {
    /// Begins a request: its head is classified, so that what waits for the answer carries little.
    pub fn begin(&self, mut request: Request<CallBody>, client: &Client) -> Begun {
        let record = RequestRecord::start(&self.recorder, client.plane, request.method());
        let mut record = Box::new(record);
        if let Some(tracer) = self.recorder.tracer() {
            let continues = tracer.continues(client.peer.trusted);
            let parent = continues.then(|| parent::take(request.headers_mut()));
            record.trace(parent.flatten());
        }
        let framing = Framing::of(&request);
        Begun {
            classified: self.classify(request, client, &mut record),
            framing,
            record,
        }
    }

    /// Answers a request, whatever it is.
    pub async fn answer(&self, begun: Begun, client: &Client) -> Response<Reply> {
        let Begun {
            classified,
            framing,
            mut record,
        } = begun;
        let routed = match classified {
            Ok(classified) => self.route(classified, client, &mut record).await,
            Err(rejection) => Err(rejection),
        };
        match routed {
            Ok(Routed::Own(response)) => {
                record.answered(response.status().as_u16());
                response.map(|bytes| Reply::own(bytes, record))
            }
            Ok(Routed::Forwarded(mut response)) => {
                record.answered(response.status().as_u16());
                if framing.chunked {
                    close(response.headers_mut());
                }
                response.map(|download| Reply::forwarded(download, record))
            }
            Err(rejection) => self.refuse(&rejection, framing, record),
        }
    }

    /// Forward only: each step consumes what the step before has proved.
    async fn route(
        &self,
        classified: Classified,
        client: &Client,
        record: &mut RequestRecord,
    ) -> Result<Routed, Rejection> {
        let (limits, references) = (&self.shared.limits, &self.shared.references);
        let call = match classified {
            Classified::Call(call) => call,
            Classified::Own(response) => return Ok(Routed::Own(*response)),
            Classified::Discovery(head) => {
                let answer = Box::pin(self.discover(&head, client, record)).await?;
                return Ok(Routed::Own(answer));
            }
        };
        let bound = self.bind(call, record).await?;
        let outbound = bound.prepare(references, limits, &self.pacer);
        record.sent();
        let answer = outbound.send(limits, &self.shared.metrics).await?;
        record.heard();
        let response = answer.filter(references, limits.body_idle)?;
        Ok(Routed::Forwarded(response))
    }

    /// Steps 4 to 6 of a call or a session: its App lives here, it is admitted, it has its way out.
    ///
    /// # Errors
    /// What [`Rejection`] has of these steps.
    pub async fn bind<C: Addressed + Credentialed + Channelled>(
        &self,
        call: C,
        record: &mut RequestRecord,
    ) -> Result<Bound<C>, Rejection> {
        let pinned = self.locate(call, record).await?;
        let identified = self.gate.identify(pinned)?;
        let identified = self.gate.check_grant(identified).await?;
        let admitted = self.gate.admit(identified)?;
        let bound = self.zones.bind(admitted, &self.shared.limits)?;
        record.decided(bound.zone_position());
        Ok(bound)
    }

    /// Whether a session that stands would be admitted again: its App's record has changed.
    ///
    /// # Errors
    /// As for [`Self::bind`], whose rates and places it does not touch.
    pub async fn readmit<C: Addressed + Credentialed>(
        &self,
        call: C,
    ) -> Result<Admitted<C>, Rejection> {
        let pinned = self.locator.locate(call).await?;
        let identified = self.gate.identify(pinned)?;
        Ok(self.gate.admit(identified)?)
    }

    fn classify(
        &self,
        request: Request<CallBody>,
        client: &Client,
        record: &mut RequestRecord,
    ) -> Result<Classified, Rejection> {
        if self.shared.is_draining() {
            return Err(Rejection::Draining);
        }
        let (head, body) = request.into_parts();
        if head.headers.len() > self.shared.limits.headers {
            return Err(Rejection::HeadersTooLarge);
        }
        let asked = match classify(&head, &self.shared.names)? {
            Target::App(asked) => asked,
            Target::Preflight => {
                let answer = refusal::preflight(&head.headers);
                return Ok(Classified::Own(Box::new(answer)));
            }
            Target::Websocket => {
                record.classified(Channel::General, "websocket");
                let mut accepted = upgrade::accept(&head).ok_or(Rejection::NoUpgrade)?;
                if client.peer.trusted
                    && let Some(before) = ForwardedFor::of(&head.headers)
                {
                    accepted.extensions_mut().insert(before);
                }
                return Ok(Classified::Own(Box::new(accepted)));
            }
            Target::Discovery => {
                record.classified(Channel::General, "easemob/server.json");
                return Ok(Classified::Discovery(Box::new(head)));
            }
        };
        record.classified(asked.matched.channel, asked.matched.template);
        Ok(Classified::Call(Box::new(Call {
            head,
            body,
            asked,
            peer: client.peer.clone(),
            trace: record.context(),
            id: record.id,
        })))
    }

    async fn locate<C: Addressed>(
        &self,
        call: C,
        record: &mut RequestRecord,
    ) -> Result<Pinned<C>, LocateError> {
        let located = self.locator.locate(call).await;
        self.shared.metrics.looked_up(match &located {
            Ok(_) => Lookup::Here,
            Err(LocateError::Elsewhere(_)) => Lookup::Elsewhere,
            Err(LocateError::Unknown) => Lookup::Unknown,
            Err(LocateError::LookUp(LookUpError::Unavailable)) => Lookup::Unavailable,
            Err(LocateError::LookUp(LookUpError::Untrusted)) => Lookup::Untrusted,
        });
        if let Ok(pinned) = &located {
            record.pinned(pinned.app().app_id);
        }
        located
    }

    fn refuse(
        &self,
        rejection: &Rejection,
        framing: Framing,
        mut record: Box<RequestRecord>,
    ) -> Response<Reply> {
        let code = rejection.code();
        self.note(rejection, code, &mut record);
        let in_doubt = matches!(
            code,
            Code::Draining | Code::BadRequest | Code::NotAForwardProxy
        );
        let closes = framing.has_body || in_doubt;
        let home = rejection.home();
        let refusal = Refusal {
            code,
            id: record.id,
            here: &self.shared.region,
            home: home.and_then(|id| self.shared.catalogue.region(id)),
            // Discovery has answers of its own for what is not told.
            tells_homes: self.shared.hint == Hint::Region
                || matches!(rejection, Rejection::Discovery(_)),
            now: self.shared.clock.unix_millis(),
            closes: closes && framing.http1,
        };
        let response = refusal.response();
        record.answered(response.status().as_u16());
        response.map(|bytes| Reply::own(bytes, record))
    }

    /// Counts the refusal, and has residency refusals audited (promise P10).
    pub fn note(&self, rejection: &Rejection, code: Code, record: &mut RequestRecord) {
        let shared = &self.shared;
        record.refused(code);
        if let Some(home) = rejection.home() {
            let regions = &shared.catalogue.regions;
            if let Some(place) = regions.iter().position(|r| r.id == *home) {
                shared.metrics.cross_region_attempt(place);
            }
        }
        if let Rejection::CrossRegion(reference) = rejection {
            shared.metrics.blocked(reference.0);
        }
        if matches!(rejection, Rejection::ForeignApp) {
            shared.metrics.violated(Violation::ForeignApp);
        }
        self.audit(code, record);
    }

    /// The same for a refusal of which only the code matters.
    pub fn note_code(&self, code: Code, record: &mut RequestRecord) {
        record.refused(code);
        self.audit(code, record);
    }

    /// The same for a data centre's frame that names another App: audited by whichever code.
    pub fn note_foreign_jid(&self, code: Code, record: &mut RequestRecord) {
        record.refused(code);
        self.shared.audit.refused(code.as_str(), record.app());
    }

    fn audit(&self, code: Code, record: &RequestRecord) {
        if code.is_residency() {
            self.shared.audit.refused(code.as_str(), record.app());
        }
    }
}

/// A request of which the head was looked at.
pub struct Begun {
    classified: Result<Classified, Rejection>,
    framing: Framing,
    record: Box<RequestRecord>,
}

enum Classified {
    Call(Box<Call>),
    /// Answered by the gateway from the head alone.
    Own(Box<Response<Bytes>>),
    Discovery(Box<http::request::Parts>),
}

impl Framing {
    fn of(request: &Request<CallBody>) -> Self {
        let http1 = request.version() != Version::HTTP_2;
        let has_body = match request.body() {
            CallBody::Unread(body) => !body.is_end_stream(),
            CallBody::Coming(_) => true,
            CallBody::Read(bytes) => !bytes.is_empty(),
        };
        Self {
            has_body,
            chunked: http1 && has_body && request.headers().contains_key(header::TRANSFER_ENCODING),
            http1,
        }
    }
}

fn close(headers: &mut http::HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}
