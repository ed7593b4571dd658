//! Whether any member answers. While none does, those who ask are told so at once: each would wait
//! for seconds to find out the same.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::error::EtcdError;

#[derive(Default)]
pub(super) struct Absence(Mutex<Option<Away>>);

struct Away {
    error: EtcdError,
    /// When the next one may find out whether it is over.
    next: Instant,
}

/// What a call is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Errand {
    Call,
    /// To find out whether a member answers again.
    Scout,
}

/// From one scout to the next. It need not be back: one that met a silent member is long away.
const PAUSE: Duration = Duration::from_millis(300);

impl Absence {
    /// What a call may be for now; why etcd was away a moment ago, if nothing is to be tried.
    pub(super) fn errand(&self) -> Result<Errand, EtcdError> {
        let mut away = self.0.lock();
        let now = Instant::now();
        match &mut *away {
            None => Ok(Errand::Call),
            Some(away) if now < away.next => Err(away.error.clone()),
            Some(away) => {
                away.next = now + PAUSE;
                Ok(Errand::Scout)
            }
        }
    }

    /// A member has answered, whatever it said.
    pub(super) fn is_over(&self) {
        self.0.lock().take();
    }

    /// None has.
    pub(super) fn goes_on(&self, error: &EtcdError) {
        *self.0.lock() = Some(Away {
            error: error.clone(),
            next: Instant::now() + PAUSE,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn now_and_then_one_finds_out_whether_it_is_over() {
        let absence = Absence::default();
        assert_eq!(absence.errand(), Ok(Errand::Call));
        absence.goes_on(&EtcdError::Broken);
        assert_eq!(absence.errand(), Err(EtcdError::Broken));
        tokio::time::advance(PAUSE).await;
        assert_eq!(absence.errand(), Ok(Errand::Scout));
        assert_eq!(
            absence.errand(),
            Err(EtcdError::Broken),
            "one is on its way"
        );
        tokio::time::advance(PAUSE).await;
        assert_eq!(absence.errand(), Ok(Errand::Scout), "it is long away");
        absence.goes_on(&EtcdError::Busy);
        assert_eq!(absence.errand(), Err(EtcdError::Busy));
        absence.is_over();
        assert_eq!(absence.errand(), Ok(Errand::Call));
    }
}
