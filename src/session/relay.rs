//! A session that stands: frames from each end to the other, as they come.
//!
//! Nothing is read from one end while the other takes nothing, so that what is held is bounded:
//! a part of a message, or what one write left over. Bytes are read into a buffer that all sessions
//! of a core share, looked at there, and written from there.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::end::{End, Kept, PIECE, Taken};
use super::framing::FramingFault;
use super::inspect::{Breach, Inspector};
use super::passage::{Held, Passage};
use super::roll::{Entry, Orders};
use crate::domain::{Code, Transport};
use crate::gateway::{Gateway, Rejection};
use crate::observe::RequestRecord;
use crate::pace::TICK;
use crate::registry::{LocateError, LookUpError, Seen};

/// A session that stands.
pub(super) struct Relay {
    pub client: End,
    pub centre: End,
    pub record: Box<RequestRecord>,
    inspector: Inspector,
    entry: Entry,
    gateway: Arc<Gateway>,
    held: Option<Held>,
    /// When its log-in was let in, in unix seconds.
    began: u64,
    rechecking: Option<Rechecking>,
    /// Given back when the session is over.
    _held: Box<dyn std::any::Any + Send>,
    _counted: Counted,
}

/// What a session is made of.
pub(super) struct Parts {
    pub client: End,
    pub centre: End,
    pub record: Box<RequestRecord>,
    pub transport: Transport,
    pub inspector: Inspector,
    pub entry: Entry,
    /// When its log-in was let in, in unix seconds.
    pub began: u64,
    pub gateway: Arc<Gateway>,
    pub held: Box<dyn std::any::Any + Send>,
}

type Rechecking = Pin<Box<dyn Future<Output = Result<Renewed, Rejection>> + Send>>;

struct Renewed {
    seen: Arc<Seen>,
    ends: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Centre,
}

/// Why a session is over.
#[derive(Debug)]
pub(super) enum Ending {
    /// An end is gone without a word.
    Gone(Side),
    /// An end closed its WebSocket.
    Closed(Option<u16>),
    Framing(Side, FramingFault),
    Breach(Breach),
    /// The token's time is up.
    Expired,
    Idle,
    Stalled,
    Draining,
}

/// One session more in the gauges, while it lives.
struct Counted {
    gateway: Arc<Gateway>,
    transport: Transport,
}

impl Relay {
    pub fn new(parts: Parts) -> Self {
        Self {
            _counted: Counted::new(&parts.gateway, parts.transport),
            began: parts.began,
            client: parts.client,
            centre: parts.centre,
            record: parts.record,
            inspector: parts.inspector,
            entry: parts.entry,
            gateway: parts.gateway,
            held: None,
            rechecking: None,
            _held: parts.held,
        }
    }

    pub const fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    fn run(&mut self, lent: &mut [u8], cx: &mut Context<'_>) -> Result<(), Ending> {
        while self.obey(cx)? {}
        if !self.recheck(cx)? {
            return Ok(());
        }
        let leaves = self.entry.handle.is_asked(Orders::LEAVE);
        loop {
            // Who leaves takes nothing more of the client, but lets go of what it has taken.
            let up = !leaves && self.pump(Side::Client, lent, cx)?;
            if leaves && self.release(Side::Client) {
                drained(&mut self.centre, Side::Centre, cx)?;
            }
            let down = self.pump(Side::Centre, lent, cx)?;
            if !up && !down {
                return self.rest();
            }
        }
    }

    /// Does what the sweep asks; whether it asked for something.
    fn obey(&mut self, cx: &Context<'_>) -> Result<bool, Ending> {
        let orders = self.entry.handle.take_orders(cx);
        for (order, ending) in [
            (Orders::EXPIRED, Ending::Expired),
            (Orders::LEAVE_NOW, Ending::Draining),
            (Orders::IDLE, Ending::Idle),
            (Orders::STALLED, Ending::Stalled),
        ] {
            if orders.has(order) {
                return Err(ending);
            }
        }
        if orders.has(Orders::GO_ON) {
            self.entry.wake_at(None);
            let patience = ticks_of(self.gateway.shared().limits.first_byte);
            let oldest = self.entry.now().checked_sub(patience);
            oldest.and_then(|tick| self.inspector.flights.give_up(tick));
        }
        if orders.has(Orders::RECHECK) && self.rechecking.is_none() {
            let (gateway, login) = (&self.gateway, self.inspector.login());
            self.rechecking = Some(recheck(Arc::clone(gateway), Arc::clone(login)));
        }
        Ok(orders.has(Orders::GO_ON) || orders.has(Orders::RECHECK))
    }

