//! Brings what is sent to those it is for: into their stored queues, and to their devices.

use std::sync::Arc;

use bytes::Bytes;

use crate::app_key::AppKey;
use crate::live::{Live, Sessions};
use crate::mailbox::Letter;
use crate::messages::Conversation;
use crate::queues::{self, Item, Queue, Waiting};
use crate::roster::{self, Roster};
use crate::store::cipher::Keyspace;
use crate::store::{Edit, StoreError};
use crate::users;

/// Something sent to a conversation.
pub(crate) struct Post<'a> {
    pub(crate) app: &'a AppKey,
    pub(crate) from: &'a str,
    pub(crate) conversation: &'a Conversation,
    pub(crate) id: u64,
    /// What is kept for those who are not there; nothing is when only those who are shall have it.
    pub(crate) item: Option<Item>,
    /// Only these members, when there are any names.
    pub(crate) only: &'a [String],
    /// The encoded `Meta`.
    pub(crate) meta: Bytes,
}

/// What is to be done once the transaction is committed.
pub(crate) struct Delivery {
    app: AppKey,
    letters: Vec<(String, Letter)>,
}

/// Queues a post for everybody it is for. A room's is for those only who are there; what is too large
/// for the wire is in the history alone.
pub(crate) fn queue(edit: &Edit<'_>, post: &Post<'_>) -> Result<Delivery, StoreError> {
    let mut delivery = Delivery {
        app: post.app.clone(),
        letters: Vec::new(),
    };
    if post.meta.len() > META_MAX {
        return Ok(delivery);
    }
    for (user, queue) in recipients(edit, post)? {
        if user != post.from {
            keep(edit, post, &user, &queue)?;
        }
        let letter = Letter {
            queue,
            id: post.id,
            meta: post.meta.clone(),
        };
        delivery.letters.push((user, letter));
    }
    Ok(delivery)
}

impl Delivery {
    /// A letter for the devices of these users, that nobody else will ever see.
    pub(crate) fn passing(app: &AppKey, users: Vec<String>, letter: &Letter) -> Delivery {
        let letters = users.into_iter().map(|user| (user, letter.clone()));
        Delivery {
            app: app.clone(),
            letters: letters.collect(),
        }
    }

    /// Puts the letters into the devices' mailboxes, but for the device that sent them.
    pub(crate) fn deliver(self, sessions: &Sessions, sender: Option<&Arc<Live>>) {
        for (user, letter) in &self.letters {
            sessions.deliver(&self.app, user, letter, sender);
        }
    }
}

fn keep(edit: &Edit<'_>, post: &Post<'_>, user: &str, queue: &Queue) -> Result<(), StoreError> {
    let kept = !matches!(post.conversation, Conversation::Room(_));
    let item = post.item.as_ref().filter(|_| kept);
    let Some(item) = item else { return Ok(()) };
    if !users::exists(edit, post.app, user)? {
        return Ok(());
    }
    let waiting = Waiting {
        queue: queue.clone(),
        id: post.id,
        item: item.clone(),
    };
    queues::add(edit, post.app, user, &waiting)
}

/// Users and the queue of theirs that it goes to. The sender's own devices are among them.
fn recipients(edit: &Edit<'_>, post: &Post<'_>) -> Result<Vec<(String, Queue)>, StoreError> {
    let (kind, id) = match post.conversation {
        Conversation::OneToOne(low, high) => {
            return Ok(two(post.from, if low == post.from { high } else { low }));
        }
        Conversation::Group(id) => (Keyspace::Groups, id),
        Conversation::Room(id) => (Keyspace::Rooms, id),
    };
    let roster: Option<Roster> = edit.get(kind, &roster::key(post.app, id))?;
    let members = roster.map(Roster::into_all).unwrap_or_default();
    let wanted = |member: &String| post.only.is_empty() || post.only.contains(member);
    let wanted = members.into_iter().filter(wanted);
    Ok(wanted
        .map(|member| (member, Queue::Conference(id.clone())))
        .collect())
}

fn two(from: &str, to: &str) -> Vec<(String, Queue)> {
    let mut both = vec![(to.to_owned(), Queue::Person(from.to_owned()))];
    if from != to {
        both.push((from.to_owned(), Queue::Person(to.to_owned())));
    }
    both
}

/// Larger ones would not fit into a message of the wire (1 MiB) together with what is around them.
pub(crate) const META_MAX: usize = 1024 * 1024 - 4096;
