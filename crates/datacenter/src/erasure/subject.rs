//! Whose data is erased, and which entries are theirs.

use serde::{Deserialize, Deserializer};

use crate::app_key::AppKey;
use crate::messages::{Message, Pointer};
use crate::roster::Roster;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::{Key, Span};
use crate::store::{Entry, Picked, StoreError, View};
use crate::{chatfiles, contacts, metadata, queues, users};

/// An App, or one of its users.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) app: AppKey,
    pub(super) user: Option<String>,
}

/// The body of the request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    app_key: String,
    /// Left out for the whole App; null is a mistake, and must not erase it.
    #[serde(default, deserialize_with = "text")]
    user_id: Option<String>,
}

fn text<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    String::deserialize(value).map(Some)
}

impl Subject {
    /// The faults quote nothing of the body, which may name somebody.
    pub(super) fn read(body: &[u8]) -> Result<Subject, Fault> {
        let asked: Asked = serde_json::from_slice(body).map_err(|_| NOT_THIS)?;
        let halves = asked.app_key.split_once('#');
        let app = halves.and_then(|(org, app)| AppKey::new(org, app));
        let user = asked.user_id;
        if user.as_ref().is_some_and(|user| !is_user(user)) {
            return Err(Fault::Illegal("user_id is not legal"));
        }
        Ok(Subject {
            app: app.ok_or(Fault::Illegal("app_key is none"))?,
            user,
        })
    }

    /// Where entries of a keyspace may be.
    pub(super) fn range(&self, keyspace: Keyspace) -> Span {
        match (&self.user, keyspace) {
            (Some(user), Keyspace::Users) => users::key(&self.app, user).below(),
            _ => Key::of(&self.app).below(),
        }
    }

    /// The next entries of theirs. All of an App's are, whether they can be opened or not.
    pub(super) fn pick(
        &self,
        view: &View<'_>,
        keyspace: Keyspace,
        range: &Span,
    ) -> Result<Picked, StoreError> {
        view.pick(keyspace, range, BATCH, |entry| match &self.user {
            None => Ok(true),
            Some(user) => self.concerns(view, user, keyspace, entry),
        })
    }

    fn concerns(
        &self,
        view: &View<'_>,
        user: &str,
        keyspace: Keyspace,
        entry: &Entry<'_>,
    ) -> Result<bool, StoreError> {
        let app = &self.app;
        match keyspace {
            Keyspace::Users => Ok(users::concerns(app, user, entry)),
            Keyspace::General => {
                let attributes = metadata::concerns(app, user, entry);
                Ok(attributes || contacts::concerns(app, user, entry)?)
            }
            Keyspace::QueuesOneToOne | Keyspace::QueuesGroup => {
                queues::concerns(view, app, user, entry)
            }
            Keyspace::Groups | Keyspace::Rooms => Ok(entry.open::<Roster>()?.has(user)),
            Keyspace::MessagesOneToOne | Keyspace::MessagesGroup | Keyspace::MessagesRoom => {
                Ok(entry.open::<Message>()?.concerns(user, keyspace))
            }
            Keyspace::Timeline => Ok(entry.open::<Pointer>()?.conversation.is_with(user)),
            Keyspace::Files => chatfiles::concerns(user, entry),
            Keyspace::Apps | Keyspace::Sweeps => Ok(false),
        }
    }
}

/// Whoever could be named as a sender.
fn is_user(user: &str) -> bool {
    !user.is_empty() && user.len() <= USER_MAX
}

const NOT_THIS: Fault =
    Fault::Illegal("the body is not an object of app_key and, if wanted, user_id");
const USER_MAX: usize = 255;
/// Entries that are looked at, and at most removed, in one transaction.
const BATCH: usize = 1000;
