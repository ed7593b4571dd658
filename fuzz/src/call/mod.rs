//! `domicile::call`, but for the parts that know of connections.

#[path = "../../../src/call/classify.rs"]
mod classify;
#[path = "../../../src/call/host.rs"]
mod host;
#[path = "../../../src/call/path.rs"]
mod path;
#[path = "../../../src/call/query.rs"]
mod query;
#[path = "../../../src/call/routes.rs"]
mod routes;

pub use classify::{Asked, ClassifyError, Target, classify};
pub use host::{Host, HostError, Names};
pub use path::{Path, PathError};
pub use query::{QueryError, single};
pub use routes::{Matched, Need, Size, templates};
