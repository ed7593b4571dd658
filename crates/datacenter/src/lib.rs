//! The reference data centre: a small, real instant-messaging backend that stands behind a Domicile
//! gateway, for trying, for testing and as a worked example.
//!
//! A request's way through it: [`DataCentre::start`] opens the store and the listener; `server` lets
//! in gateways of its own region only, parses the raw request target (`path`) and picks the route
//! (`routes`); one module for each resource serves it from the `store`. A session's way: `msync`.
//! Both bring what is sent to its recipients by way of `post`: into stored `queues`, and into the
//! `mailbox` of each device that is `live`.
//!
//! What gateways ask for themselves, and no client: `erasure`, and the evidence of `retention`.
//!
//! It trusts the gateway for the pin and for the token, and for nothing else: what it parses it
//! checks by itself, and every answer tells what it understood in the headers `Dc-App`, `Dc-Route`
//! and `Dc-User`.

mod access_token_2;
mod app_key;
mod blobs;
mod centre;
mod chatfiles;
mod contacts;
mod erasure;
mod groups;
mod history;
mod live;
mod mailbox;
mod messages;
mod metadata;
mod msync;
mod page;
mod path;
mod post;
mod queues;
mod reseal;
mod retention;
mod roaming;
mod rooms;
mod roster;
mod routes;
mod server;
mod settings;
mod store;
mod token;
mod users;
mod wipe;

pub use centre::{DataCentre, StartError};
pub use server::tls::TlsError;
pub use settings::{AWAY, Clock, GatewayAuth, SWEEP_EVERY, SealKey, SealKeys, Settings};
pub use store::cipher::CipherError;
pub use store::{OpenError, StoreError};
