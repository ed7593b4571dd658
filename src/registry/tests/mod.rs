pub mod control;
mod embedded;
pub mod kit;
pub mod outage;
mod properties;
pub mod races;
pub mod rollback;
pub mod untrusted;
mod wrappers;
