//! JIDs: who and where, on the wire.

use prost::Message;

use super::schema::{Jid, Meta};
use crate::app_key::AppKey;
use crate::queues::Queue;

/// How a queue, a user, a group or a room is named.
pub(crate) fn of_queue(app: &AppKey, queue: &Queue) -> Jid {
    let domain = match queue {
        Queue::Person(_) => PEOPLE,
        Queue::Conference(_) => CONFERENCES,
    };
    Jid {
        app_key: Some(app.to_string()),
        name: Some(queue.name().to_owned()),
        domain: Some(domain.to_owned()),
        client_resource: None,
    }
}

/// What a JID of this App names; nothing when it is another App's, or is none.
pub(crate) fn queue(app: &AppKey, jid: &Jid) -> Option<Queue> {
    let own = jid
        .app_key
        .as_ref()
        .is_none_or(|key| *key == app.to_string());
    let name = jid.name.clone().filter(|name| is_name(name) && own)?;
    match jid.domain.as_deref() {
        None | Some(PEOPLE) => Some(Queue::Person(name)),
        Some(CONFERENCES) => Some(Queue::Conference(name)),
        Some(_) => None,
    }
}

/// Whether an encoded `Meta` says that it is from this user.
pub(crate) fn is_from(user: &str, meta: &[u8]) -> bool {
    let from = Meta::decode(meta).ok().and_then(|meta| meta.from);
    from.is_some_and(|from| from.name() == user)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_MAX
}

pub(crate) const PEOPLE: &str = "easemob.com";
pub(crate) const CONFERENCES: &str = "conference.easemob.com";
/// As REST has it for those who send and receive.
const NAME_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_jids_of_the_own_app_name_something() {
        let app = AppKey::new("acme", "chat").unwrap();
        let ann = Queue::Person("ann".to_owned());
        assert_eq!(queue(&app, &of_queue(&app, &ann)), Some(ann));
        let group = Queue::Conference("7".to_owned());
        let mut jid = of_queue(&app, &group);
        jid.app_key = None;
        assert_eq!(queue(&app, &jid), Some(group));
        jid.app_key = Some("acme#other".to_owned());
        assert_eq!(queue(&app, &jid), None);
        assert_eq!(queue(&app, &Jid::default()), None);
    }
}
