//! The route table (SPEC 6.3) as data: each route's channel and the privilege it demands.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use http::Method;

use super::query::{QueryError, single};
use crate::domain::Channel;

/// The token that a route demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// `POST token`: a valid token, and a grant that is allowed (SPEC 6.4).
    Grant,
    /// Any valid token.
    Any,
    /// A user token of the user in the path, or an App token.
    SelfUser,
    /// An App token.
    App,
}

/// Which size limit a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Body,
    File,
}

/// What the table says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    pub channel: Channel,
    pub need: Need,
    pub size: Size,
    /// The row's pattern, for logs: never the path itself.
    pub template: &'static str,
    /// The user that `{u}` stands for.
    pub user: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy)]
enum In {
    One(Channel),
    /// By the query parameter `chat-type`.
    ChatType,
}

/// A row: a method or any, a pattern, a channel, a need. `{u}` is the user, `{}` any segment;
/// a pattern that ends in `*` also matches everything below it.
struct Row(Option<Method>, &'static str, In, Need);

const GENERAL: In = In::One(Channel::General);
const ONE: In = In::One(Channel::OneToOne);
const GROUP: In = In::One(Channel::Group);
const ROOM: In = In::One(Channel::Room);

const TABLE: &[Row] = &[
    Row(Some(Method::POST), "token", GENERAL, Need::Grant),
    Row(None, "messages/users*", ONE, Need::App),
    Row(None, "messages/chatgroups*", GROUP, Need::App),
    Row(None, "messages/chatrooms*", ROOM, Need::App),
    Row(None, "messages", GENERAL, Need::App),
    Row(None, "messages/recall", GENERAL, Need::App),
    Row(None, "messages/rewrite/{}", GENERAL, Need::App),
    Row(None, "chatmessages*", GENERAL, Need::App),
    Row(None, "mutes*", GENERAL, Need::App),
    Row(None, "push*", GENERAL, Need::App),
    Row(None, "notification/template*", GENERAL, Need::App),
    Row(None, "users", GENERAL, Need::App),
    Row(None, "users/{u}/contacts*", ONE, Need::SelfUser),
    Row(None, "users/{u}/blocks*", ONE, Need::SelfUser),
    Row(None, "users/{u}/offline_msg_count", ONE, Need::SelfUser),
    Row(None, "users/{u}/offline_msg_status*", ONE, Need::SelfUser),
    Row(None, "users/{u}/joined_chatgroups*", GROUP, Need::SelfUser),
    Row(None, "users/{u}/joined_chatrooms*", ROOM, Need::SelfUser),
    Row(Some(Method::GET), "users/{u}", GENERAL, Need::Any),
    Row(Some(Method::GET), "metadata/user/{u}", GENERAL, Need::Any),
    Row(Some(Method::POST), "metadata/user/get", GENERAL, Need::Any),
    Row(None, "users/{u}*", GENERAL, Need::SelfUser),
    Row(None, "sdk/users/{u}*", GENERAL, Need::SelfUser),
    Row(None, "sdk/user/{u}*", GENERAL, Need::SelfUser),
    Row(None, "user/{u}*", GENERAL, Need::SelfUser),
    Row(None, "reaction/user/{u}*", GENERAL, Need::SelfUser),
    Row(None, "metadata/user/{u}*", GENERAL, Need::SelfUser),
    Row(
        None,
        "sdk/message/roaming/user/{u}*",
        GENERAL,
        Need::SelfUser,
    ),
    Row(
        None,
        "sdk/message/roaming/chat/user/{u}*",
        ONE,
        Need::SelfUser,
    ),
    Row(
        None,
        "sdk/message/roaming/group/user/{u}*",
        GROUP,
        Need::SelfUser,
    ),
    Row(None, "chatgroups/user/{u}*", GROUP, Need::SelfUser),
    Row(None, "threads/user/{u}*", GROUP, Need::SelfUser),
    Row(
        None,
        "threads/chatgroups/{}/user/{u}*",
        GROUP,
        Need::SelfUser,
    ),
    Row(None, "chatgroups*", GROUP, Need::Any),
    Row(None, "sdk/chatgroups*", GROUP, Need::Any),
    Row(None, "publicchatgroups*", GROUP, Need::Any),
    Row(None, "thread*", GROUP, Need::Any),
    Row(None, "threads*", GROUP, Need::Any),
    Row(None, "metadata/chatgroup*", GROUP, Need::Any),
    Row(None, "sdk/metadata/chatgroup*", GROUP, Need::Any),
    Row(None, "chatrooms/super_admin*", ROOM, Need::App),
    Row(None, "metadata/chatroom/{}/user/{u}*", ROOM, Need::SelfUser),
    Row(None, "chatrooms*", ROOM, Need::Any),
    Row(None, "sdk/chatrooms*", ROOM, Need::Any),
    Row(None, "metadata/chatroom*", ROOM, Need::Any),
    Row(None, "chatfiles*", In::ChatType, Need::Any),
    Row(None, "sdk/chatfiles*", In::ChatType, Need::Any),
    Row(None, "rtc_mapper*", GENERAL, Need::Any),
];

/// The template of what no row names: an App token is needed.
const ANYTHING_ELSE: &str = "other";

/// Every template of the table, with its need and channel, for the tests that must cover each.
pub fn templates() -> impl Iterator<Item = (Option<Method>, &'static str, Need)> {
    TABLE
        .iter()
        .map(|row| (row.0.clone(), row.1, row.3))
        .chain(std::iter::once((None, ANYTHING_ELSE, Need::App)))
}

#[derive(Debug)]
enum Part {
    Literal(&'static str),
    User,
    Any,
}

struct Route {
    row: &'static Row,
    parts: Vec<Part>,
    /// Whether everything below matches too.
    open: bool,
    literals: usize,
}

/// The table by its first segment, the row that wins first.
static ROUTES: LazyLock<HashMap<&str, Vec<Route>, RandomState>> = LazyLock::new(|| {
    let mut routes: HashMap<&str, Vec<Route>, RandomState> = HashMap::default();
    for row in TABLE {
        let first = row.1.split(['/', '*']).next().unwrap_or_default();
        routes.entry(first).or_default().push(Route::new(row));
    }
    for below in routes.values_mut() {
        below.sort_by_key(|route| std::cmp::Reverse(route.rank()));
    }
    routes
});

impl Route {
    fn new(row: &'static Row) -> Self {
        let pattern = row.1.strip_suffix('*');
        let parts: Vec<Part> = pattern.unwrap_or(row.1).split('/').map(Part::new).collect();
        let is_literal = |part: &&Part| matches!(part, Part::Literal(_));
        Self {
            row,
            open: pattern.is_some(),
            literals: parts.iter().filter(is_literal).count(),
            parts,
        }
    }

    fn matches(&self, method: &Method, segments: &[Cow<'_, str>]) -> bool {
        let length = if self.open {
            segments.len() >= self.parts.len()
        } else {
            segments.len() == self.parts.len()
        };
        length
            && self.row.0.as_ref().is_none_or(|m| m == method)
            && self.parts.iter().zip(segments).all(|(p, s)| p.matches(s))
    }

    /// The longest literal match wins; among equals, the narrower: one method, one depth.
    fn rank(&self) -> (usize, bool, bool) {
        (self.literals, self.row.0.is_some(), !self.open)
    }

    fn user<'a>(&self, segments: &'a [Cow<'_, str>]) -> Option<&'a str> {
        let place = self.parts.iter().position(|p| matches!(p, Part::User))?;
        segments.get(place).map(|s| &**s)
    }
}

impl Part {
    fn new(text: &'static str) -> Self {
        match text {
            "{u}" => Self::User,
            "{}" => Self::Any,
            literal => Self::Literal(literal),
        }
    }

    fn matches(&self, segment: &str) -> bool {
        match self {
            Self::Literal(literal) => *literal == segment,
            Self::User | Self::Any => true,
        }
    }
}

/// What the table says of `segments`, those after the AppKey.
///
/// # Errors
/// When a query parameter that decides the channel occurs twice or does not decode.
pub(super) fn find(
    method: &Method,
    segments: &[Cow<'_, str>],
    query: Option<&str>,
) -> Result<Matched, QueryError> {
    let below = segments.first().and_then(|first| ROUTES.get(&**first));
    let mut routes = below.into_iter().flatten();
    let Some(route) = routes.find(|route| route.matches(method, segments)) else {
        return Ok(Matched {
            channel: Channel::General,
            need: Need::App,
            size: Size::Body,
            template: ANYTHING_ELSE,
            user: None,
        });
    };
    let (channel, size) = match route.row.2 {
        In::One(channel) => (channel, Size::Body),
        In::ChatType => (chat_type(query)?, Size::File),
    };
    Ok(Matched {
        channel,
        need: route.row.3,
        size,
        template: route.row.1,
        user: match route.row.3 {
            Need::SelfUser => route.user(segments).map(Into::into),
            Need::Grant | Need::Any | Need::App => None,
        },
    })
}

fn chat_type(query: Option<&str>) -> Result<Channel, QueryError> {
    Ok(match single(query, "chat-type")?.as_deref() {
        Some("singleChat" | "chat") => Channel::OneToOne,
        Some("groupChat" | "groupchat") => Channel::Group,
        Some("chatRoom" | "chatroom") => Channel::Room,
        _ => Channel::General,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: &Method, path: &str, query: Option<&str>) -> Matched {
        let segments: Vec<_> = path
            .split('/')
            .filter(|s| !s.is_empty())
            .map(Cow::Borrowed)
            .collect();
        find(method, &segments, query).unwrap()
    }

    /// SPEC 6.3, one line or more for each row.
    #[test]
    fn every_row_gives_its_channel_and_privilege() {
        use Channel::{General, Group, OneToOne, Room};
        use Need::{Any, App, Grant, SelfUser};
        let post = Method::POST;
        let get = Method::GET;
        let put = Method::PUT;
        for (method, path, channel, need) in [
            (&post, "token", General, Grant),
            (&get, "token", General, App),
            (&post, "token/x", General, App),
            (&post, "messages/users", OneToOne, App),
            (&post, "messages/users/import", OneToOne, App),
            (&post, "messages/usersx", General, App),
            (&post, "messages/chatgroups", Group, App),
            (&post, "messages/chatrooms/broadcast", Room, App),
            (&post, "messages", General, App),
            (&post, "messages/recall", General, App),
            (&post, "messages/rewrite/m1", General, App),
            (&get, "chatmessages/2026112312", General, App),
            (&post, "mutes", General, App),
            (&post, "push/single", General, App),
            (&post, "notification/template", General, App),
            (&get, "users", General, App),
            (&get, "users/bob", General, Any),
            (&put, "users/bob", General, SelfUser),
            (&get, "users/bob/presence", General, SelfUser),
            (&get, "users/bob/contacts/users", OneToOne, SelfUser),
            (&get, "users/bob/blocks/users", OneToOne, SelfUser),
            (&get, "users/bob/offline_msg_count", OneToOne, SelfUser),
            (&get, "users/bob/offline_msg_count/x", General, SelfUser),
            (&get, "users/bob/offline_msg_status/1", OneToOne, SelfUser),
            (&get, "users/bob/joined_chatgroups", Group, SelfUser),
            (&get, "users/bob/joined_chatrooms", Room, SelfUser),
            (&get, "metadata/user/bob", General, Any),
            (&put, "metadata/user/bob", General, SelfUser),
            (&get, "metadata/user/bob/x", General, SelfUser),
            (&post, "metadata/user/get", General, Any),
            (&put, "metadata/user/get", General, SelfUser),
            (&get, "sdk/users/bob/token/expires", General, SelfUser),
            (&get, "sdk/user/bob/user_channels", General, SelfUser),
            (&get, "user/bob/moderation", General, SelfUser),
            (&get, "reaction/user/bob", General, SelfUser),
            (&get, "sdk/message/roaming/user/bob", General, SelfUser),
            (
                &get,
                "sdk/message/roaming/chat/user/bob",
                OneToOne,
                SelfUser,
            ),
            (&get, "sdk/message/roaming/group/user/bob", Group, SelfUser),
            (&get, "chatgroups/user/bob", Group, SelfUser),
            (&get, "chatgroups/user", Group, Any),
            (&get, "threads/user/bob", Group, SelfUser),
            (&get, "threads/chatgroups/g1/user/bob", Group, SelfUser),
            (&get, "threads/chatgroups/g1", Group, Any),
            (&post, "chatgroups", Group, Any),
            (&get, "chatgroups/1/users", Group, Any),
            (&get, "sdk/chatgroups/1", Group, Any),
            (&get, "publicchatgroups", Group, Any),
            (&post, "thread", Group, Any),
            (&get, "metadata/chatgroup/1", Group, Any),
            (&get, "sdk/metadata/chatgroup/1", Group, Any),
            (&post, "chatrooms/super_admin", Room, App),
            (&get, "metadata/chatroom/1/user/bob", Room, SelfUser),
            (&get, "metadata/chatroom/1", Room, Any),
            (&get, "chatrooms", Room, Any),
            (&get, "sdk/chatrooms/1", Room, Any),
            (&post, "rtc_mapper/batch/get", General, Any),
            (&get, "speech/transcriptions", General, App),
            (&get, "usersx", General, App),
            (&get, "", General, App),
        ] {
            let matched = at(method, path, None);
            assert_eq!(
                (matched.channel, matched.need),
                (channel, need),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn a_file_goes_by_its_chat_type() {
        for (query, channel) in [
            ("chat-type=singleChat", Channel::OneToOne),
            ("chat-type=chat", Channel::OneToOne),
            ("chat-type=groupChat", Channel::Group),
            ("chat-type=groupchat", Channel::Group),
            ("chat-type=chatRoom", Channel::Room),
            ("a=b&chat-type=chatroom", Channel::Room),
            ("chat-type=other", Channel::General),
        ] {
            let matched = at(&Method::POST, "chatfiles", Some(query));
            assert_eq!(
                (matched.channel, matched.size),
                (channel, Size::File),
                "{query}"
            );
        }
        assert_eq!(
            at(&Method::GET, "sdk/chatfiles/x", None).channel,
            Channel::General
        );
        let twice = find(
            &Method::GET,
            &["chatfiles".into()],
            Some("chat-type=a&chat-type=a"),
        );
        assert_eq!(twice, Err(QueryError::Twice));
    }

    #[test]
    fn the_user_is_the_one_in_the_path() {
        assert_eq!(
            at(&Method::PUT, "users/bob/x", None).user.as_deref(),
            Some("bob")
        );
        let deep = at(&Method::GET, "metadata/chatroom/1/user/eve", None);
        assert_eq!(deep.user.as_deref(), Some("eve"));
    }
}
