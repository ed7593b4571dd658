//! Answers in HTTP/1.1 (RFC 9112), read strictly and without I/O; and requests, where that is simple.
//!
//! [`Heads`] takes an answer's head from a buffer and says how its body ends; [`Body`] takes that body,
//! piece by piece, without copying it. What could be read in two ways is a [`Fault`]: a reader that
//! guesses lets bytes of one answer be taken for the next.
//!
//! [`Whole`] takes a request from a buffer, if all of its head is there and nothing about it is out of the ordinary.

mod body;
mod chunked;
mod fault;
mod head;
mod request;

pub use body::{Body, Piece};
pub use fault::Fault;
pub use head::{Head, Heads, Length};
pub use request::Whole;
