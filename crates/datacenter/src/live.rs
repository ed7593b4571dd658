//! Who is logged in, and what waits for whom in memory.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app_key::AppKey;
use crate::mailbox::{Kick, Letter, Mailbox};

/// The sessions of all Apps.
#[derive(Default)]
pub(crate) struct Sessions {
    all: Mutex<HashMap<User, Vec<Arc<Live>>>>,
    left: Notify,
}

/// The App, and the name.
type User = (AppKey, String);

/// One device that is logged in.
pub(crate) struct Live {
    pub(crate) app: AppKey,
    pub(crate) name: String,
    pub(crate) resource: String,
    pub(crate) mailbox: Mailbox,
    /// Cancelled when the device does not take what is sent to it.
    pub(crate) stuck: CancellationToken,
}

impl Sessions {
    /// Enters a device; one of the same name that is logged in already is told so and has to go.
    pub(crate) fn enter(&self, app: AppKey, name: String, resource: String) -> Arc<Live> {
        let live = Arc::new(Live {
            app: app.clone(),
            name: name.clone(),
            resource,
            mailbox: Mailbox::default(),
            stuck: CancellationToken::new(),
        });
        let mut all = self.all.lock();
        let devices = all.entry((app, name)).or_default();
        devices.retain(|other| {
            let same = other.resource == live.resource;
            if same {
                other.mailbox.kick(Kick::LoggedInElsewhere);
            }
            !same
        });
        devices.push(live.clone());
        live
    }

    pub(crate) fn leave(&self, live: &Arc<Live>) {
        let key = (live.app.clone(), live.name.clone());
        let mut all = self.all.lock();
        if let Some(devices) = all.get_mut(&key) {
            devices.retain(|other| !Arc::ptr_eq(other, live));
            if devices.is_empty() {
                all.remove(&key);
            }
        }
        self.left.notify_waiters();
    }

    /// Ends the sessions of a user, or of all of an App, and waits until they have. Says how many.
    pub(crate) async fn end(&self, app: &AppKey, user: Option<&str>) -> usize {
        let ending = self.select(app, user);
        for live in &ending {
            live.mailbox.kick(Kick::UserRemoved);
        }
        if timeout(FAREWELL, self.gone(&ending)).await.is_err() {
            ending.iter().for_each(|live| live.stuck.cancel());
            self.gone(&ending).await;
        }
        ending.len()
    }

    /// Drops what waits in the mailboxes of an App and is from this user.
    pub(crate) fn forget(&self, app: &AppKey, user: &str) {
        for live in self.select(app, None) {
            live.mailbox.forget(user);
        }
    }

    fn select(&self, app: &AppKey, user: Option<&str>) -> Vec<Arc<Live>> {
        let all = self.all.lock();
        let wanted = all
            .iter()
            .filter(|((own, name), _)| own == app && user.is_none_or(|user| user == name));
        wanted.flat_map(|(_, devices)| devices).cloned().collect()
    }

    async fn gone(&self, sessions: &[Arc<Live>]) {
        loop {
            let mut left = pin!(self.left.notified());
            left.as_mut().enable();
            if !sessions.iter().any(|live| self.is_there(live)) {
                return;
            }
            left.await;
        }
    }

    fn is_there(&self, live: &Arc<Live>) -> bool {
        let devices = self.of(&live.app, &live.name);
        devices.iter().any(|other| Arc::ptr_eq(other, live))
    }

    /// The devices of a user.
    pub(crate) fn of(&self, app: &AppKey, name: &str) -> Vec<Arc<Live>> {
        let key = (app.clone(), name.to_owned());
        self.all.lock().get(&key).cloned().unwrap_or_default()
    }

    /// Ends all sessions of a user.
    pub(crate) fn kick(&self, app: &AppKey, name: &str, why: Kick) {
        for live in self.of(app, name) {
            live.mailbox.kick(why);
        }
    }

    /// Puts a letter into the mailboxes of a user's devices, but for the one that sent it.
    pub(crate) fn deliver(
        &self,
        app: &AppKey,
        name: &str,
        letter: &Letter,
        except: Option<&Arc<Live>>,
    ) {
        for live in self.of(app, name) {
            let sender = except.is_some_and(|sender| Arc::ptr_eq(sender, &live));
            if !sender && !live.mailbox.put(letter) {
                live.stuck.cancel();
            }
        }
    }
}

/// How long a session that is ended may take to say so to its device.
const FAREWELL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_logged_in_once() {
        let sessions = Sessions::default();
        let app = AppKey::new("acme", "chat").unwrap();
        let enter = |resource: &str| sessions.enter(app.clone(), "ann".into(), resource.into());
        let first = enter("phone");
        let (other, second) = (enter("web"), enter("phone"));
        assert_eq!(sessions.of(&app, "ann").len(), 2);
        // The first one leaves late and takes nobody with it.
        sessions.leave(&first);
        assert_eq!(sessions.of(&app, "ann").len(), 2);
        sessions.leave(&second);
        sessions.leave(&other);
        assert!(sessions.all.lock().is_empty());
    }
}
