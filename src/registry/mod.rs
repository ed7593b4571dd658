//! Pins and records: which App lives where, signed and sealed.

mod known;
mod locate;

pub use known::{
    App, AppLimits, AppLoad, AppName, AppRate, AuthMode, CertRole, Certificate, Home, Known, Plan, Status,
};
pub use locate::{Addressed, LocateError, Locator, LookUpError, Pinned, Seen};

use std::sync::Arc;

/// One region's view of the registry, shared by all cores of a gateway.
pub struct Registry {}

impl Registry {
    /// Whose App is this? `None`: nobody registered it.
    ///
    /// # Errors
    /// When the registry cannot be asked, or its answer does not verify.
    pub async fn look_up(&self, _name: AppName) -> Result<Option<Arc<Known>>, LookUpError> {
        Err(LookUpError::Unavailable)
    }
}
