//! What waits for one device: bounded, so that a device that reads nothing costs nobody else anything.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::msync::jid;
use crate::queues::Queue;

/// A queued item on its way to a device: an encoded `Meta`.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) queue: Queue,
    pub(crate) id: u64,
    pub(crate) meta: Bytes,
}

/// Why a session is ended from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kick {
    UserRemoved,
    LoggedInElsewhere,
}

/// What a session is woken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Something waits in this queue.
    Notice(Queue),
    Kicked(Kick),
}

/// The mailbox of one device.
#[derive(Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<Queue, BTreeMap<u64, Bytes>>,
    notices: VecDeque<Queue>,
    kicked: Option<Kick>,
    letters: usize,
    bytes: usize,
}

impl Mailbox {
    /// False when there is no room left.
    pub(crate) fn put(&self, letter: &Letter) -> bool {
        let mut state = self.state.lock();
        let fits = state.letters < LETTERS_MAX && state.bytes + letter.meta.len() <= BYTES_MAX;
        if fits {
            state.put(letter);
            self.bell.notify_one();
        }
        fits
    }

    pub(crate) fn kick(&self, why: Kick) {
        self.state.lock().kicked = Some(why);
        self.bell.notify_one();
    }

    /// Waits for the next event. Nothing is lost when the wait is given up.
    pub(crate) async fn next(&self) -> Event {
        loop {
            if let Some(event) = self.state.lock().next() {
                return event;
            }
            self.bell.notified().await;
        }
    }

    /// The letters of a queue, in their order.
    pub(crate) fn letters(&self, queue: &Queue) -> Vec<(u64, Bytes)> {
        let state = self.state.lock();
        let letters = state.waiting.get(queue).into_iter().flatten();
        letters.map(|(id, meta)| (*id, meta.clone())).collect()
    }

    /// The queues that have letters, and the letters' ids.
    pub(crate) fn queues(&self) -> Vec<(Queue, Vec<u64>)> {
        let state = self.state.lock();
        let queues = state.waiting.iter();
        queues
            .map(|(queue, letters)| (queue.clone(), letters.keys().copied().collect()))
            .collect()
    }

    /// Drops what is from a user.
    pub(crate) fn forget(&self, user: &str) {
        let from_them = |queue: &Queue, meta: &[u8]| {
            *queue == Queue::Person(user.to_owned()) || jid::is_from(user, meta)
        };
        self.state.lock().drop_letters(from_them);
    }

    /// Drops the letters of a queue up to and including this id.
    pub(crate) fn acknowledge(&self, queue: &Queue, id: u64) {
        self.state.lock().acknowledge(queue, id);
    }
}

impl State {
    /// Drops the letters that are unwanted.
    fn drop_letters(&mut self, unwanted: impl Fn(&Queue, &[u8]) -> bool) {
        let (mut letters_left, mut bytes_left) = (0, 0);
        self.waiting.retain(|queue, letters| {
            letters.retain(|_, meta| !unwanted(queue, meta));
            letters_left += letters.len();
            bytes_left += letters.values().map(Bytes::len).sum::<usize>();
            !letters.is_empty()
        });
        (self.letters, self.bytes) = (letters_left, bytes_left);
    }

    fn put(&mut self, letter: &Letter) {
        let queue = self.waiting.entry(letter.queue.clone()).or_default();
        if queue.insert(letter.id, letter.meta.clone()).is_none() {
            self.letters += 1;
            self.bytes += letter.meta.len();
        }
        if !self.notices.contains(&letter.queue) {
            self.notices.push_back(letter.queue.clone());
        }
    }

    fn next(&mut self) -> Option<Event> {
        if let Some(why) = self.kicked {
            return Some(Event::Kicked(why));
        }
        self.notices.pop_front().map(Event::Notice)
    }

    fn acknowledge(&mut self, queue: &Queue, id: u64) {
        let Some(letters) = self.waiting.get_mut(queue) else {
            return;
        };
        let rest = id.checked_add(1).map(|next| letters.split_off(&next));
        let gone = std::mem::replace(letters, rest.unwrap_or_default());
        if letters.is_empty() {
            self.waiting.remove(queue);
        }
        self.letters -= gone.len();
        self.bytes -= gone.values().map(Bytes::len).sum::<usize>();
    }
}

/// What a device may leave unread before its session is closed; what was to be kept is kept for the next.
const LETTERS_MAX: usize = 1024;
const BYTES_MAX: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(from: &str, id: u64) -> Letter {
        Letter {
            queue: Queue::Person(from.to_owned()),
            id,
            meta: Bytes::from_static(b"meta"),
        }
    }

    #[tokio::test]
    async fn a_queue_is_told_of_once_until_it_was_heard() {
        let mailbox = Mailbox::default();
        assert!(mailbox.put(&letter("ann", 1)) && mailbox.put(&letter("ann", 2)));
        assert!(mailbox.put(&letter("eve", 3)));
        let ann = Queue::Person("ann".to_owned());
        assert_eq!(mailbox.next().await, Event::Notice(ann.clone()));
        assert_eq!(
            mailbox.next().await,
            Event::Notice(Queue::Person("eve".to_owned()))
        );
        assert!(mailbox.put(&letter("ann", 4)));
        assert_eq!(mailbox.next().await, Event::Notice(ann));
    }

    #[test]
    fn what_is_from_a_forgotten_user_goes_and_makes_room() {
        let mailbox = Mailbox::default();
        assert!(mailbox.put(&letter("ann", 1)) && mailbox.put(&letter("eve", 2)));
        mailbox.forget("ann");
        assert!(mailbox.letters(&Queue::Person("ann".to_owned())).is_empty());
        assert_eq!(mailbox.letters(&Queue::Person("eve".to_owned())).len(), 1);
        let state = mailbox.state.lock();
        assert_eq!((state.letters, state.bytes), (1, 4));
    }

    #[test]
    fn what_is_acknowledged_makes_room() {
        let mailbox = Mailbox::default();
        let max = LETTERS_MAX as u64;
        assert!((0..max).all(|id| mailbox.put(&letter("ann", id))));
        assert!(!mailbox.put(&letter("ann", max)));
        let ann = Queue::Person("ann".to_owned());
        mailbox.acknowledge(&ann, max - 2);
        assert_eq!(mailbox.letters(&ann).len(), 1);
        mailbox.acknowledge(&ann, u64::MAX);
        assert!(mailbox.queues().is_empty());
        assert_eq!(mailbox.state.lock().bytes, 0);
        assert!(mailbox.put(&letter("ann", max)));
    }
}
