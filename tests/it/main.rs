//! Domicile from outside, one module a capability: real sockets, real files, data centres that
//! record every byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    reason = "a test says what is wrong by panicking; counters are whole numbers"
)]

mod audit;
mod backup;
mod channels;
mod control;
mod counted;
mod demo;
mod discovery;
mod documents;
mod doubt;
mod draining;
mod edge;
mod egress;
mod erasure;
mod forgery;
mod forwarding;
mod grants;
mod harness;
mod hostile;
mod identities;
mod layering;
mod limits;
mod matrix;
mod privacy;
mod prometheus;
mod promql;
mod reference;
mod references;
mod regions;
mod registry_crash;
mod registry_disk;
mod registry_kit;
mod retention;
mod schemathesis;
mod sdks;
mod sessions;
mod sockets;
mod streaming;
mod sweep_crash;
mod tls;
mod upstreams;
