//! Gateways from outside: real sockets, real files, data centres that record every byte.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test says what is wrong by panicking; counters are whole numbers"
)]

mod channels;
mod counted;
mod doubt;
mod draining;
mod edge;
mod egress;
mod forwarding;
mod grants;
mod harness;
mod identities;
mod limits;
mod matrix;
mod privacy;
mod reference;
mod references;
mod regions;
mod streaming;
mod upstreams;
