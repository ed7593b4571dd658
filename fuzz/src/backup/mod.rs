//! What `domicile restore` reads of a file before and after it opens.

#[path = "../../../src/backup/header.rs"]
mod header;
#[path = "../../../src/backup/record.rs"]
mod record;

pub use header::{Chain, Header, HeaderError, Lock};
pub use record::{End, Manifest, Part, Record, RecordError};
