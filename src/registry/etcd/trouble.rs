//! What is wrong with etcd, said once and not for each request.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::error::EtcdError;

#[derive(Default)]
pub(super) struct Troubles(Mutex<Option<Trouble>>);

struct Trouble {
    error: EtcdError,
    said: Instant,
}

/// How often the same is said again.
const AGAIN: Duration = Duration::from_secs(10);

impl Troubles {
    /// Notes it, and says it to the operator if it is new, or is going on.
    pub(super) fn met(&self, doing: &'static str, error: &EtcdError) {
        let mut trouble = self.0.lock();
        let was_said = |t: &Trouble| t.error == *error && t.said.elapsed() < AGAIN;
        if trouble.as_ref().is_some_and(was_said) {
            return;
        }
        tracing::error!(doing, %error, "the registry's etcd cannot be used");
        *trouble = Some(Trouble {
            error: error.clone(),
            said: Instant::now(),
        });
    }

    /// It answers.
    pub(super) fn over(&self) {
        if self.0.lock().take().is_some() {
            tracing::info!("the registry's etcd answers again");
        }
    }

    pub(super) fn brief(&self) -> Option<&'static str> {
        self.0.lock().as_ref().map(|t| t.error.brief())
    }
}
