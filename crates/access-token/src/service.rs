//! The services a token is for. Only Chat is kept; the others are stepped over.

use std::fmt;

use crate::fault::ParseError;
use crate::reader::Reader;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Chat as one named user.
    User,
    /// Administrator-level REST calls, in nobody's name.
    App,
    /// Both.
    UserAndApp,
}

impl Kind {
    /// The contract's name: `user`, `app` or `user+app`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::App => "app",
            Kind::UserAndApp => "user+app",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The Chat service (type 5) of a token, as it is written there; nothing of it has been verified.
#[derive(Clone, PartialEq, Eq)]
pub struct ChatService {
    user_id: String,
    user_privilege: Option<u32>,
    app_privilege: Option<u32>,
}

impl ChatService {
    /// The user the token names, UTF-8; empty in App tokens.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Privilege 1, chatting as the user: its length in seconds after the issue.
    #[must_use]
    pub fn user_privilege(&self) -> Option<u32> {
        self.user_privilege
    }

    /// Privilege 2, administrator-level REST calls: its length in seconds after the issue.
    #[must_use]
    pub fn app_privilege(&self) -> Option<u32> {
        self.app_privilege
    }

    /// What the service allows, whatever the time. A user privilege for an empty user id names
    /// nobody and allows nothing.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        let user = self.user_privilege.is_some() && !self.user_id.is_empty();
        match (user, self.app_privilege.is_some()) {
            (true, true) => Some(Kind::UserAndApp),
            (true, false) => Some(Kind::User),
            (false, true) => Some(Kind::App),
            (false, false) => None,
        }
    }

    /// The length of each privilege that is there, in seconds after the issue.
    pub(crate) fn privileges(&self) -> impl Iterator<Item = u32> {
        self.user_privilege.into_iter().chain(self.app_privilege)
    }

    fn read(reader: &mut Reader<'_>) -> Result<ChatService, ParseError> {
        let count = usize::from(reader.u16()?);
        if count > MAX_CHAT_PRIVILEGES {
            return Err(ParseError::TooManyPrivileges);
        }
        let mut seen = [None; MAX_CHAT_PRIVILEGES];
        for slot in seen.iter_mut().take(count) {
            *slot = Some((reader.u16()?, reader.u32()?));
        }
        refuse_repeats(&seen)?;
        let value = |key| {
            seen.iter()
                .flatten()
                .find(|(k, _)| *k == key)
                .map(|(_, value)| *value)
        };
        Ok(ChatService {
            user_privilege: value(USER_PRIVILEGE),
            app_privilege: value(APP_PRIVILEGE),
            user_id: text(reader.string()?)?,
        })
    }
}

impl fmt::Debug for ChatService {
    /// Leaves the user id out: it is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatService")
            .field("user_privilege", &self.user_privilege)
            .field("app_privilege", &self.app_privilege)
            .finish_non_exhaustive()
    }
}

/// Reads the counted list of services and returns the Chat service. A service of unknown type can't
/// be stepped over, since its layout is unknown; reading stops there, as the vendor's package does.
pub(crate) fn read_chat(reader: &mut Reader<'_>) -> Result<Option<ChatService>, ParseError> {
    let mut chat = None;
    for _ in 0..reader.u16()? {
        let service = reader.u16()?;
        if service == CHAT {
            if chat.replace(ChatService::read(reader)?).is_some() {
                return Err(ParseError::ChatRepeated);
            }
        } else if !step_over(service, reader)? {
            break;
        }
    }
    Ok(chat)
}

/// Steps over a service other than Chat, after its type. False if the type is unknown.
fn step_over(service: u16, reader: &mut Reader<'_>) -> Result<bool, ParseError> {
    let strings = match service {
        FPA | CONVO_AI | STT => 0,
        RTM | RTM2 => 1,
        RTC | STREAMING | FCDN | APAAS => 2,
        _ => return Ok(false),
    };
    let privileges = usize::from(reader.u16()?);
    reader.take(privileges * PRIVILEGE_LENGTH)?;
    for _ in 0..strings {
        reader.string()?;
    }
    match service {
        APAAS => reader.u16().map(drop)?, // the role
        RTM2 => step_over_permissions(reader)?,
        _ => {}
    }
    Ok(true)
}

/// RTM2: resource types, in each of them permissions, in each of them names of resources.
fn step_over_permissions(reader: &mut Reader<'_>) -> Result<(), ParseError> {
    for _resource_type in 0..reader.u16()? {
        reader.u16()?;
        for _permission in 0..reader.u16()? {
            reader.u16()?;
            for _resource in 0..reader.u16()? {
                reader.string()?;
            }
        }
    }
    Ok(())
}

fn refuse_repeats(seen: &[Option<(u16, u32)>]) -> Result<(), ParseError> {
    let keys = || seen.iter().flatten().map(|(key, _)| key);
    let repeated = keys()
        .enumerate()
        .any(|(at, key)| keys().skip(at + 1).any(|other| other == key));
    if repeated {
        Err(ParseError::PrivilegeRepeated)
    } else {
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<String, ParseError> {
    let text = str::from_utf8(bytes).map_err(|_| ParseError::UserId)?;
    Ok(text.to_owned())
}

pub(crate) const CHAT: u16 = 5;
pub(crate) const USER_PRIVILEGE: u16 = 1;
pub(crate) const APP_PRIVILEGE: u16 = 2;

const RTC: u16 = 1;
const RTM: u16 = 2;
const STREAMING: u16 = 3;
const FPA: u16 = 4;
const FCDN: u16 = 6;
const APAAS: u16 = 7;
const RTM2: u16 = 8;
const CONVO_AI: u16 = 9;
const STT: u16 = 10;

/// A key (u16) and its value (u32).
const PRIVILEGE_LENGTH: usize = 6;
/// Looking for repeats compares each with each, before anything is authenticated.
const MAX_CHAT_PRIVILEGES: usize = 16;
