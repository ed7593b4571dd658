//! The words of the field: App IDs, AppKeys, regions, zones, channels, time.
//!
//! Values are parsed once, at the edge, and stay valid by their type from there on.

mod app;
mod channel;
mod clock;
mod code;
mod region;
mod token;
mod transport;

pub use app::{AppId, AppIdError, AppKey, AppKeyError};
pub use channel::Channel;
pub use clock::{Clock, ManualClock, SystemClock};
pub use code::Code;
pub use region::{NameError, RegionId, ZoneId};
pub use token::{BearerToken, Holder};
pub use transport::Transport;
