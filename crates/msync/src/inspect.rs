//! Later frames: what decides whether they pass.

use crate::proto;
use crate::shape::{Note, Shape};
use crate::walk::{Visit, walk};
use crate::wire::{DELIMITED, Fields, Reader};
use crate::{Channel, Command, Fault, status};

/// A later frame from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Up {
    /// What the frame is.
    pub command: Command,
    /// `CommSyncUL.meta.id`, on which a refusal can be given.
    pub meta_id: Option<u64>,
    /// The channel of the message; `General` for what carries none.
    pub channel: Channel,
    /// Some JID names another App.
    pub foreign: bool,
    /// There is a token in it, which [`envelope_auth`] gives.
    pub has_auth: bool,
    /// A SYNC that sends into a chat: its meta has name space CHAT or MUC.
    pub is_message: bool,
    /// The payload is compressed or encrypted and has not been read.
    pub compressed: bool,
    /// Its envelope, or a PROVISION in it, says that a compression or an encryption is chosen, and does not offer to
    /// do without.
    pub chooses: bool,
}

/// A later frame from the data centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down {
    /// What the frame is.
    pub command: Command,
    /// `CommSyncDL.meta_id` above 0: the frame acknowledges that message.
    pub ack: Option<u64>,
    /// `Status.error_code` of the payload.
    pub error_code: Option<i32>,
    /// The channel of the delivered messages; `General` for none, or for several channels at once.
    pub channel: Channel,
    /// Some JID names another App.
    pub foreign: bool,
    /// Some `Status.error_code` is REDIRECT, or some `redirect_info` is present.
    pub redirect: bool,
    /// The payload is compressed or encrypted and has not been read.
    pub compressed: bool,
    /// A PROVISION in it, or its envelope, chooses a compression or an encryption.
    pub chooses: bool,
}

/// Reads a client's frame in a session of the App `app_key`, as `org#app`.
///
/// # Errors
/// Any [`Fault`] but [`Fault::NotProvision`] and [`Fault::Compressed`].
pub fn inspect_up(frame: &[u8], app_key: &str) -> Result<Up, Fault> {
    let mut scan = Scan::new(app_key, false);
    walk(frame, &mut scan)?;
    Ok(Up {
        command: scan.command,
        meta_id: scan.meta.id,
        channel: scan.channel.unwrap_or_default(),
        foreign: scan.foreign,
        has_auth: scan.has_auth,
        is_message: matches!(scan.meta.name_space, CHAT | MUC),
        compressed: scan.sealed,
        chooses: scan.chooses && !offers_none(frame),
    })
}

/// Whether none is among the envelope's encryptions: they are an offer then, and no choice.
fn offers_none(frame: &[u8]) -> bool {
    let fields = Fields::of(frame).filter_map(Result::ok);
    let mut lists = fields.filter(|field| field.number == ENCRYPT_TYPE);
    lists.any(|list| {
        // One under a key of its own, or packed.
        let content = match list.wire {
            DELIMITED => list.content().unwrap_or_default(),
            _ => list.value,
        };
        let mut numbers = Reader::new(content);
        while !numbers.is_empty() {
            match numbers.varint() {
                // Enums are 32 bits; what is above is ignored, as prost and its kin do.
                Ok(number) if number as u32 != 0 => {}
                Ok(_) => return true,
                Err(_) => return false,
            }
        }
        false
    })
}

/// The number of `MSync.encrypt_type`.
const ENCRYPT_TYPE: u32 = 11;

/// `MSync.auth` of a frame that was read: a token, often with `$t$` in front.
#[must_use]
pub fn envelope_auth(frame: &[u8]) -> Option<&str> {
    let auth = Fields::of(frame).find_map(|field| field.ok().filter(|f| f.number == AUTH))?;
    str::from_utf8(auth.content().ok()?).ok()
}

/// The number of `MSync.auth`.
const AUTH: u32 = 3;

/// Reads the data centre's frame in a session of the App `app_key`, as `org#app`.
///
/// # Errors
/// Any [`Fault`] but [`Fault::NotProvision`] and [`Fault::Compressed`].
pub fn inspect_down(frame: &[u8], app_key: &str) -> Result<Down, Fault> {
    let mut scan = Scan::new(app_key, true);
    walk(frame, &mut scan)?;
    Ok(Down {
        command: scan.command,
        ack: scan.ack,
        error_code: scan.error_code,
        channel: scan.channel.unwrap_or_default(),
        foreign: scan.foreign,
        redirect: scan.redirect,
        compressed: scan.sealed,
        chooses: scan.chooses,
    })
}

/// `Meta.ns` of messages.
const CHAT: i32 = 1;
/// `Meta.ns` of acts on groups and chat rooms.
const MUC: i32 = 2;

