//! The protobuf wire format over a slice. Nothing reads past the end, nothing is copied.

use crate::{Fault, MAX_DEPTH, MAX_FIELDS};

/// Wire types, as the low three bits of a key give them.
pub(crate) const VARINT: u8 = 0;
pub(crate) const FIXED64: u8 = 1;
pub(crate) const DELIMITED: u8 = 2;
pub(crate) const GROUP: u8 = 3;
pub(crate) const GROUP_END: u8 = 4;
pub(crate) const FIXED32: u8 = 5;

pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A field's number and wire type.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<(u32, u8), Fault> {
        let key = u32::try_from(self.varint()?).map_err(|_| Fault::Tag)?;
        let (number, wire) = (key >> 3, (key & 7) as u8);
        if wire > FIXED32 {
            return Err(Fault::WireType);
        }
        if number == 0 {
            return Err(Fault::Tag);
        }
        Ok((number, wire))
    }

    /// At most ten bytes and 64 bits; longer forms of a small number are taken, as everywhere.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Fault> {
        match self.rest.split_first() {
            Some((first, rest)) if *first < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*first))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for (at, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                if at == 9 && *byte > 1 {
                    return Err(Fault::Varint);
                }
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 {
            Fault::Truncated
        } else {
            Fault::Varint
        })
    }

    /// What a length stands in front of.
    #[inline]
    pub(crate) fn delimited(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.varint()?;
        self.take(usize::try_from(length).map_err(|_| Fault::Truncated)?)
    }

    #[inline]
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    /// Passes over the value of an unknown field. `budget` is how many fields the frame may still
    /// have, `depth` how deep this one lies.
    pub(crate) fn skip(
        &mut self,
        number: u32,
        wire: u8,
        depth: u32,
        budget: &mut u32,
    ) -> Result<(), Fault> {
        match wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.take(8).map(drop),
            DELIMITED => self.delimited().map(drop),
            GROUP => self.skip_group(number, depth + 1, budget),
            FIXED32 => self.take(4).map(drop),
            _ => Err(Fault::Group),
        }
    }

    fn skip_group(&mut self, begun: u32, depth: u32, budget: &mut u32) -> Result<(), Fault> {
        if depth >= MAX_DEPTH {
            return Err(Fault::Depth);
        }
        loop {
            let (number, wire) = self.key()?;
            spend(budget)?;
            if wire == GROUP_END {
                return if number == begun {
                    Ok(())
                } else {
                    Err(Fault::Group)
                };
            }
            self.skip(number, wire, depth, budget)?;
        }
    }
}

/// One field less that a frame may have.
#[inline]
pub(crate) fn spend(budget: &mut u32) -> Result<(), Fault> {
    *budget = budget.checked_sub(1).ok_or(Fault::Count)?;
    Ok(())
}

/// A field as it lies in its message.
pub(crate) struct Raw<'a> {
    pub(crate) number: u32,
    pub(crate) wire: u8,
    /// Key and value.
    pub(crate) whole: &'a [u8],
    /// The key alone.
    pub(crate) key: &'a [u8],
    /// The value, with the length of a delimited one.
    pub(crate) value: &'a [u8],
}

impl<'a> Raw<'a> {
    /// The content of a delimited value.
    pub(crate) fn content(&self) -> Result<&'a [u8], Fault> {
        Reader::new(self.value).delimited()
    }
}

/// The fields of a message, one by one, groups as a whole.
pub(crate) struct Fields<'a>(Reader<'a>);

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Fields<'a> {
        Fields(Reader::new(message))
    }

    fn read(&mut self) -> Result<Raw<'a>, Fault> {
        let from = self.0.rest;
        let (number, wire) = self.0.key()?;
        let key = &from[..from.len() - self.0.rest.len()];
        self.0.skip(number, wire, 0, &mut { MAX_FIELDS })?;
        let whole = &from[..from.len() - self.0.rest.len()];
        Ok(Raw {
            number,
            wire,
            whole,
            key,
            value: &whole[key.len()..],
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Raw<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.0.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(bytes: &[u8]) -> Result<u64, Fault> {
        Reader::new(bytes).varint()
    }

    #[test]
    fn varints() {
        assert_eq!(varint(&[0x7f]), Ok(127));
        assert_eq!(varint(&[0x80, 0x01]), Ok(128));
        assert_eq!(varint(&[0x80, 0x00]), Ok(0));
        let mut most = [0xff; 10];
        most[9] = 1;
        assert_eq!(varint(&most), Ok(u64::MAX));
        most[9] = 2;
        assert_eq!(varint(&most), Err(Fault::Varint));
        assert_eq!(varint(&[0x80; 11]), Err(Fault::Varint));
        assert_eq!(varint(&[0x80; 10]), Err(Fault::Varint));
        assert_eq!(varint(&[0x80; 9]), Err(Fault::Truncated));
        assert_eq!(varint(&[]), Err(Fault::Truncated));
    }

    #[test]
    fn keys() {
        let key = |bytes: &[u8]| Reader::new(bytes).key();
        assert_eq!(key(&[0x0a]), Ok((1, DELIMITED)));
        assert_eq!(key(&[0x02]), Err(Fault::Tag));
        assert_eq!(key(&[0x0e]), Err(Fault::WireType));
        assert_eq!(key(&[0x0f]), Err(Fault::WireType));
        assert_eq!(key(&[0xf8, 0xff, 0xff, 0xff, 0x1f]), Err(Fault::Tag));
        assert_eq!(
            key(&[0xf8, 0xff, 0xff, 0xff, 0x0f]),
            Ok((0x1fff_ffff, VARINT))
        );
    }

    #[test]
    fn groups_end_where_they_began() {
        let skip = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            let (number, wire) = reader.key()?;
            reader.skip(number, wire, 0, &mut { 20 })?;
            Ok(reader.rest.len())
        };
        assert_eq!(skip(&[0x0b, 0x0c, 7]), Ok(1));
        assert_eq!(skip(&[0x0b, 0x10, 1, 0x13, 0x14, 0x0c]), Ok(0));
        assert_eq!(skip(&[0x0b, 0x14]), Err(Fault::Group));
        assert_eq!(skip(&[0x0c]), Err(Fault::Group));
        assert_eq!(skip(&[0x0b, 0x10]), Err(Fault::Truncated));
        assert_eq!(skip(&[0x0b; 15]), Err(Fault::Truncated));
        assert_eq!(skip(&[0x0b; 16]), Err(Fault::Depth));
        assert_eq!(
            skip(&[[0x0b; 1].as_slice(), &[0x10, 1].repeat(21)].concat()),
            Err(Fault::Count)
        );
    }
}
