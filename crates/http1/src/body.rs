//! An answer's body.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::chunked::Chunked;
use crate::fault::Fault;
use crate::head::Length;

/// A body on its way.
#[derive(Debug)]
pub struct Body(Left);

#[derive(Debug)]
enum Left {
    Exact(u64),
    Chunked(Chunked),
    Open,
    Over,
}

/// What is next of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Data(Bytes),
    /// The last that there is of it.
    Trailers(HeaderMap),
    /// Nothing, before more has come.
    More,
    End,
}

impl Body {
    pub const fn of(length: Length) -> Self {
        Self(match length {
            Length::Exact(0) => Left::Over,
            Length::Exact(length) => Left::Exact(length),
            Length::Chunked => Left::Chunked(Chunked::Size),
            Length::Open => Left::Open,
        })
    }

    /// Takes what is next from the front of the buffer.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn read(&mut self, buffer: &mut BytesMut) -> Result<Piece, Fault> {
        if let Left::Chunked(chunked) = &mut self.0 {
            return chunked.read(buffer);
        }
        if self.is_over() {
            return Ok(Piece::End);
        }
        if buffer.is_empty() {
            return Ok(Piece::More);
        }
        Ok(Piece::Data(match &mut self.0 {
            Left::Exact(left) => {
                let taken = buffer
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                buffer.split_to(taken).freeze()
            }
            Left::Open | Left::Over | Left::Chunked(_) => buffer.split().freeze(),
        }))
    }

    /// The connection has ended. Whether the body was to end with it.
    pub fn ends_here(&mut self) -> bool {
        if matches!(self.0, Left::Open) {
            self.0 = Left::Over;
        }
        self.is_over()
    }

    /// Whether there is nothing more of it.
    pub const fn is_over(&self) -> bool {
        matches!(
            self.0,
            Left::Over | Left::Exact(0) | Left::Chunked(Chunked::Over)
        )
    }

    /// How much is still to come, where that is known.
    pub const fn left(&self) -> Option<u64> {
        match self.0 {
            Left::Exact(left) => Some(left),
            Left::Over | Left::Chunked(Chunked::Over) => Some(0),
            Left::Chunked(_) | Left::Open => None,
        }
    }
}

#[cfg(test)]
mod tests;