struct Scan<'k> {
    app_key: &'k str,
    from_data_centre: bool,
    command: Command,
    foreign: bool,
    has_auth: bool,
    sealed: bool,
    chooses: bool,
    redirect: bool,
    error_code: Option<i32>,
    ack: Option<u64>,
    /// The one that is being read, or was read last.
    meta: Meta,
    channel: Option<Channel>,
}

/// What a `Meta` and its body say of the channel.
#[derive(Clone, Copy, Default)]
struct Meta {
    id: Option<u64>,
    name_space: i32,
    domain: Domain,
    body_type: i32,
    is_chatroom: bool,
}

/// `Meta.to.domain`.
#[derive(Clone, Copy, Default)]
enum Domain {
    Users,
    Conferences,
    #[default]
    Other,
}

impl<'k> Scan<'k> {
    #[inline]
    fn new(app_key: &'k str, from_data_centre: bool) -> Scan<'k> {
        Scan {
            app_key,
            from_data_centre,
            command: Command::Sync,
            foreign: false,
            has_auth: false,
            sealed: false,
            chooses: false,
            redirect: false,
            error_code: None,
            ack: None,
            meta: Meta::default(),
            channel: None,
        }
    }

    fn seal(&mut self, sealed: bool) {
        self.sealed |= sealed;
        self.chooses |= sealed;
    }

    fn status(&mut self, error_code: i32) {
        self.error_code = Some(error_code);
        self.redirect |= error_code == status::REDIRECT;
    }
}

impl<'a> Visit<'a> for Scan<'_> {
    #[inline]
    fn number(&mut self, note: Note, value: u64) {
        match note {
            Note::MetaId => self.meta.id = Some(value),
            Note::NameSpace => self.meta.name_space = value as i32,
            Note::BodyType => self.meta.body_type = value as i32,
            Note::IsChatroom => self.meta.is_chatroom = value != 0,
            Note::AckId => self.ack = (value > 0).then_some(value),
            Note::ErrorCode => self.status(value as i32),
            Note::Compress | Note::Crypto => self.seal(value as u32 != 0),
            Note::EnvelopeEncryptType
            | Note::CompressType
            | Note::EncryptType
            | Note::ProtocolType => self.chooses |= value as u32 != 0,
            Note::ProtocolDirection => self.chooses = true,
            _ => {}
        }
    }

    #[inline]
    fn text(&mut self, note: Note, value: &'a str) {
        match note {
            Note::AppKey => self.foreign |= value != self.app_key,
            Note::ToDomain => self.meta.domain = Domain::of(value),
            Note::EncryptKey => self.chooses = true,
            Note::EnvelopeAuth => self.has_auth = true,
            _ => {}
        }
    }

    #[inline]
    fn begin(&mut self, note: Note) {
        match note {
            Note::Meta => self.meta = Meta::default(),
            Note::Redirect => self.redirect = true,
            Note::Seal => self.seal(true),
            _ => {}
        }
    }

    #[inline]
    fn end(&mut self, note: Note) {
        if note == Note::Meta {
            let channel = self.meta.channel();
            self.channel = match self.channel {
                Some(other) if other != channel => Some(Channel::General),
                _ => Some(channel),
            };
        }
    }

    #[inline]
    fn payload(&mut self, command: i32) -> Result<Option<&'static Shape>, Fault> {
        self.command = Command::from_number(command).ok_or(Fault::Command)?;
        let shape = match (self.command, self.from_data_centre) {
            (Command::Sync, false) => &proto::SYNC_UL,
            (Command::Sync, true) => &proto::SYNC_DL,
            (Command::Unread, false) => &proto::UNREAD_UL,
            (Command::Unread, true) => &proto::UNREAD_DL,
            (Command::Notice, _) => &proto::NOTICE,
            (Command::Provision, _) => &proto::PROVISION,
            (Command::Logout, _) => &proto::LOGOUT,
        };
        Ok((!self.sealed).then_some(shape))
    }
}

impl Meta {
    /// The type decides; receipts, recalls and edits have their own, then the recipient's domain.
    fn channel(&self) -> Channel {
        match (self.name_space, self.body_type, self.domain) {
            (CHAT, 1, _) => Channel::OneToOne,
            (CHAT, 2, _) => Channel::Group,
            (CHAT, 3, _) => Channel::Room,
            (CHAT, _, Domain::Users) => Channel::OneToOne,
            (CHAT, _, Domain::Conferences) => Channel::Group,
            (MUC, ..) if self.is_chatroom => Channel::Room,
            (MUC, ..) => Channel::Group,
            _ => Channel::General,
        }
    }
}

impl Domain {
    fn of(domain: &str) -> Domain {
        match domain {
            "easemob.com" => Domain::Users,
            "conference.easemob.com" => Domain::Conferences,
            _ => Domain::Other,
        }
    }
}
