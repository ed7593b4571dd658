//! Why a frame is refused.

use std::fmt;

/// What a frame is refused for. Carries nothing of the frame, so it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The frame, or a message in it, ends inside a field.
    Truncated,
    /// A varint of more than 64 bits.
    Varint,
    /// A field number of 0 or beyond 29 bits.
    Tag,
    /// A wire type that does not exist, or not the one of this field.
    WireType,
    /// A group ends that has not begun.
    Group,
    /// A text is not UTF-8.
    Utf8,
    /// Nested deeper than [`MAX_DEPTH`](crate::MAX_DEPTH).
    Depth,
    /// More fields than [`MAX_FIELDS`](crate::MAX_FIELDS).
    Count,
    /// A field that decides something occurs twice: which one counts?
    Twice,
    /// A command that is not of the protocol.
    Command,
    /// Not a PROVISION where only that will do.
    NotProvision,
    /// The payload is compressed or encrypted where it must be read.
    Compressed,
}

impl Fault {
    /// A short name for logs and metrics, such as `wire_type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Truncated => "truncated",
            Fault::Varint => "varint",
            Fault::Tag => "tag",
            Fault::WireType => "wire_type",
            Fault::Group => "group",
            Fault::Utf8 => "utf8",
            Fault::Depth => "depth",
            Fault::Count => "count",
            Fault::Twice => "twice",
            Fault::Command => "command",
            Fault::NotProvision => "not_provision",
            Fault::Compressed => "compressed",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Fault::Truncated => "the frame ends inside a field",
            Fault::Varint => "a varint is longer than 64 bits",
            Fault::Tag => "a field number is out of range",
            Fault::WireType => "a field has the wrong wire type",
            Fault::Group => "a group ends that has not begun",
            Fault::Utf8 => "a text is not UTF-8",
            Fault::Depth => "the frame is nested too deeply",
            Fault::Count => "the frame has too many fields",
            Fault::Twice => "a field that may occur once occurs twice",
            Fault::Command => "the command is unknown",
            Fault::NotProvision => "the frame is not a PROVISION",
            Fault::Compressed => "the payload is compressed or encrypted",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Fault {}
