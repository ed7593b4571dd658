//! How SDK sessions travel.

/// What carries MSYNC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One binary message of a WebSocket (RFC 6455) is one frame.
    Websocket,
    /// Four bytes of length, big-endian, before each frame, over TCP.
    Msync,
}

impl Transport {
    pub const ALL: [Self; 2] = [Self::Websocket, Self::Msync];

    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Websocket => "websocket",
            Self::Msync => "msync",
        }
    }

    /// The position in [`Transport::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}
