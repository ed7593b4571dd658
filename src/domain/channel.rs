//! The isolated data channels of the service.

use std::fmt;

/// Which data channel a request belongs to. Each has its own pool and bulkhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    OneToOne,
    Group,
    Room,
    /// What belongs to no chat type: accounts, tokens, files without a chat type.
    General,
}

impl Channel {
    pub const ALL: [Self; 4] = [Self::OneToOne, Self::Group, Self::Room, Self::General];

    /// The name in headers, metrics and configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneToOne => "one_to_one",
            Self::Group => "group",
            Self::Room => "room",
            Self::General => "general",
        }
    }

    /// The position in [`Channel::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
