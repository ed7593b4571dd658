//! After a new key: what older ones have sealed is sealed anew, in the background and at a bounded rate.
//!
//! Each value tells which key has sealed it, so no place is kept where a pass has stopped: the next one
//! looks at everything and has only the rest to do.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::centre::{Centre, Stop};
use crate::chatfiles;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::Span;
use crate::store::{Edit, StoreError, View};

/// How much each key of the file has sealed, newest first.
struct Tally {
    values: Vec<u64>,
    files: Vec<u64>,
    /// Sealed by none of them, or nothing that was sealed.
    unknown: u64,
}

/// One pass after the other until nothing is left of older keys, or the data centre stops.
pub(crate) async fn reseal(centre: Arc<Centre>, every: Duration, stop: Stop) {
    let working = async {
        loop {
            match centre.store.may_have_older() {
                Ok(false) => return,
                Ok(true) => pass_or_log(&centre).await,
                Err(error) => log(&error),
            }
            sleep(every).await;
        }
    };
    stop.soft.run_until_cancelled(working).await;
}

async fn pass_or_log(centre: &Centre) {
    let passed = async {
        let tally = pass(centre).await?;
        tally.log(centre);
        let marks = tally.marks(centre);
        let write = move |edit: &Edit<'_>| edit.keep_marks(&marks);
        Ok::<_, Fault>(centre.store.write::<_, StoreError, _>(write).await?)
    };
    if let Err(error) = passed.await {
        log(&error);
    }
}

fn log(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(
        error,
        "sealing under the newest key failed; it is tried again"
    );
}

async fn pass(centre: &Centre) -> Result<Tally, Fault> {
    let keys = centre.store.cipher().keys().len();
    let mut tally = Tally {
        values: vec![0; keys],
        files: vec![0; keys],
        unknown: 0,
    };
    for keyspace in Keyspace::ALL {
        values(centre, keyspace, &mut tally).await?;
    }
    files(centre, &mut tally).await?;
    Ok(tally)
}

async fn values(centre: &Centre, keyspace: Keyspace, tally: &mut Tally) -> Result<(), StoreError> {
    let mut from = Some(Vec::new());
    while let Some(place) = from {
        let look = move |view: &View<'_>| view.look(keyspace, &place, BATCH);
        let looked = centre.store.read::<_, StoreError, _>(look).await?;
        tally.values[0] += looked.fresh;
        tally.unknown += looked.unknown;
        from = looked.rest;
        if looked.stale.is_empty() {
            continue;
        }
        let stale = looked.stale.len();
        let write = move |edit: &Edit<'_>| edit.seal_anew(keyspace, &looked.stale);
        let closed = centre.store.write::<_, StoreError, _>(write).await?;
        tally.values[0] += (stale - closed.len()) as u64;
        for age in closed {
            tally.values[age] += 1;
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

async fn files(centre: &Centre, tally: &mut Tally) -> Result<(), Fault> {
    let mut span = Some(Span::all());
    while let Some(next) = span {
        let pick = move |view: &View<'_>| view.pick(Keyspace::Files, &next, BATCH, |_| Ok(true));
        let picked = centre.store.read::<_, StoreError, _>(pick).await?;
        for key in &picked.keys {
            match chatfiles::reseal(centre, key).await? {
                Some(age) => tally.files[age] += 1,
                None => tally.unknown += 1,
            }
        }
        span = picked.rest;
    }
    Ok(())
}

impl Tally {
    /// For the operator, who may take out the line of a key that has sealed nothing.
    fn log(&self, centre: &Centre) {
        let cipher = centre.store.cipher();
        let counts = self.values.iter().zip(&self.files);
        for (key, (values, files)) in cipher.keys().iter().zip(counts) {
            let key_id = &key.id;
            tracing::info!(key_id, values, files, "is what this key has sealed");
        }
        if self.unknown > 0 {
            let values = self.unknown;
            tracing::warn!(values, "values or files are damaged, or gone");
        }
    }

    /// Of the newest key, and of those that have sealed something.
    fn marks(&self, centre: &Centre) -> Vec<Vec<u8>> {
        let cipher = centre.store.cipher();
        let counts = self.values.iter().zip(&self.files);
        let keys = cipher.keys().into_iter().zip(counts).enumerate();
        let used = keys.filter(|(age, (_, counts))| *age == 0 || *counts != (&0, &0));
        used.map(|(_, (key, _))| key.mark).collect()
    }
}

/// Values in one transaction, at most, and what it waits between two: so 4,000 a second.
const BATCH: usize = 200;
pub(crate) const PAUSE: Duration = Duration::from_millis(50);
