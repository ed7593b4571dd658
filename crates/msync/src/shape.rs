//! How a message is described: what each field is on the wire, and what the gateway wants of it.

/// What a field tells the gateway. A singular field with a note may occur only once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    Nothing,
    // JID
    AppKey,
    GuidName,
    GuidDomain,
    GuidResource,
    ToDomain,
    // MSync
    EnvelopeAuth,
    Compress,
    Crypto,
    Command,
    EnvelopeEncryptType,
    EncryptKey,
    Seal,
    // Status
    ErrorCode,
    Reason,
    Redirect,
    // Provision
    CompressType,
    EncryptType,
    DeviceUuid,
    Password,
    Resource,
    Auth,
    AppId,
    AuthToken,
    SessionId,
    ProtocolType,
    ProtocolDirection,
    // Meta, CommSyncDL and the bodies
    Meta,
    MetaId,
    NameSpace,
    AckId,
    BodyType,
    IsChatroom,
}

/// What a field is on the wire.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Unknown,
    Varint,
    /// Repeated, packed or not.
    Varints,
    Fixed32,
    Fixed64,
    Text,
    Bytes,
    Message(&'static Shape),
    /// Bytes that are a message, which another field of the same message tells.
    Payload,
}

#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) kind: Kind,
    pub(crate) note: Note,
    /// A second occurrence is refused.
    pub(crate) once: bool,
}

/// A message: its fields by number.
pub(crate) struct Shape {
    fields: [Field; FIELDS],
    /// The number of the field that tells what the payload is; 0 where there is no payload.
    pub(crate) selector: u32,
}

/// One more than the highest field number.
const FIELDS: usize = 26;

impl Shape {
    #[inline]
    pub(crate) fn field(&self, number: u32) -> &Field {
        self.fields.get(number as usize).unwrap_or(&UNKNOWN)
    }

    pub(crate) const fn of(known: &[(usize, Field)]) -> Shape {
        let mut fields = [UNKNOWN; FIELDS];
        let mut at = 0;
        while at < known.len() {
            fields[known[at].0] = known[at].1;
            at += 1;
        }
        Shape {
            fields,
            selector: 0,
        }
    }

    pub(crate) const fn selected_by(self, selector: u32) -> Shape {
        Shape { selector, ..self }
    }
}

pub(crate) const UNKNOWN: Field = Field {
    kind: Kind::Unknown,
    note: Note::Nothing,
    once: false,
};
pub(crate) const NUMBER: Field = plain(Kind::Varint);
pub(crate) const NUMBERS: Field = plain(Kind::Varints);
pub(crate) const FLOAT: Field = plain(Kind::Fixed32);
pub(crate) const DOUBLE: Field = plain(Kind::Fixed64);
pub(crate) const TEXT: Field = plain(Kind::Text);
pub(crate) const BYTES: Field = plain(Kind::Bytes);
pub(crate) const PAYLOAD: Field = Field {
    once: true,
    ..plain(Kind::Payload)
};

const fn plain(kind: Kind) -> Field {
    Field { kind, ..UNKNOWN }
}

/// A field that decides.
pub(crate) const fn noted(field: Field, note: Note) -> Field {
    let once = !matches!(field.kind, Kind::Varints);
    Field {
        note,
        once,
        ..field
    }
}

/// A message that is, or holds, what decides.
pub(crate) const fn one(shape: &'static Shape) -> Field {
    Field {
        once: true,
        ..any(shape)
    }
}

/// A repeated message, or one that decides nothing.
pub(crate) const fn any(shape: &'static Shape) -> Field {
    plain(Kind::Message(shape))
}
