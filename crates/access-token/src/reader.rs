//! A cursor over little-endian bytes. It can't read past the end.

use crate::fault::ParseError;

pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], ParseError> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ParseError::ContentEnds)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ParseError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ParseError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// `string`: u16 length, then that many bytes.
    pub(crate) fn string(&mut self) -> Result<&'a [u8], ParseError> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(ParseError::ContentEnds)?;
        self.rest = rest;
        Ok(*head)
    }
}
