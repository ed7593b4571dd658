//! The registry's protocol as a state machine, for stateright to exhaust (docs/model.md).
//!
//! Each step of a gateway here is one that the code takes: a read or a commit of the store, an
//! answer, a piece of news. What lies between two steps may happen in any order. Controls can be
//! left out one at a time ([`Rules`]), and the checker then shows what goes wrong.
//!
//! | file | what | the code it stands for |
//! |---|---|---|
//! | `size` | who is there, how often what may happen, which controls stand | |
//! | `store` | pins, records, chains, transactions | `registry/store.rs`, `chain.rs` |
//! | `trust` | what is believed of the store | `registry/trust.rs`, `check.rs`, `anchor.rs` |
//! | `gateway` | what one gateway remembers and hears | `registry/memory.rs`, `lookup.rs` |
//! | `control` | registering, changing, answering | `registry/register.rs`, `create.rs`, `change.rs` |
//! | `trouble` | crashes, outages, restores, reconciling, a hostile region | |
//! | `world` | all of it, and what may happen next | |
//! | `promise` | what must hold, and what must be possible | SPEC 2 |

mod control;
mod gateway;
mod promise;
mod size;
mod store;
mod trouble;
mod trust;
mod world;

pub use size::{FRANKFURT, HOSTILE, Often, Procedure, Rules, Size, VIRGINIA};
pub use world::{Protocol, Step, World};
