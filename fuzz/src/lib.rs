//! The gateway's parsers of foreign bytes, taken by their files: what decides whose App a request
//! is for needs five small crates, the whole gateway some four hundred, which under a sanitizer
//! would build for many minutes before the first input is tried.

pub mod backup;
pub mod call;
pub mod domain;
pub mod plain;
pub mod serve;
