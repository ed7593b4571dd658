//! The erasure itself: pass by pass, until a look finds nothing.

use crate::centre::Centre;
use crate::erasure::subject::Subject;
use crate::erasure::tally::{Evidence, Tally};
use crate::messages::Pointer;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Edit, StoreError};
use crate::{chatfiles, roster};

/// Erases what the subject has here. What is written meanwhile is taken by the next pass.
pub(super) async fn run(centre: &Centre, subject: &Subject) -> Result<Evidence, Fault> {
    let _one = centre.erasing.lock().await;
    let started = centre.clock.unix_millis();
    let mut tally = Tally::new(&subject.app);
    let mut remaining = 0;
    for _ in 0..PASSES {
        pass(centre, subject, &mut tally).await?;
        remaining = count(centre, subject).await?;
        if remaining == 0 {
            break;
        }
    }
    if subject.user.is_none() {
        centre.retention.forget(&subject.app);
    }
    centre.blobs.sync().await?;
    centre.store.renew().await?;
    tally.evidence(remaining, started, centre.clock.unix_millis())
}

async fn pass(centre: &Centre, subject: &Subject, tally: &mut Tally) -> Result<(), Fault> {
    end_sessions(centre, subject, tally).await;
    for keyspace in ORDER {
        let mut range = Some(subject.range(keyspace));
        while let Some(next) = range {
            let asked = subject.clone();
            let pick = centre
                .store
                .read(move |view| asked.pick(view, keyspace, &next))
                .await;
            let picked = pick?;
            range = picked.rest;
            if !picked.keys.is_empty() {
                remove(centre, subject, keyspace, picked.keys, tally).await?;
            }
        }
    }
    Ok(())
}

async fn end_sessions(centre: &Centre, subject: &Subject, tally: &mut Tally) {
    let user = subject.user.as_deref();
    let ended = centre.sessions.end(&subject.app, user).await;
    tally.count("sessions", ended as u64);
    if let Some(user) = user {
        centre.sessions.forget(&subject.app, user);
    }
}

/// How many entries of theirs there are.
async fn count(centre: &Centre, subject: &Subject) -> Result<u64, StoreError> {
    let mut found = 0;
    for keyspace in ORDER {
        let mut range = Some(subject.range(keyspace));
        while let Some(next) = range {
            let asked = subject.clone();
            let pick = centre
                .store
                .read(move |view| asked.pick(view, keyspace, &next))
                .await;
            let picked = pick?;
            range = picked.rest;
            found += picked.keys.len() as u64;
        }
    }
    Ok(found)
}

async fn remove(
    centre: &Centre,
    subject: &Subject,
    keyspace: Keyspace,
    keys: Vec<Key>,
    tally: &mut Tally,
) -> Result<(), Fault> {
    let filing = match keyspace {
        Keyspace::Files => Some(centre.filing.lock().await),
        _ => None,
    };
    if filing.is_some() {
        for key in &keys {
            let erased = chatfiles::erase_content(centre, &subject.app, key).await?;
            tally.content(key, &erased);
        }
    }
    let subject = subject.clone();
    let write = move |edit: &Edit<'_>| remove_all(edit, &subject, keyspace, keys);
    let gone = centre.store.write::<_, StoreError, _>(write).await?;
    tally.count("memberships", gone.memberships);
    for (keyspace, key) in &gone.entries {
        tally.entry(*keyspace, key);
    }
    Ok(())
}

/// What one transaction has done.
#[derive(Default)]
struct Gone {
    entries: Vec<(Keyspace, Key)>,
    memberships: u64,
}

/// A message goes with the pointer to it. Of groups and rooms a user's name goes, and the rest stays.
fn remove_all(
    edit: &Edit<'_>,
    subject: &Subject,
    keyspace: Keyspace,
    keys: Vec<Key>,
) -> Result<Gone, StoreError> {
    let mut gone = Gone::default();
    for key in keys {
        match (keyspace, &subject.user) {
            (Keyspace::Groups | Keyspace::Rooms, Some(user)) => {
                let was_in = roster::redact(edit, keyspace, &key, user)?;
                gone.memberships += u64::from(was_in);
            }
            (
                Keyspace::MessagesOneToOne | Keyspace::MessagesGroup | Keyspace::MessagesRoom,
                Some(_),
            ) => {
                let pointer = key.last_id().map(|id| Pointer::key(&subject.app, id));
                gone.erase(edit, keyspace, key)?;
                if let Some(pointer) = pointer {
                    gone.erase(edit, Keyspace::Timeline, pointer)?;
                }
            }
            _ => gone.erase(edit, keyspace, key)?,
        }
    }
    Ok(gone)
}

impl Gone {
    fn erase(&mut self, edit: &Edit<'_>, keyspace: Keyspace, key: Key) -> Result<(), StoreError> {
        if edit.erase(keyspace, &key)? {
            self.entries.push((keyspace, key));
        }
        Ok(())
    }
}

/// The user first, so that nobody logs in any more; what waits before the messages that it points to.
const ORDER: [Keyspace; 13] = [
    Keyspace::Users,
    Keyspace::General,
    Keyspace::QueuesOneToOne,
    Keyspace::QueuesGroup,
    Keyspace::Groups,
    Keyspace::Rooms,
    Keyspace::MessagesOneToOne,
    Keyspace::MessagesGroup,
    Keyspace::MessagesRoom,
    Keyspace::Timeline,
    Keyspace::Files,
    Keyspace::Apps,
    Keyspace::Sweeps,
];
/// Passes before it is given up, and told how much remains.
const PASSES: usize = 16;
