//! The text of a backup in sealed chunks (the STREAM construction): each has its number and whether
//! it is the last one in its nonce, so that none can be left out, swapped, or cut off.
//!
//! A chunk is 65,536 bytes of text, the last one 0 to 65,536, under AES-256-GCM with its tag of 16.
//! The nonce is the chunk's number from 0 in 11 bytes, big-endian, and 1 for the last chunk, else 0.
//! The associated data are the SHA-256 of the header's bytes.

use std::io::{self, Write};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize, Zeroizing};

use super::lock::DataKey;
use crate::registry::Hash;

/// Bytes of text in a chunk.
pub const CHUNK: usize = 65_536;

pub const TAG: usize = 16;

/// Whether a chunk is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Within,
    Last,
}

/// What seals and opens chunks in their order.
pub struct Chunks {
    key: LessSafeKey,
    header: Hash,
    next: u64,
}

impl Chunks {
    pub fn new(key: &DataKey, header: &[u8]) -> io::Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key.0.as_slice()).map_err(io::Error::other)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            header: Hash::of_bytes(header),
            next: 0,
        })
    }

    fn seal(&mut self, place: Place, text: &mut Vec<u8>) -> io::Result<()> {
        let nonce = self.nonce(place)?;
        let associated = Aad::from(self.header.as_bytes());
        let sealed = self.key.seal_in_place_append_tag(nonce, associated, text);
        sealed.map_err(io::Error::other)
    }

    /// Puts the text in the chunk's place.
    pub fn open(&mut self, place: Place, chunk: &mut Vec<u8>) -> io::Result<()> {
        let nonce = self.nonce(place)?;
        let associated = Aad::from(self.header.as_bytes());
        let opened = self.key.open_in_place(nonce, associated, chunk);
        let length = opened.map_err(|_| damaged())?.len();
        chunk.truncate(length);
        Ok(())
    }

    fn nonce(&mut self, place: Place) -> io::Result<Nonce> {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.next.to_be_bytes());
        nonce[11] = u8::from(place == Place::Last);
        self.next = self.next.checked_add(1).ok_or_else(damaged)?;
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "it is damaged: it was altered, cut off or put together anew",
    )
}

/// Seals what is written to it.
pub struct Sealing<W> {
    output: W,
    chunks: Chunks,
    text: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealing<W> {
    pub fn new(output: W, key: &DataKey, header: &[u8]) -> io::Result<Self> {
        Ok(Self {
            output,
            chunks: Chunks::new(key, header)?,
            text: Zeroizing::new(Vec::with_capacity(CHUNK + TAG)),
        })
    }

    /// Writes the last chunk. Without it the file is no backup.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_chunk(Place::Last)?;
        Ok(self.output)
    }

    fn write_chunk(&mut self, place: Place) -> io::Result<()> {
        self.chunks.seal(place, &mut self.text)?;
        self.output.write_all(&self.text)?;
        self.text.zeroize();
        self.text.reserve_exact(CHUNK + TAG);
        Ok(())
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() == CHUNK {
            self.write_chunk(Place::Within)?;
        }
        let taken = bytes.len().min(CHUNK - self.text.len());
        self.text.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
