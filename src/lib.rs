//! Domicile: a data-residency gateway.
//!
//! # The life of a request
//!
//! 1. [`serve`] accepts a connection on one core; a TLS name that is not of this region is refused
//!    before a certificate is sent.
//! 2. [`observe::RequestRecord`] starts; whatever happens, it ends as one log line and its metrics.
//! 3. [`call::classify`] decides from the head alone whose App, which channel and which privilege.
//! 4. [`registry::Locator::locate`] finds the App's pin: its home is here, and the call becomes
//!    [`registry::Pinned`], or it is refused.
//! 5. [`auth::Gate`] checks status, identities, grant, token and privilege: [`auth::Admitted`].
//! 6. [`zone::Zones::bind`] chooses the only pools it may leave through: [`zone::Bound`].
//! 7. `prepare` cleans the headers and stamps the gateway's own: [`zone::Outbound`].
//! 8. `send` streams it to the data centre, through the egress guard: [`zone::Answer`].
//! 9. `filter` lets no reference to another region out.
//! 10. The record closes when the answer's body ends.
//!
//! SDK sessions take the same steps with their first message, and then each frame is looked at:
//! [`session`].
//!
//! Each step consumes the value before it; [`gateway`] is these steps in a row. The control plane
//! ([`admin`], [`audit`], the [`registry`]'s registrations) shares no code with the way of traffic.

pub mod admin;
pub mod app;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod call;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod gateway;
pub mod observe;
pub mod pace;
pub mod per_address;
pub mod pipe;
pub mod places;
pub mod probe;
pub mod recent;
pub mod registry;
pub mod room;
pub mod serve;
pub mod session;
pub mod shard;
pub mod sinks;
#[cfg(feature = "otel")]
pub mod trace;
pub mod zone;
