//! Transparency logs: append-only lists whose every state is one hash that somebody signs.
//!
//! No I/O, no clock, no randomness: bytes come in as slices, tiles are asked for by a function.
//! What stands here is the arithmetic; whoever keeps a log brings the storage.
//!
//! | what | where | source |
//! |---|---|---|
//! | tree hashes: leaf `SHA-256(0x00 ‖ entry)`, node `SHA-256(0x01 ‖ left ‖ right)` | [`struct@Hash`] | RFC 6962, section 2.1 |
//! | the growing right side of a tree | [`Edge`] | |
//! | tiles of 256 hashes, bundles of 256 entries, and their paths | [`Tile`], [`bundle`] | c2sp.org/tlog-tiles |
//! | signed notes, Ed25519 only, and their keys | [`Signer`], [`VerifierKey`], [`Note`] | c2sp.org/signed-note |
//! | the head of a log: origin, size, root | [`Checkpoint`] | c2sp.org/tlog-checkpoint |
//! | that an entry is in a tree | [`inclusion_proof`], [`verify_inclusion`] | RFC 6962, 2.1.1; RFC 9162, 2.1.3.2 |
//! | that a tree is the start of another | [`consistency_proof`], [`verify_consistency`] | RFC 6962, 2.1.2; RFC 9162, 2.1.4.2 |
//! | an entry's proof as a file | [`EntryProof`] | c2sp.org/tlog-proof |
//!
//! # Example
//! ```
//! use tlog::{Checkpoint, Edge, Hash, Note, Signer};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut edge = Edge::new();
//! for entry in ["one", "two", "three"] {
//!     // Tiles that become full would be handed to the closure.
//!     edge.append(Hash::of_leaf(entry.as_bytes()), |_tile, _hashes| {});
//! }
//! let head = Checkpoint::new("example.com/log", edge.size(), edge.root())?;
//!
//! let signer = Signer::from_seed("example.com/log", &[7; 32])?;
//! let text = signer.sign(&head.to_string())?;
//!
//! let note = Note::open(text.as_bytes(), &[signer.verifier_key()])?;
//! assert_eq!(Checkpoint::parse(note.text())?, head);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod bundle;
mod checkpoint;
mod consistency;
mod edge;
mod hash;
mod inclusion;
mod key;
mod note;
mod proof;
mod subtree;
mod tile;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use consistency::{consistency_proof, verify_consistency};
pub use edge::Edge;
pub use hash::Hash;
pub use inclusion::{inclusion_proof, verify_inclusion};
pub use key::{KeyError, Signer, VerifierKey};
pub use note::{MAX_NOTE, MAX_SIGNATURES, Note, NoteError};
pub use proof::{EntryProof, ProofError};
pub use subtree::{Subtree, tree_root};
pub use tile::{Kind, TILE_WIDTH, Tile};
