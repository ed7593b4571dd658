//! The admin API: the control plane of one region, JSON over TLS.
//!
//! It knows the registry and the audit log, and nothing of traffic. One resource a file. A call
//! goes: key (401, 429) -> role (403) -> fields (422) -> the App (404, 410, 421, ...) -> the audit
//! log's `begun` -> the act -> the audit log's `done` -> the answer.

mod accounts;
mod apps;
mod audit;
mod auth;
mod body;
mod certificates;
mod endpoints;
mod erasure;
mod etag;
mod key;
mod migration;
mod openapi;
mod owner;
mod page;
mod path;
mod permission;
mod problem;
mod refusal;
mod regions;
mod register;
mod router;
pub mod salt;
mod schema;
mod settings;
mod standing;
mod state;
mod sweep;
mod tokens;
mod user_id;
mod users;
mod view;
mod words;

pub use accounts::name as account_name;
pub use auth::PeerAddr;
pub use endpoints::Endpoints;
pub use erasure::{Erased, Eraser, NotErased, Subject};
pub use key::{AdminKey, KeyHash};
pub use owner::{AdoptError, Adopted, OwnerFile, adopt_owner};
pub use problem::RefusalCode;
pub use refusal::REFUSAL_CODES;
pub use router::router;
pub use state::{AdminEvents, AdminState, TokenRules, ZoneHealth};
pub use sweep::{SweepError, sweep_accounts};
pub use user_id::warnings;
pub use view::rfc3339 as expires_at;

#[cfg(test)]
pub(crate) mod bench;
#[cfg(test)]
mod tests;
