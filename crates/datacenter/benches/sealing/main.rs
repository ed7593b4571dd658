//! What sealing costs the data centre's store: messages, queues and files, through a store that seals and
//! through one that does not, in turns. `cargo bench -p datacenter --bench sealing`.
//!
//! The data centre itself has no way to leave its seal out. So its sources are compiled here once more,
//! beside a cipher that copies.

#![allow(
    dead_code,
    unused_imports,
    reason = "most of the data centre is not asked for anything"
)]
#![allow(clippy::unwrap_used, reason = "a bench's own helpers")]
#![expect(
    clippy::print_stdout,
    reason = "a bench says what it found, for people"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures time that passes"
)]

#[path = "../../src/access_token_2.rs"]
mod access_token_2;
#[path = "../../src/app_key.rs"]
mod app_key;
#[path = "../../src/blobs.rs"]
mod blobs;
#[path = "../../src/centre.rs"]
mod centre;
#[path = "../../src/chatfiles.rs"]
mod chatfiles;
#[path = "../../src/contacts.rs"]
mod contacts;
#[path = "../../src/erasure/mod.rs"]
mod erasure;
#[path = "../../src/groups.rs"]
mod groups;
#[path = "../../src/history.rs"]
mod history;
#[path = "../../src/live.rs"]
mod live;
#[path = "../../src/mailbox.rs"]
mod mailbox;
#[path = "../../src/messages.rs"]
mod messages;
#[path = "../../src/metadata.rs"]
mod metadata;
#[path = "../../src/msync/mod.rs"]
mod msync;
#[path = "../../src/page.rs"]
mod page;
#[path = "../../src/path.rs"]
mod path;
#[path = "../../src/post.rs"]
mod post;
#[path = "../../src/queues.rs"]
mod queues;
#[path = "../../src/reseal.rs"]
mod reseal;
#[path = "../../src/retention/mod.rs"]
mod retention;
#[path = "../../src/roaming.rs"]
mod roaming;
#[path = "../../src/rooms.rs"]
mod rooms;
#[path = "../../src/roster.rs"]
mod roster;
#[path = "../../src/routes.rs"]
mod routes;
#[path = "../../src/server/mod.rs"]
mod server;
#[path = "../../src/settings.rs"]
mod settings;
#[path = "../../src/store/mod.rs"]
mod store;
#[path = "../../src/token.rs"]
mod token;
#[path = "../../src/users.rs"]
mod users;
#[path = "../../src/wipe.rs"]
mod wipe;

mod load;
mod run;

use std::sync::Arc;

use run::{Figures, run};
use store::cipher::{Cipher, CipherError, Keyspace};

/// Copies, as long as the other: what is left of the time is the store's.
struct Clear;

impl Cipher for Clear {
    fn seal(&self, _: Keyspace, _: &[u8], plain: &[u8]) -> Result<Vec<u8>, CipherError> {
        Ok(plain.to_vec())
    }

    fn open(&self, _: Keyspace, _: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CipherError> {
        Ok(sealed.to_vec())
    }
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let (mut clear, mut sealed) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Who goes first has the colder machine, so they change places.
        if round % 2 == 0 {
            clear.push(run(Some(Arc::new(Clear))).await);
            sealed.push(run(None).await);
        } else {
            sealed.push(run(None).await);
            clear.push(run(Some(Arc::new(Clear))).await);
        }
    }
    println!("| median of {ROUNDS} | clear | sealed | ratio | min–max |");
    println!("|---|--:|--:|--:|--:|");
    for (at, name) in Figures::NAMES.iter().enumerate() {
        row(name, &column(&clear, at), &column(&sealed, at));
    }
}

fn column(all: &[Figures], at: usize) -> Vec<f64> {
    all.iter().map(|figures| figures.0[at]).collect()
}

fn row(name: &str, clear: &[f64], sealed: &[f64]) {
    let ratios: Vec<f64> = sealed.iter().zip(clear).map(|(s, c)| s / c).collect();
    let (low, high) = (at_rank(&ratios, 0), at_rank(&ratios, ratios.len() - 1));
    let [clear, sealed, ratio] = [clear, sealed, &ratios].map(median);
    println!("| {name} | {clear:.1} | {sealed:.1} | {ratio:.2} | {low:.2}–{high:.2} |");
}

fn median(all: impl AsRef<[f64]>) -> f64 {
    at_rank(all.as_ref(), all.as_ref().len() / 2)
}

fn at_rank(all: &[f64], rank: usize) -> f64 {
    let mut all = all.to_vec();
    all.sort_by(f64::total_cmp);
    all[rank]
}

const ROUNDS: usize = 9;
