//! How stored values are sealed, and keys hidden. What does it is `seal`.

use super::key::Key;

/// A part of the store that is sealed on its own: one for each channel, and what belongs to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Keyspace {
    Users,
    Groups,
    Rooms,
    MessagesOneToOne,
    MessagesGroup,
    MessagesRoom,
    /// Pointers to messages in the order of their time.
    Timeline,
    /// Uploaded files: what is known about them, and their content.
    Files,
    /// Contacts and user attributes.
    General,
    /// What waits for users who are not there, of people.
    QueuesOneToOne,
    /// The same, of groups.
    QueuesGroup,
    /// What is known of each App itself: how long its messages are kept.
    Apps,
    /// What sweeps have deleted, until a gateway has it in its audit log.
    Sweeps,
}

/// Seals every stored value and opens it again. `place` is where the value is kept; a value that was
/// moved elsewhere must not open.
pub(crate) trait Cipher: Send + Sync + 'static {
    fn seal(&self, keyspace: Keyspace, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, CipherError>;

    fn open(&self, keyspace: Keyspace, place: &[u8], sealed: &[u8])
    -> Result<Vec<u8>, CipherError>;

    /// Which of the keys has sealed a value: 0 is the newest. Nothing where it is none of them.
    fn age(&self, _sealed: &[u8]) -> Option<usize> {
        Some(0)
    }

    /// What is known of the keys, newest first.
    fn keys(&self) -> Vec<KeyName> {
        Vec::new()
    }

    /// How a key stands in the store. Fronts of a key must be fronts of this.
    fn place(&self, _keyspace: Keyspace, key: &Key) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// Tells one of the data centre's keys from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyName {
    /// As it is in front of what it has sealed.
    pub(crate) mark: Vec<u8>,
    /// As it is in the key file.
    pub(crate) id: String,
}

/// A value that can't be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    #[error("a value can't be sealed")]
    Seal,
    #[error("a stored value does not open")]
    Open,
}

/// Keeps values as they are.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clear;

#[cfg(test)]
impl Cipher for Clear {
    fn seal(&self, _: Keyspace, _: &[u8], plain: &[u8]) -> Result<Vec<u8>, CipherError> {
        Ok(plain.to_vec())
    }

    fn open(&self, _: Keyspace, _: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CipherError> {
        Ok(sealed.to_vec())
    }
}

impl Keyspace {
    pub(crate) const ALL: [Keyspace; 13] = [
        Keyspace::Users,
        Keyspace::Groups,
        Keyspace::Rooms,
        Keyspace::MessagesOneToOne,
        Keyspace::MessagesGroup,
        Keyspace::MessagesRoom,
        Keyspace::Timeline,
        Keyspace::Files,
        Keyspace::General,
        Keyspace::QueuesOneToOne,
        Keyspace::QueuesGroup,
        Keyspace::Apps,
        Keyspace::Sweeps,
    ];

    /// The table's name on disk; never changes.
    pub(crate) fn table_name(self) -> &'static str {
        match self {
            Keyspace::Users => "users",
            Keyspace::Groups => "groups",
            Keyspace::Rooms => "rooms",
            Keyspace::MessagesOneToOne => "messages_one_to_one",
            Keyspace::MessagesGroup => "messages_group",
            Keyspace::MessagesRoom => "messages_room",
            Keyspace::Timeline => "timeline",
            Keyspace::Files => "files",
            Keyspace::General => "general",
            Keyspace::QueuesOneToOne => "queues_one_to_one",
            Keyspace::QueuesGroup => "queues_group",
            Keyspace::Apps => "apps",
            Keyspace::Sweeps => "sweeps",
        }
    }
}
