//! Words of the protocol: commands, channels, status codes.

/// `MSync.command`: what the payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Messages and their acknowledgements; also when the field is absent.
    Sync,
    /// What waits in which queue; with an empty payload the heart-beat.
    Unread,
    /// Something waits in a queue.
    Notice,
    /// Logging in.
    Provision,
    /// Logging out.
    Logout,
}

impl Command {
    /// The command of a number on the wire; `None` for one that is not of the protocol.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Command> {
        match number {
            0 => Some(Command::Sync),
            1 => Some(Command::Unread),
            2 => Some(Command::Notice),
            3 => Some(Command::Provision),
            4 => Some(Command::Logout),
            _ => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Command::Sync => 0,
            Command::Unread => 1,
            Command::Notice => 2,
            Command::Provision => 3,
            Command::Logout => 4,
        }
    }
}

/// The isolated channel a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Channel {
    /// One-to-one chat.
    OneToOne,
    /// Group chat.
    Group,
    /// Chat room.
    Room,
    /// What belongs to no chat type.
    #[default]
    General,
}

/// `Status.error_code`: how an answer went. The SDKs' reactions: section 1.5 of the protocol facts.
pub mod status {
    /// All is well.
    pub const OK: i32 = 0;
    /// Failed for the reason given.
    pub const FAIL: i32 = 1;
    /// Not authenticated.
    pub const UNAUTHORIZED: i32 = 2;
    /// Something is missing.
    pub const MISSING_PARAMETER: i32 = 3;
    /// Something is malformed.
    pub const WRONG_PARAMETER: i32 = 4;
    /// Go elsewhere: native SDKs would follow it, so it must never pass.
    pub const REDIRECT: i32 = 5;
    /// The token is over.
    pub const TOKEN_EXPIRED: i32 = 6;
    /// Not allowed.
    pub const PERMISSION_DENIED: i32 = 7;
    /// There is no way to this App from here; the SDK shows the reason's text.
    pub const NO_ROUTE: i32 = 8;
    /// Unknown command.
    pub const UNKNOWN_COMMAND: i32 = 9;
    /// The frame can't be parsed.
    pub const PB_PARSER_ERROR: i32 = 10;
    /// The App is not served.
    pub const IM_FORBIDDEN: i32 = 12;
    /// The user is muted.
    pub const USER_MUTED: i32 = 15;
    /// Encryption is not available.
    pub const ENCRYPT_DISABLE: i32 = 16;
    /// Not allowed by a policy outside; the SDK shows the reason's text.
    pub const PERMISSION_DENIED_EXTERNAL: i32 = 19;
}
