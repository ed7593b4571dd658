//! Sending a bound request, and what can go wrong on the way.
//!
//! A request is tried a second time only when nothing of it was sent, and only in its own zone.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use hyper::body::Incoming;

use super::bind::Permit;
use super::body::{Download, Flow, Upload};
use super::egress::DialError;
use super::filter::{CrossRegionReference, References};
use super::pool::{Connection, Lease, Pool};
use super::prepare::{APP_ID, Outbound, Unsent};
use crate::config::Limits;
use crate::observe::{Metrics, Stopwatch};

/// What came back from the data centre, not yet looked at.
pub struct Answer {
    response: Response<Incoming>,
    lease: Lease,
    connection: Connection,
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
    Unsent(Unsent, Option<DialError>),
    Failed(SendError),
}

impl Outbound {
    /// Sends the request and waits for the head of the answer.
    ///
    /// # Errors
    /// See [`SendError`]. A request of which something was sent is never sent again.
    pub async fn send(self, limits: &Limits, metrics: &Metrics) -> Result<Answer, SendError> {
        let Self {
            request,
            flow,
            permit,
        } = self;
        let started = Stopwatch::start();
        let flow = flow.as_deref();
        let pools = &permit.pools.channels[permit.channel.index()];
        let first = choose(pools, None).ok_or(SendError::NoUpstream)?;
        let lease = first.lease();
        let connection = lease.connection().await;
        let tried = attempt(&lease, connection, request, flow, limits).await;
        let (lease, tried) = match tried {
            Err(Missed::Unsent(request, _)) => {
                let again = choose(pools, Some(first)).ok_or(SendError::NoUpstream)?;
                let lease = again.lease();
                let connection = lease.fresh_connection().await;
                let tried = attempt(&lease, connection, request, flow, limits).await;
                (lease, tried)
            }
            tried => (lease, tried),
        };
        match tried {
            Ok((response, connection)) => {
                metrics.upstream_took(permit.home().position, started.elapsed());
                Ok(Answer {
                    response,
                    lease,
                    connection,
                    permit,
                })
            }
            Err(Missed::Unsent(_, Some(error))) => Err(SendError::Dial(error)),
            Err(Missed::Unsent(_, None)) => Err(SendError::NoUpstream),
            Err(Missed::Failed(error)) => Err(error),
        }
    }
}

/// Power of two choices among the upstreams that are well; another than `not` where there is one.
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

async fn attempt(
    lease: &Lease,
    opened: Result<Connection, DialError>,
    request: Unsent,
    flow: Option<&Flow>,
    limits: &Limits,
) -> Result<(Response<Incoming>, Connection), Missed> {
    let target = lease.target();
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(error) => {
            if !error.is_denial() {
                target.health().failed();
            }
            return Err(Missed::Unsent(request, Some(error)));
        }
    };
    connection.deadline.set(limits.first_byte);
    let request = request.to(&target.authority);
    let mut sending = std::pin::pin!(connection.sender.try_send_request(request));
    // The time of the upload while there is one, else that of the first byte of the answer.
    let deadline = flow.map_or(&*connection.deadline, |flow| &flow.deadline);
    match deadline.race(sending.as_mut()).await {
        Some(Ok(response)) => Ok((response, connection)),
        Some(Err(mut error)) => Err(match error.take_message() {
            Some(request) => Missed::Unsent(Unsent::Back(Box::new(request)), None),
            None => Missed::Failed(broken(lease, flow, error.into_error())),
        }),
        None => Err(Missed::Failed(expired(lease, flow))),
    }
}

fn expired(lease: &Lease, flow: Option<&Flow>) -> SendError {
    if flow.is_some_and(|f| f.state() == Upload::AwaitingClient) {
        return SendError::TooSlow;
    }
    lease.target().health().failed();
    SendError::Timeout
}

fn broken(lease: &Lease, flow: Option<&Flow>, error: hyper::Error) -> SendError {
    match flow.map(Flow::state) {
        Some(Upload::TooLarge) => SendError::TooLarge,
        Some(Upload::ClientGone) => SendError::ClientGone,
        _ => {
            lease.target().health().failed();
            SendError::Protocol(error)
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
            response,
            lease,
            connection,
            permit,
        } = self;
        if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            return Err(SendError::Upgrade.into());
        }
        let (mut head, body) = response.into_parts();
        // A look at the names costs less than a look-up.
        let marked = head.headers.iter().find(|(name, _)| **name == APP_ID);
        if marked.is_some_and(|(_, marked)| marked != permit.seen().app_id) {
            return Err(FilterError::ForeignApp);
        }
        references.filter(&mut head.headers, &lease.target().address)?;
        head.extensions.clear();
        let body = Download::new(body, lease, connection, permit, idle);
        Ok(Response::from_parts(head, body))
    }
}
