//! One pass over a frame, by the tables of [`proto`](crate::proto).

use crate::proto;
use crate::shape::{Field, Kind, Note, Shape};
use crate::wire::{DELIMITED, FIXED32, FIXED64, Reader, VARINT, spend};
use crate::{Fault, MAX_DEPTH, MAX_FIELDS};

/// Who is told what the fields with a note say.
pub(crate) trait Visit<'a> {
    /// A varint; an element of a list one by one.
    fn number(&mut self, note: Note, value: u64);
    /// A text.
    fn text(&mut self, note: Note, value: &'a str);
    /// Bytes that are there, or a message that begins.
    fn begin(&mut self, note: Note);
    /// A message that ends, payload included.
    fn end(&mut self, note: Note) {
        let _ = note;
    }
    /// The envelope is read but for its payload: what is in that? `None` if it can't be read.
    fn payload(&mut self, command: i32) -> Result<Option<&'static Shape>, Fault>;
}

/// Reads a whole frame.
#[inline]
pub(crate) fn walk<'a, V: Visit<'a>>(frame: &'a [u8], visit: &mut V) -> Result<(), Fault> {
    let budget = MAX_FIELDS;
    Walk { visit, budget }.message(&proto::MSYNC, frame, 0)
}

struct Walk<'v, V> {
    visit: &'v mut V,
    /// How many fields may still come.
    budget: u32,
}

/// What a message with a payload keeps until its other fields are known.
#[derive(Default)]
struct Kept<'a> {
    selector: u64,
    payload: &'a [u8],
}

impl<'a, V: Visit<'a>> Walk<'_, V> {
    fn message(&mut self, shape: &'static Shape, bytes: &'a [u8], depth: u32) -> Result<(), Fault> {
        if depth >= MAX_DEPTH {
            return Err(Fault::Depth);
        }
        let mut reader = Reader::new(bytes);
        let mut kept = Kept::default();
        let mut seen = 0_u32;
        while !reader.is_empty() {
            let (number, wire) = reader.key()?;
            spend(&mut self.budget)?;
            let field = shape.field(number);
            if field.once {
                // Numbers in the tables are below 32.
                let bit = 1 << number;
                if seen & bit != 0 {
                    return Err(Fault::Twice);
                }
                seen |= bit;
            }
            match field.kind {
                Kind::Unknown => reader.skip(number, wire, depth, &mut self.budget)?,
                Kind::Varint => {
                    let value = expect(wire, VARINT).and_then(|()| reader.varint())?;
                    if number == shape.selector {
                        kept.selector = value;
                    }
                    self.number(field.note, value);
                }
                Kind::Payload => kept.payload = delimited(&mut reader, wire)?,
                _ => self.value(field, wire, &mut reader, depth)?,
            }
        }
        self.payload(shape, &kept, depth)
    }

    #[inline]
    fn value(
        &mut self,
        field: &Field,
        wire: u8,
        reader: &mut Reader<'a>,
        depth: u32,
    ) -> Result<(), Fault> {
        match field.kind {
            Kind::Text => {
                let text = str::from_utf8(delimited(reader, wire)?).map_err(|_| Fault::Utf8)?;
                if field.note != Note::Nothing {
                    self.visit.text(field.note, text);
                }
            }
            Kind::Bytes => {
                delimited(reader, wire)?;
                self.begin(field.note);
            }
            Kind::Message(shape) => {
                let bytes = delimited(reader, wire)?;
                self.begin(field.note);
                self.message(shape, bytes, depth + 1)?;
                if field.note != Note::Nothing {
                    self.visit.end(field.note);
                }
            }
            Kind::Varints => self.list(field.note, wire, reader)?,
            Kind::Fixed32 => expect(wire, FIXED32).and_then(|()| reader.take(4).map(drop))?,
            Kind::Fixed64 => expect(wire, FIXED64).and_then(|()| reader.take(8).map(drop))?,
            Kind::Unknown | Kind::Varint | Kind::Payload => {}
        }
        Ok(())
    }

    /// Elements one by one under a key each, or packed under one.
    fn list(&mut self, note: Note, wire: u8, reader: &mut Reader<'a>) -> Result<(), Fault> {
        if wire != DELIMITED {
            let value = expect(wire, VARINT).and_then(|()| reader.varint())?;
            self.number(note, value);
            return Ok(());
        }
        let mut packed = Reader::new(reader.delimited()?);
        while !packed.is_empty() {
            let value = packed.varint()?;
            self.number(note, value);
        }
        Ok(())
    }

    /// The payload, now that it is known what it is.
    #[inline]
    fn payload(&mut self, shape: &'static Shape, kept: &Kept<'a>, depth: u32) -> Result<(), Fault> {
        if shape.selector == 0 {
            return Ok(());
        }
        // Enums are 32 bits; what is above is ignored, as prost and its kin do.
        let selector = kept.selector as i32;
        let payload = match depth {
            0 => self.visit.payload(selector)?,
            _ => proto::body(selector),
        };
        payload.map_or(Ok(()), |shape| self.message(shape, kept.payload, depth + 1))
    }

    #[inline]
    fn number(&mut self, note: Note, value: u64) {
        if note != Note::Nothing {
            self.visit.number(note, value);
        }
    }

    #[inline]
    fn begin(&mut self, note: Note) {
        if note != Note::Nothing {
            self.visit.begin(note);
        }
    }
}

#[inline]
fn expect(wire: u8, expected: u8) -> Result<(), Fault> {
    if wire == expected {
        Ok(())
    } else {
        Err(Fault::WireType)
    }
}

#[inline]
fn delimited<'a>(reader: &mut Reader<'a>, wire: u8) -> Result<&'a [u8], Fault> {
    expect(wire, DELIMITED)?;
    reader.delimited()
}
