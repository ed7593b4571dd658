//! Pins and records: which App lives where, signed and sealed.
//!
//! | file | what |
//! |---|---|
//! | `known`, `locate` | what a gateway knows of an App, and the proof that it lives here |
//! | `lookup`, `memory`, `flight`, `loads` | look-ups, and what is remembered of them |
//! | `register`, `create`, `change`, `certificates`, `list`, `accounts`, `book` | the control plane's operations |
//! | `trust`, `distrust`, `pin`, `sealed_key`, `names` | what is believed of the store |
//! | `seal`, `record`, `account`, `aead`, `random` | what is sealed, and how |
//! | `keys`, `file_keys`, `probe`, `reseal` | who has the keys that seal and sign, and replacing one |
//! | `store`, `embedded`, `embedded_file`, `embedded_tables`, `writer`, `listeners` | where it is kept |
//! | `etcd/` | the same in etcd, for several machines |
//! | `transfer`, `embedded_import`, `reconcile` | a region's part out of a store and into one; what a lost commit left in the audit log |
//! | `chain`, `anchor`, `check`, `health` | rollback, and readiness |

mod account;
mod accounts;
mod aead;
mod anchor;
mod book;
mod certificates;
mod chain;
mod change;
mod check;
mod create;
mod distrust;
mod embedded;
mod embedded_file;
mod embedded_import;
mod embedded_tables;
mod etcd;
mod file_keys;
mod flight;
mod health;
mod keys;
mod known;
mod list;
mod listeners;
mod loads;
mod locate;
mod lookup;
mod memory;
mod names;
mod open;
mod pin;
mod probe;
mod random;
mod reconcile;
mod record;
mod register;
mod reseal;
mod seal;
mod sealed_key;
mod stats;
mod store;
mod transfer;
mod trust;
mod writer;

#[cfg(test)]
pub mod suite;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::mpsc;

pub use account::{Account, Role};
pub use accounts::{AccountError, NewAccount};
pub use anchor::AnchorError;
pub use certificates::{CertificateError, Patch, RevokeError};
pub use chain::Link;
pub use change::ChangeError;
pub use check::ensure_regions;
pub use distrust::Distrust;
pub use embedded::{EmbeddedError, EmbeddedStore};
pub use etcd::{
    Adding, EtcdAdmin, EtcdError, EtcdSetupError, EtcdStore, ROOT, RegionUser, Regions, SetUpError,
};
pub use file_keys::{BadKeys, FileKeys};
pub use health::{Health, Reason, State};
pub use keys::{Derived, KeyAnswer, KeyError, Keys, PublicPinKey};
pub use known::{
    App, AppLimits, AppLoad, AppName, AppRate, AuthMode, CertRole, Certificate, Home, Known, Plan,
    Status,
};
pub use list::{Page, Wanted};
pub use locate::{Addressed, LocateError, Locator, LookUpError, Pinned, Seen};
pub use names::{Hash, PinKind};
pub use open::{OpenError, Parts};
pub use probe::WrongKey;
pub use random::{NoRandomness, Randomness, SystemRandomness};
pub use reconcile::{PutBack, ReconcileError};
pub use register::{NewApp, PinBytes, RegisterError, Registered};
pub use reseal::{Census, ResealError, Sealed, Walk};
pub use seal::SealError;
pub use stats::{LookUpResult, Stats};
pub use store::{
    Asked, CommitError, Condition, Entry, Key, Listener, Place, Store, Txn, Unavailable,
};
pub use transfer::{
    Broken, Export, Import, ImportError, Importing, anchored, has_part, is_in_part,
};

use crate::config::Catalogue;
use crate::domain::{AppKey, Clock, RegionId};

/// One region's view of the registry, shared by all cores of a gateway.
pub struct Registry {
    region: RegionId,
    catalogue: Arc<Catalogue>,
    store: Arc<dyn Store>,
    sealer: seal::Sealer,
    signer: pin::Signer,
    anchor: anchor::Anchor,
    anchor_was_missing: bool,
    memory: Arc<memory::Memory>,
    facts: health::Facts,
    counters: stats::Counters,
    flights: flight::Flights<Hash, lookup::Reading>,
    checks: flight::Flights<(), ()>,
    book: ArcSwapOption<book::Book>,
    changed: Mutex<Option<mpsc::Receiver<AppKey>>>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

impl Registry {
    /// Whether the store can be asked and believed.
    pub fn state(&self) -> State {
        self.facts.state()
    }

    /// How many Apps it remembers.
    pub fn capacity(&self) -> u64 {
        self.memory.capacity()
    }

    /// What is wrong with the store right now, if it says.
    pub fn trouble(&self) -> Option<&'static str> {
        self.store.trouble()
    }

    /// Whether the anchor was missing when this was opened: the store was believed as it was.
    /// The caller warns, and puts it into the audit log.
    pub const fn anchor_was_missing(&self) -> bool {
        self.anchor_was_missing
    }

    pub const fn region(&self) -> &RegionId {
        &self.region
    }

    pub const fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    pub fn stats(&self) -> Stats {
        let (home_entries, elsewhere_entries, absent_entries) = self.memory.entries();
        Stats {
            home_entries,
            elsewhere_entries,
            absent_entries,
            lookups: self.counters.lookups(),
            distrusts: self.counters.distrusts(),
        }
    }

    /// Counts what does not verify, and says it to the operator (without naming the App).
    fn distrusted(&self, reason: Distrust) {
        if self.counters.distrusted(reason, self.clock.unix()) {
            let reason_code = reason.as_str();
            tracing::error!(
                reason = reason_code,
                "the registry is not believed: {reason}"
            );
        }
    }
}