    /// Whether frames may flow: not while the App's new record is being looked at.
    fn recheck(&mut self, cx: &mut Context<'_>) -> Result<bool, Ending> {
        let Some(rechecking) = &mut self.rechecking else {
            return Ok(true);
        };
        let Poll::Ready(result) = rechecking.as_mut().poll(cx) else {
            return Ok(false);
        };
        self.rechecking = None;
        match result {
            // A pin never changes; should it seem to, the session is not where it belongs.
            Ok(renewed) if renewed.seen.app().zone != *self.inspector.flights.zone() => {
                Err(Ending::Breach(Breach::Revoked(Code::RegistryUntrusted)))
            }
            Ok(renewed) if self.is_revoked(&renewed) => {
                Err(Ending::Breach(Breach::Revoked(Code::TokenInvalid)))
            }
            Ok(renewed) => {
                let Renewed { seen, ends } = renewed;
                self.inspector.flights.renew(Arc::clone(&seen));
                self.entry.handle.renew(seen, ends);
                Ok(true)
            }
            // What is known of the App stays true; the sweep asks again.
            Err(Rejection::Locate(LocateError::LookUp(LookUpError::Unavailable))) => Ok(true),
            Err(rejection) => Err(Ending::Breach(Breach::Revoked(rejection.code()))),
        }
    }

    /// Whether the user was revoked since. A token that was verified says itself when it was issued.
    fn is_revoked(&self, renewed: &Renewed) -> bool {
        let user = self.inspector.login().user();
        let until = renewed.seen.app().revoked_until(user);
        renewed.ends.is_none() && until.is_some_and(|until| until >= self.began)
    }

    /// Moves what has come from one end to the other; whether anything did.
    fn pump(&mut self, from: Side, lent: &mut [u8], cx: &mut Context<'_>) -> Result<bool, Ending> {
        let to = from.other();
        if !self.release(from) {
            return Ok(false);
        }
        let was_full = self.side(to).is_full();
        if !drained(self.side(to), to, cx)? {
            return Ok(false);
        }
        // Nobody has looked at what `to` has to say while it was full, and nothing else would wake for it.
        if self.side(from).is_full() {
            return Ok(was_full);
        }
        let taken = match self.side(from).poll_take(lent, cx) {
            Poll::Pending => return Ok(was_full),
            Poll::Ready(Err(_) | Ok(Taken::Lent(0))) => return Err(Ending::Gone(from)),
            Poll::Ready(Ok(taken)) => taken,
        };
        match taken {
            Taken::Lent(n) => {
                let done = self.forward(from, &mut lent[..n], cx)?;
                let rest = Kept::Rest(&lent[done.at..n]);
                self.side(from).keep(rest, done.needed, done.unread);
            }
            Taken::Inbox(mut inbox) => {
                let done = self.forward(from, &mut inbox, cx)?;
                let rest = Kept::Inbox(inbox, done.at);
                self.side(from).keep(rest, done.needed, done.unread);
            }
        }
        Ok(true)
    }

    /// Lets a held frame go, if its time has come; whether none is held.
    fn release(&mut self, from: Side) -> bool {
        if from == Side::Centre {
            return true;
        }
        let Some(held) = &self.held else {
            return true;
        };
        let now = self.entry.now();
        if !self.inspector.may_go_on(held.channel, now) {
            return false;
        }
        if let Some(held) = self.held.take() {
            self.centre.push_framed(&held.framed);
        }
        true
    }

