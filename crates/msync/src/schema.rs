//! Every message of `msync.proto` as a prost type, generated at build time (feature `schema`).

#![allow(
    missing_docs,
    rustdoc::all,
    clippy::all,
    unused_qualifications,
    reason = "generated"
)]

include!(concat!(env!("OUT_DIR"), "/msync.rs"));
