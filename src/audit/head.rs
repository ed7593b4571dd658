//! What of the log is published: how much of it there is, and the signed word for it.

use std::sync::Arc;

use parking_lot::Mutex;

/// The newest checkpoint. The writer moves it forward, readers look at it.
#[derive(Clone)]
pub(super) struct Published(Arc<Mutex<Head>>);

#[derive(Debug, Clone)]
pub(super) struct Head {
    /// Entries.
    pub size: u64,
    /// The signed note.
    pub note: Arc<str>,
    /// When it was written, in unix seconds.
    pub time: u64,
}

impl Published {
    pub fn new(head: Head) -> Self {
        Self(Arc::new(Mutex::new(head)))
    }

    pub fn head(&self) -> Head {
        self.0.lock().clone()
    }

    pub fn size(&self) -> u64 {
        self.0.lock().size
    }

    pub fn move_to(&self, head: Head) {
        *self.0.lock() = head;
    }
}
