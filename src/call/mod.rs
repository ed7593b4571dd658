//! What a request asks for, decided from its head alone: whose App, which channel, which privilege.
//!
//! Everything here is pure: no registry, no clock, no body. What cannot be read in exactly one way
//! is refused as `bad_request`, so that the data centre can read nothing else than was decided on.

mod classify;
mod coming;
mod host;
mod path;
mod query;
mod request;
mod routes;

pub use classify::{Asked, ClassifyError, Target, X_APP_ID, classify};
pub use coming::{Coming, CutOff, Feed, Part, Wanted, coming};
pub use host::{Host, HostError, Names};
pub use path::{Path, PathError};
pub use query::{QueryError, single};
pub use request::{Call, CallBody, Held, Peer, Unread, claimed_app_id};
pub use routes::{Matched, Need, Size, templates};
