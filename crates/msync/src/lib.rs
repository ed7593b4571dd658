//! MSYNC, the protobuf protocol of the instant-messaging SDKs: what a gateway reads and writes.
//!
//! Frames are read in one pass over the bytes, without allocation and without generated code. A
//! frame is refused ([`Fault`]) whenever `prost` would refuse it as a message of `msync.proto`, and
//! also when two readers could take it for two different things: a field that decides something
//! must not occur twice. Unknown fields are skipped and survive. No I/O, no clock.
//!
//! A frame is one `MSync` message, without the length that precedes it over TCP.
//!
//! # Example
//! ```
//! let kick = msync::kick("acme#chat", "alice", msync::operation::KICKED_BY_CHANGE_PASSWORD, "bye");
//! let seen = msync::inspect_down(&kick, "acme#chat")?;
//! assert_eq!(seen.command, msync::Command::Sync);
//! assert!(!seen.foreign);
//! assert!(msync::inspect_down(&kick, "acme#other")?.foreign);
//! # Ok::<(), msync::Fault>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod answer;
mod edit;
mod fault;
mod frame;
mod inspect;
mod proto;
mod provision;
#[cfg(feature = "schema")]
pub mod schema;
mod shape;
mod walk;
mod wire;

pub use answer::{
    kick, notice, operation, provision_answer, provision_refusal, provision_without_token,
    sync_ack, sync_refusal, unread_answer,
};
pub use edit::{add_expiry, negotiate_down};
pub use fault::Fault;
pub use frame::{Channel, Command, status};
pub use inspect::{Down, Up, envelope_auth, inspect_down, inspect_up};
pub use provision::{Offer, Provision, ProvisionAnswer, read_provision, read_provision_answer};

/// How deep messages and groups may nest; the deepest of the protocol needs 7.
pub const MAX_DEPTH: u32 = 16;

/// How many fields a frame may have, in all its messages together.
pub const MAX_FIELDS: u32 = 65_536;
