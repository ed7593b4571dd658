//! Sending a bound request, and what can go wrong on the way.
//!
//! A request is tried a second time only when nothing of it was sent, and only in its own zone.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Response, StatusCode};
use http1::Heads;

use super::bind::Permit;
use super::body::{Download, Flow, Upload};
use super::egress::DialError;
use super::filter::{CrossRegionReference, References};
use super::head::APP_ID;
use super::line::{Line, LineError};
use super::pool::{Connection, Lease, Pool};
use super::prepare::Outbound;
use super::sending::{Sending, SendingError};
use crate::config::Limits;
use crate::observe::{Metrics, Stopwatch};

/// What came back from the data centre, not yet looked at.
pub struct Answer {
    head: http1::Head,
    lease: Lease,
    connection: Box<Connection>,
    permit: Permit,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("no upstream of the zone is well")]
    NoUpstream,
    #[error("no connection to the data centre")]
    Dial(#[from] DialError),
    #[error("the data centre broke the protocol or its connection")]
    Protocol(#[source] hyper::Error),
    #[error("the data centre broke the protocol or its connection")]
    Line(#[from] LineError),
    #[error("the data centre answered with an upgrade that nobody asked for")]
    Upgrade,
    #[error("the data centre did not answer in time")]
    Timeout,
    #[error("the client's body is larger than allowed")]
    TooLarge,
    #[error("the client's body stopped coming")]
    TooSlow,
    #[error("the client left")]
    ClientGone,
}

/// Why one try did not come to an answer.
enum Missed {
    /// Nothing of the request was sent.
    Unsent(Option<DialError>),
    Failed(SendError),
}

/// A request under way, for as many tries as it has.
struct Exchange<'a> {
    sending: Sending,
    heads: Heads,
    flow: Option<Arc<Flow>>,
    limits: &'a Limits,
}

impl Outbound {
    /// Sends the request and waits for the head of the answer.
    ///
    /// # Errors
    /// See [`SendError`]. A request of which something was sent is never sent again.
    pub async fn send(self, limits: &Limits, metrics: &Metrics) -> Result<Answer, SendError> {
        let Self {
            sending,
            heads,
            flow,
            first,
            permit,
        } = self;
        let started = Stopwatch::start();
        let mut exchange = Exchange {
            sending,
            heads,
            flow,
            limits,
        };
        let first = first.ok_or(SendError::NoUpstream)?;
        let mut lease = first.lease();
        let connection = lease.connection().await;
        let mut tried = exchange.attempt(&lease, connection).await;
        if matches!(tried, Err(Missed::Unsent(_))) {
            let again = permit.choose(Some(&first)).ok_or(SendError::NoUpstream)?;
            lease = again.lease();
            exchange.sending.address(&again.target.authority);
            exchange.heads.begin_again();
            let connection = lease.fresh_connection().await;
            tried = exchange.attempt(&lease, connection).await;
        }
        match tried {
            Ok((head, connection)) => {
                metrics.upstream_took(permit.home().position, started.elapsed());
                let connection = exchange.leave(&head, &lease, connection);
                Ok(Answer {
                    head,
                    lease,
                    connection,
                    permit,
                })
            }
            Err(Missed::Unsent(Some(error))) => Err(SendError::Dial(error)),
            Err(Missed::Unsent(None)) => Err(SendError::NoUpstream),
            Err(Missed::Failed(error)) => Err(error),
        }
    }
}

impl Permit {
    /// Power of two choices among the upstreams that are well; another than `not` where there is one.
    pub(super) fn choose(&self, not: Option<&Arc<Pool>>) -> Option<&Arc<Pool>> {
        choose(&self.pools.channels[self.channel.index()], not)
    }
}

fn choose<'a>(pools: &'a [Arc<Pool>], not: Option<&Arc<Pool>>) -> Option<&'a Arc<Pool>> {
    if let [only] = pools {
        return only.target.health().is_well().then_some(only);
    }
    let well: Vec<&Arc<Pool>> = pools
        .iter()
        .filter(|p| p.target.health().is_well())
        .collect();
    let others: Vec<&Arc<Pool>> = well
        .iter()
        .copied()
        .filter(|p| not.is_none_or(|n| !Arc::ptr_eq(p, n)))
        .collect();
    let among = if others.is_empty() { well } else { others };
    let place = |seed: [u8; 16]| usize::from(seed[8] ^ seed[15] << 4) % among.len().max(1);
    let (a, b) = (
        among.get(place(crate::observe::RequestId::span()))?,
        among.get(place(crate::observe::RequestId::span()))?,
    );
    Some(if a.active() <= b.active() { a } else { b })
}

