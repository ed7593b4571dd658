//! Domicile from outside, one module a capability: real sockets, real files, data centres that
//! record every byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    reason = "a test says what is wrong by panicking; counters are whole numbers"
)]

mod api_reference;
mod audit;
mod backup;
mod bounds;
mod canary;
mod centre_disk;
mod channels;
#[path = "../cluster/mod.rs"]
mod cluster;
mod control;
mod counted;
mod crossings;
mod demo;
mod discovery;
mod documents;
mod doubt;
mod draining;
mod edge;
mod egress;
mod erasure;
mod etcd;
mod etcd_limits;
mod evidence;
mod forgery;
mod forwarding;
mod grants;
mod harness;
mod helm;
mod hostile;
mod identities;
mod keys;
mod layering;
mod limits;
mod matrix;
mod pages;
mod privacy;
mod probe;
mod profile;
mod prometheus;
mod promql;
mod quick_start;
mod reference;
mod references;
mod regions;
mod registry_crash;
mod registry_disk;
mod registry_kit;
mod reload;
#[path = "../residency/mod.rs"]
mod residency;
mod retention;
mod rolling;
mod runbooks;
mod schemathesis;
mod sdk_guide;
mod sdks;
mod sessions;
mod sockets;
mod streaming;
mod sweep_crash;
mod tls;
#[cfg(feature = "otel")]
mod traces;
mod upstreams;