    /// Nothing to do for now: says what the sweep must know, unless this is the moment to leave.
    fn rest(&mut self) -> Result<(), Ending> {
        let leaves = self.entry.handle.is_asked(Orders::LEAVE);
        if leaves && self.held.is_none() && self.inspector.flights.oldest().is_none() {
            return Err(Ending::Draining);
        }
        let now = self.entry.now();
        let ends = [&mut self.client, &mut self.centre];
        let stalls = ends.map(|end| end.stalls_since(now));
        self.entry.stalls_since(stalls.into_iter().flatten().min());
        let held = self.held.as_ref().map(|_| now + 1);
        let patience = ticks_of(self.gateway.shared().limits.first_byte);
        let oldest = self.inspector.flights.oldest();
        let oldest = oldest.map(|tick| tick + patience);
        self.entry.wake_at(held.into_iter().chain(oldest).min());
        Ok(())
    }

    const fn side(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Centre => &mut self.centre,
        }
    }

    /// Looks at every whole message of the buffer, and passes on what may pass.
    fn forward(
        &mut self,
        from: Side,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Result<Done, Ending> {
        let now = self.entry.now();
        let inspector = &mut self.inspector;
        let (client, centre) = (&mut self.client, &mut self.centre);
        let mut passage = match from {
            Side::Client => Passage::new(from, client, centre, buffer),
            Side::Centre => Passage::new(from, centre, client, buffer),
        };
        let needed = passage.pass_all(
            |frame| match from {
                Side::Client => inspector.up(frame, now),
                Side::Centre => inspector.down(frame),
            },
            cx,
        )?;
        // A data centre's pings are answered here: they don't show that the client is still there.
        if from == Side::Client || passage.has_message {
            self.entry.is_active();
        }
        let (at, held) = (passage.at, passage.held);
        let unread = held.is_some() || passage.is_sated;
        self.held = held.or(self.held.take());
        Ok(Done { at, needed, unread })
    }
}

/// How far a buffer was done with.
struct Done {
    at: usize,
    /// How much the message there has in all.
    needed: usize,
    /// More than a part of a message may be left.
    unread: bool,
}

/// Whether everything on its way to this end has left.
fn drained(end: &mut End, side: Side, cx: &mut Context<'_>) -> Result<bool, Ending> {
    match end.poll_flush(cx) {
        Poll::Ready(Ok(())) => Ok(true),
        Poll::Ready(Err(_)) => Err(Ending::Gone(side)),
        Poll::Pending => Ok(false),
    }
}

fn recheck(gateway: Arc<Gateway>, login: Arc<super::login::Login>) -> Rechecking {
    Box::pin(async move {
        let admitted = gateway.readmit(login).await?;
        let ends = admitted.ends();
        let (_, seen) = admitted.into_parts();
        Ok(Renewed { seen, ends })
    })
}

fn ticks_of(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX)
}

impl Future for Relay {
    type Output = Ending;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ending> {
        let this = self.get_mut();
        let mut lent = lend();
        let ran = this.run(&mut lent, cx);
        give_back(lent);
        match ran {
            Ok(()) => Poll::Pending,
            Err(ending) => Poll::Ready(ending),
        }
    }
}

thread_local! {
    /// One core's buffer, lent to the session that runs.
    static LENT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn lend() -> Vec<u8> {
    let mut lent = LENT.take();
    lent.resize(PIECE, 0);
    lent
}

fn give_back(lent: Vec<u8>) {
    LENT.set(lent);
}

impl Side {
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Centre,
            Self::Centre => Self::Client,
        }
    }
}

impl Counted {
    fn new(gateway: &Arc<Gateway>, transport: Transport) -> Self {
        let counted = Self {
            gateway: Arc::clone(gateway),
            transport,
        };
        counted.gauge().inc();
        counted
    }

    fn gauge(&self) -> prometheus::IntGauge {
        let sessions = &self.gateway.shared().metrics.sessions;
        sessions.with_label_values(&[self.transport.as_str()])
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gauge().dec();
    }
}