impl Exchange<'_> {
    async fn attempt(
        &mut self,
        lease: &Lease,
        opened: Result<Box<Connection>, DialError>,
    ) -> Result<(http1::Head, Box<Connection>), Missed> {
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(error) => {
                if !error.is_denial() {
                    lease.target().health().failed();
                }
                return Err(Missed::Unsent(Some(error)));
            }
        };
        connection.deadline.set(self.limits.first_byte);
        if let Some(flow) = &self.flow {
            flow.begin();
        }
        let heard = poll_fn(|cx| self.poll(&mut connection, cx)).await;
        let flow = self.flow.as_deref();
        match heard {
            Heard::Answer(head) => Ok((head, connection)),
            Heard::Unsent => Err(Missed::Unsent(None)),
            Heard::Nothing(error) => Err(Missed::Failed(broken(lease, flow, error))),
            Heard::Silence => Err(Missed::Failed(expired(lease, flow))),
        }
    }

    /// Writes what can be written and reads what is there. An answer may come before the request is
    /// written whole, and behind a connection that takes no more of it.
    fn poll(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Heard> {
        let Connection { line, deadline, .. } = connection;
        if self.sending.goes_on() {
            match line.poll_send(&mut self.sending, cx) {
                Poll::Ready(Err(SendingError::Unsent)) => return Poll::Ready(Heard::Unsent),
                Poll::Ready(Err(SendingError::Cut)) => {
                    return Poll::Ready(Heard::Nothing(LineError::Ended));
                }
                Poll::Ready(Ok(()) | Err(SendingError::Broken)) | Poll::Pending => {}
            }
        }
        if let Poll::Ready(heard) = self.poll_head(line, cx) {
            return Poll::Ready(heard.map_or_else(Heard::Nothing, Heard::Answer));
        }
        // The time of the upload while there is one, else that of the first byte of the answer.
        let upload = self.flow.as_deref().map(|flow| &flow.deadline);
        let deadline = upload.unwrap_or(deadline);
        deadline.poll_passed(cx).map(|()| Heard::Silence)
    }

    fn poll_head(
        &mut self,
        line: &mut Line,
        cx: &mut Context<'_>,
    ) -> Poll<Result<http1::Head, LineError>> {
        loop {
            if let Some(head) = self.heads.read(&mut line.read)? {
                return Poll::Ready(Ok(head));
            }
            if ready!(line.poll_fill(cx)).map_err(LineError::Broken)? == 0 {
                return Poll::Ready(Err(LineError::Ended));
            }
        }
    }

    /// The answer's head is there. What is left of an upload goes on beside its body.
    fn leave(
        self,
        head: &http1::Head,
        lease: &Lease,
        mut connection: Box<Connection>,
    ) -> Box<Connection> {
        connection.persists = head.persists && self.sending.is_done();
        if self.sending.goes_on() {
            let connection = lease.send_on(*connection, self.sending, self.flow);
            return Box::new(connection);
        }
        connection
    }
}

/// What one try heard of the data centre.
enum Heard {
    Answer(http1::Head),
    Nothing(LineError),
    Unsent,
    Silence,
}

fn expired(lease: &Lease, flow: Option<&Flow>) -> SendError {
    if flow.is_some_and(|f| f.state() == Upload::AwaitingClient) {
        return SendError::TooSlow;
    }
    lease.target().health().failed();
    SendError::Timeout
}

fn broken(lease: &Lease, flow: Option<&Flow>, error: LineError) -> SendError {
    match flow.map(Flow::state) {
        Some(Upload::TooLarge) => SendError::TooLarge,
        Some(Upload::ClientGone) => SendError::ClientGone,
        _ => {
            lease.target().health().failed();
            SendError::Line(error)
        }
    }
}

/// Why an answer is withheld.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    #[error(transparent)]
    CrossRegion(#[from] CrossRegionReference),
    #[error(transparent)]
    Send(#[from] SendError),
    /// Must never happen, and is counted as a violation.
    #[error("the answer is marked as another App's")]
    ForeignApp,
}

impl Answer {
    /// Lets through what points nowhere else.
    ///
    /// # Errors
    /// A reference to another region, or an upgrade that nobody asked for.
    pub fn filter(
        self,
        references: &References,
        idle: Duration,
    ) -> Result<Response<Download>, FilterError> {
        let Self {
            mut head,
            lease,
            connection,
            permit,
        } = self;
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(SendError::Upgrade.into());
        }
        // A look at the names costs less than a look-up.
        let marked = head.fields.iter().find(|(name, _)| **name == APP_ID);
        if marked.is_some_and(|(_, marked)| marked != permit.seen().app().app_id.as_str()) {
            return Err(FilterError::ForeignApp);
        }
        references.filter(&mut head.fields, &lease.target().address)?;
        let body = Download::new(head.length, lease, connection, permit, idle);
        let mut response = Response::new(body);
        *response.status_mut() = head.status;
        *response.headers_mut() = head.fields;
        Ok(response)
    }
}
