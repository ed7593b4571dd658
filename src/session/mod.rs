//! SDK sessions: MSYNC over WebSocket and over TCP, with the first-message decision.
//!
//! A session takes the steps of a call. Its first message, PROVISION, is classified (`login`),
//! located, admitted and bound by the gateway; only then is the App's data centre dialled
//! (`open`). From then on every frame is looked at in both directions and passed on as it came
//! (`relay`, `inspect`). What is refused is told in MSYNC's own words (`refuse`).
//!
//! A session that idles is small: one task, both connections, no buffers. What all sessions of a
//! core need now and then, such as the end of a token, is looked at by one sweep (`roll`).

mod bucket;
mod end;
mod farewell;
mod framing;
mod inspect;
mod key;
mod login;
mod open;
mod passage;
mod refuse;
mod relay;
mod roll;

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::task::TaskTracker;

use crate::call::Peer;
use crate::domain::Transport;
use crate::gateway::{Gateway, Shared};
use crate::observe::Plane;
use crate::zone::Stream;

use roll::Roll;

/// A client's connection that is to become a session.
pub struct Arrival {
    pub transport: Transport,
    pub stream: Stream,
    /// What the client sent right behind its part of the handshake.
    pub read: Bytes,
    pub peer: Peer,
    /// What the connection takes up, given back at its end.
    pub held: Box<dyn Any + Send>,
}

/// One core's sessions of one gateway.
pub struct Sessions {
    gateway: Arc<Gateway>,
    roll: Roll,
    tasks: TaskTracker,
}

impl Sessions {
    /// Each session is a task of `tasks`.
    pub fn new(gateway: Arc<Gateway>, tasks: TaskTracker) -> Arc<Self> {
        let roll = Roll::new(Arc::clone(gateway.shared()), Arc::clone(gateway.pacer()));
        Arc::new(Self {
            gateway,
            roll,
            tasks,
        })
    }

    /// Serves a connection to its end, beside the caller.
    pub fn take(self: &Arc<Self>, arrival: Arrival) {
        self.tasks.spawn(Arc::clone(self).serve(arrival));
    }

    /// Looks after all sessions: whose time is up, whose App has changed. To be called every
    /// [`SWEEP`].
    pub fn sweep(&self) {
        self.roll.sweep();
    }

    async fn serve(self: Arc<Self>, arrival: Arrival) {
        // Boxed: opening and ending are large and short, what is in between is small and long.
        let Some(mut relay) = Box::pin(self.open(arrival)).await else {
            return;
        };
        let ending = (&mut relay).await;
        Box::pin(relay.end(ending)).await;
    }

    fn shared(&self) -> &Arc<Shared> {
        self.gateway.shared()
    }
}

pub use inspect::{Breach, Inspector, Verdict};
pub use login::{Login, LoginError};
pub use roll::SWEEP;

/// The plane that a transport counts under.
pub const fn plane(transport: Transport) -> Plane {
    match transport {
        Transport::Websocket => Plane::Websocket,
        Transport::Msync => Plane::Msync,
    }
}
