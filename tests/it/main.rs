//! Domicile from outside, one module a capability: real sockets, real files, data centres that
//! record every byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    reason = "a test says what is wrong by panicking; counters are whole numbers"
)]

mod demo;
mod documents;
mod doubt;
mod edge;
mod forgery;
mod forwarding;
mod grants;
mod harness;
mod hostile;
mod identities;
mod layering;
mod references;
mod regions;
mod registry_crash;
mod registry_kit;
