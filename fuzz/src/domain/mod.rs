//! What `call` knows of `domicile::domain`.

#[path = "../../../src/domain/app.rs"]
mod app;
#[path = "../../../src/domain/channel.rs"]
mod channel;
#[path = "../../../src/domain/region.rs"]
mod region;

pub use app::{AppId, AppIdError, AppKey, AppKeyError};
pub use channel::Channel;
pub use region::{RegionId, ZoneId};
