//! What a gateway, and the commands beside it, ever send or write anywhere.
//!
//! [`SINKS`] is the code's own list: `tests/it/sockets.rs` compares it with the sources, so that nothing is
//! opened that is not in it, and nothing is in it that is not opened. [`crossings`] makes of it where all of
//! that goes under one configuration; `docs/what-crosses.md` shows both.

mod crossing;
mod places;
mod table;

pub use crossing::{Crossing, crossings};
pub use places::Leaves;
pub use table::SINKS;

use serde::Serialize;

/// One kind of thing that is sent or written.
#[derive(Debug, Clone, Copy)]
pub struct Sink {
    /// A stable name, such as `upstream.rest`.
    pub name: &'static str,
    pub to: To,
    pub data: &'static [Data],
    /// What it is, for people.
    pub sends: &'static str,
    /// Where the code opens it. Several sinks may go one way.
    pub ways: &'static [Way],
}

/// A place in the sources that opens something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// Below the workspace.
    pub file: &'static str,
    /// The text of the code that opens it.
    pub opens: &'static str,
}

/// Where it goes; the configuration says to which addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The data centre, by its upstreams of one kind.
    Zone(Traffic),
    /// The resolver of this machine.
    Resolver,
    /// The registry, if it is on other machines.
    Etcd,
    /// The collector of traces, if there is one.
    Collector,
    /// The public endpoints of all regions, if the gateway's own probe is on.
    Regions,
    /// Whoever connected to a listener.
    Listener(Listener),
    StandardError,
    /// A file of the gateway.
    Disk(Kept),
    /// A command's files on this machine.
    Files(&'static str),
    /// What the caller of a command names, and what protects it on the way there.
    Caller(&'static str, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    Rest,
    WebSocket,
    Msync,
    /// Erasing and sweeping, which is REST of the channel `general`.
    Management,
    /// Whether the data centre is there: every upstream.
    Probe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// `https`, and `http` on loopback.
    Calls,
    Msync,
    Admin,
    Ops,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Registry,
    Anchor,
    Audit,
    KeyUse,
}

/// A class of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Data {
    /// What users send and get: messages, files, user ids, client addresses.
    Content,
    /// What lets somebody in: tokens, passwords, admin keys, App certificates.
    Credentials,
    /// App IDs, AppKeys, account ids: no users.
    Identifiers,
    /// Hashes of names that can be guessed.
    Pseudonyms,
    /// Under a key that only the region has, or only the holder of the file.
    Sealed,
    /// Counts, times, codes, routes.
    Operational,
    /// What is in the public catalogue, or public by its nature.
    Public,
    /// The region's private keys. They are written when they are made, and never sent.
    Secrets,
}

impl Data {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Credentials => "credentials",
            Self::Identifiers => "identifiers",
            Self::Pseudonyms => "pseudonyms",
            Self::Sealed => "sealed",
            Self::Operational => "operational",
            Self::Public => "public",
            Self::Secrets => "secrets",
        }
    }
}
