//! WebSocket frames (RFC 6455) for both sides of a gateway: a server towards clients, a client
//! towards a data centre.
//!
//! No I/O, no clock, no randomness: bytes come in as slices, mask keys as arguments. A message that
//! is one frame is unmasked where it lies and handed out as a slice of the caller's buffer; nothing
//! is allocated or copied for it. Only a fragmented message is put together in a buffer of its own.
//!
//! Everything fails closed: no extension is known, so a reserved bit is a [`Fault`], as is every
//! frame that the RFC forbids. A fault ends the connection with [`Fault::close_code`].
//!
//! # A frame
//! ```text
//! frame  = FIN(1) RSV(3) opcode(4)  MASK(1) length(7)  extended length  key  payload
//! length = 0..=125   itself, no extended length
//!        = 126       the extended length is a u16, big-endian, at least 126
//!        = 127       the extended length is a u64, big-endian, at least 65536, top bit clear
//! key    = 4 bytes if MASK, which every client's frame has and no server's; payload[i] ^= key[i % 4]
//! ```
//! Source: RFC 6455, sections 5.2 and 5.3.
//!
//! # Example
//! ```
//! use websocket::{MessageKind, Opcode, Read, Reader, Role, append_frame, remask};
//! # fn main() -> Result<(), websocket::Fault> {
//! let mut buffer = Vec::new();
//! append_frame(&mut buffer, Opcode::Binary, b"hello", Some([1, 2, 3, 4]));
//! append_frame(&mut buffer, Opcode::Ping, b"there?", Some([5, 6, 7, 8]));
//!
//! let mut reader = Reader::new(Role::Server, 1024 * 1024);
//! let mut at = 0;
//! loop {
//!     match reader.read(&mut buffer[at..])? {
//!         Read::Message { kind, payload, consumed, whole, header } => {
//!             assert_eq!((kind, &*payload, whole), (MessageKind::Binary, &b"hello"[..], true));
//!             // On to the data centre, as the frame it was, under a key of the gateway's own.
//!             remask(&mut buffer[at..at + consumed], header, [9, 9, 9, 9]);
//!             at += consumed;
//!         }
//!         Read::Ping { payload, consumed } => {
//!             assert_eq!(payload, b"there?");
//!             at += consumed;
//!         }
//!         Read::Pong { consumed } | Read::Fragment { consumed } => at += consumed,
//!         Read::Close { .. } => break,
//!         // Keep `buffer[at..]`, read more behind it.
//!         Read::Need(bytes) => break assert_eq!((bytes, at), (2, buffer.len())),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod close;
pub mod code;
mod fault;
mod fragments;
mod frame;
pub mod handshake;
mod header;
mod mask;
mod reader;
mod write;

pub use fault::Fault;
pub use fragments::MAX_FRAGMENTS;
pub use frame::{MAX_CONTROL, MAX_HEADER, MessageKind, Opcode, Role};
pub use mask::{mask, mask_at, remask};
pub use reader::{Read, Reader};
pub use write::{append_frame, close_frame, header_len, write_header};
