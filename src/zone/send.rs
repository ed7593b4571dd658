//! Sending a bound request, and what can go wrong on the way.
//!
//! A request is tried a second time only when nothing of it was sent, and only in its own zone.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, header};
use hyper::body::Incoming;

use super::bind::Permit;
use super::body::{Download, Flow, Outgoing, Upload};
use super::egress::DialError;
use super::filter::{CrossRegionReference, References};
use super::pool::{Connection, Lease, Pool};
use super::prepare::{APP_ID, Outbound};
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

/// What one try came to.
enum Try {
    Answered(Response<Incoming>, Connection),
    Unsent(Request<Outgoing>, Option<DialError>),
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
        let tried = attempt(&lease, request, flow, limits, false).await;
        let (lease, tried) = match tried {
            Try::Unsent(request, _) => {
                let again = choose(pools, Some(&first)).ok_or(SendError::NoUpstream)?;
                let lease = again.lease();
                let tried = attempt(&lease, request, flow, limits, true).await;
                (lease, tried)
            }
            tried => (lease, tried),
        };
        match tried {
            Try::Answered(response, connection) => {
                metrics.upstream_took(permit.home().position, started.elapsed());
                Ok(Answer {
                    response,
                    lease,
                    connection,
                    permit,
                })
            }
            Try::Unsent(_, Some(error)) => Err(SendError::Dial(error)),
            Try::Unsent(_, None) => Err(SendError::NoUpstream),
            Try::Failed(error) => Err(error),
        }
    }
}

/// Power of two choices among the upstreams that are well; another than `not` where there is one.
fn choose(pools: &[Arc<Pool>], not: Option<&Arc<Pool>>) -> Option<Arc<Pool>> {
    if let ([only], _) = (pools, not) {
        return only.target.health().is_well().then(|| Arc::clone(only));
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
    Some(Arc::clone(if a.active() <= b.active() { a } else { b }))
}

async fn attempt(
    lease: &Lease,
    mut request: Request<Outgoing>,
    flow: Option<&Flow>,
    limits: &Limits,
    fresh: bool,
) -> Try {
    let target = lease.target();
    let opened = if fresh {
        lease.fresh_connection().await
    } else {
        lease.connection().await
    };
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(error) => {
            if !error.is_denial() {
                target.health().failed();
            }
            return Try::Unsent(request, Some(error));
        }
    };
    let authority = target.authority.clone();
    request.headers_mut().insert(header::HOST, authority);
    connection.deadline.set(limits.first_byte);
    let Some(sent) = exchange(&mut connection, request, flow).await else {
        return Try::Failed(expired(lease, flow));
    };
    match sent {
        Ok(response) => Try::Answered(response, connection),
        Err(mut error) => match error.take_message() {
            Some(request) => Try::Unsent(request, None),
            None => Try::Failed(broken(lease, flow, error.into_error())),
        },
    }
}

type Sent = Result<Response<Incoming>, hyper::client::conn::TrySendError<Request<Outgoing>>>;

/// The exchange, or nothing when its time ran out: that of the upload while there is one, else that
/// of the first byte of the answer.
async fn exchange(
    connection: &mut Connection,
    request: Request<Outgoing>,
    flow: Option<&Flow>,
) -> Option<Sent> {
    let sending = connection.sender.try_send_request(request);
    match flow {
        Some(flow) => flow.deadline.race(sending).await,
        None => connection.deadline.race(sending).await,
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
        let marked = head.headers.get(&APP_ID);
        if marked.is_some_and(|marked| marked != permit.seen().app_id) {
            return Err(FilterError::ForeignApp);
        }
        references.filter(&mut head.headers, &lease.target().address)?;
        head.extensions.clear();
        let body = Download::new(body, lease, connection, permit, idle);
        Ok(Response::from_parts(head, body))
    }
}
