//! The text of a backup, chunk by chunk, each only after it has verified.

use std::io::{self, Read};

use zeroize::Zeroizing;

use super::lock::DataKey;
use super::seal::{CHUNK, Chunks, Place, TAG};

/// Opens what it reads.
pub struct Opening<R> {
    input: R,
    chunks: Chunks,
    /// The chunk behind the one whose text is being given: an empty one is the end.
    ahead: Vec<u8>,
    text: Zeroizing<Vec<u8>>,
    given: usize,
}

impl<R: Read> Opening<R> {
    pub fn new(mut input: R, key: &DataKey, header: &[u8]) -> io::Result<Self> {
        let ahead = chunk(&mut input)?;
        let chunks = Chunks::new(key, header)?;
        let mut opening = Self {
            input,
            chunks,
            ahead,
            text: Zeroizing::default(),
            given: 0,
        };
        // The first chunk shows a wrong key or header before anything is made of the text.
        opening.advance()?;
        Ok(opening)
    }

    fn advance(&mut self) -> io::Result<()> {
        let behind = chunk(&mut self.input)?;
        let mut text = Zeroizing::new(std::mem::replace(&mut self.ahead, behind));
        let place = if self.ahead.is_empty() {
            Place::Last
        } else {
            Place::Within
        };
        self.chunks.open(place, &mut text)?;
        (self.text, self.given) = (text, 0);
        Ok(())
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() && !self.ahead.is_empty() {
            self.advance()?;
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let taken = rest.len().min(bytes.len());
        bytes[..taken].copy_from_slice(&rest[..taken]);
        self.given += taken;
        Ok(taken)
    }
}

fn chunk(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(CHUNK + TAG);
    input.take((CHUNK + TAG) as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
