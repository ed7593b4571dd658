//! A backup of one region: one file, encrypted as a whole. `docs/backup.md` has it byte by byte.
//!
//! | file | what |
//! |---|---|
//! | `header` | what is in the clear in front |
//! | `lock` | the data key, wrapped under a passphrase or a recovery key |
//! | `seal`, `open` | the text in chunks, so that a cut or a swap is found |
//! | `record` | what the text is: a manifest, files, the registry's entries, an end |
//! | `writer`, `reader` | the whole file |
//!
//! Nothing here touches a gateway's files: the command line does.

mod header;
mod lock;
mod open;
mod reader;
mod record;
mod seal;
#[cfg(test)]
mod tests;
mod writer;

pub use header::{Chain, Header, HeaderError, Lock};
pub use lock::{DataKey, LockError, Secret};
pub use reader::{Archive, BackupError};
pub use record::{Part, Record, RecordError};
pub use writer::{About, Writer};
