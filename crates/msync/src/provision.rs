//! Logging in: the client's PROVISION and the data centre's answer.

use std::fmt;

use crate::proto;
use crate::shape::{Note, Shape};
use crate::walk::{Visit, walk};
use crate::{Command, Fault, status};

/// A client's first message, decoded for the decision. Borrowed from the frame.
///
/// A field that is absent is `None`; a text that is present and empty is `Some("")`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Provision<'a> {
    /// `MSync.guid.app_key`: the App, as `org#app`.
    pub guid_app_key: Option<&'a str>,
    /// `MSync.guid.name`: the user id.
    pub guid_name: Option<&'a str>,
    /// `MSync.guid.domain`: `easemob.com`.
    pub guid_domain: Option<&'a str>,
    /// `MSync.guid.client_resource`: the device.
    pub guid_client_resource: Option<&'a str>,
    /// `MSync.auth` (3): a token, often with `$t$` in front.
    pub envelope_auth: Option<&'a str>,
    /// `Provision.auth` (14): likewise.
    pub auth: Option<&'a str>,
    /// `Provision.auth_token` (18): JSON with the token. Web SDKs declare a string, native ones
    /// bytes; it is always UTF-8, as anything else is refused.
    pub auth_token: Option<&'a [u8]>,
    /// `Provision.password` (11).
    pub password: Option<&'a str>,
    /// `Provision.app_id` (15): the App ID, from native SDKs.
    pub app_id: Option<&'a str>,
    /// `Provision.resource` (13).
    pub resource: Option<&'a str>,
    /// `Provision.device_uuid` (9).
    pub device_uuid: Option<&'a str>,
    /// `Provision.session_id` (20).
    pub session_id: Option<&'a str>,
    /// `MSync.compress_algorithm` (4); other than 0, the payload has not been read.
    pub compress_algorithm: Option<u32>,
    /// `MSync.crypto` (5); other than 0, the payload has not been read.
    pub crypto: Option<u32>,
    /// The payload has not been read: it is compressed or encrypted, by what
    /// `compress_algorithm`, `crypto` or the presence of `MSync.tag` or `iv` say.
    pub compressed: bool,
    /// `Provision.compress_type` (5).
    pub compress_type: Offer,
    /// `Provision.encrypt_type` (6).
    pub encrypt_type: Offer,
    /// `MSync.encrypt_type` (11).
    pub envelope_encrypt_type: Offer,
    /// `Provision.protocol_compress_type` (22) or its direction (23) is present.
    pub protocol_compress: bool,
    /// `MSync.encrypt_key` (12) or `Provision.encrypt_key` (7) is present.
    pub encrypt_key: bool,
}

/// What a client offers in a list of compressions or encryptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Offer {
    /// The list is absent or empty, which counts as none.
    #[default]
    Absent,
    /// The list contains 0, none.
    WithNone,
    /// The list is there, but without 0.
    WithoutNone,
}

/// The data centre's PROVISION answer. Borrowed from the frame.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ProvisionAnswer<'a> {
    /// `Provision.status.error_code`; the SDKs take an absent one for OK, the gateway must not.
    pub error_code: Option<i32>,
    /// `Provision.status.reason`.
    pub reason: Option<&'a str>,
    /// `error_code` is REDIRECT or `redirect_info` is present.
    pub has_redirect: bool,
    /// `Provision.auth_token` (18), JSON with `expires_in` in absolute unix milliseconds.
    pub auth_token: Option<&'a [u8]>,
    /// A compression or encryption other than none is chosen or applied.
    pub chooses: bool,
    /// The payload is compressed or encrypted and has not been read.
    pub compressed: bool,
    /// Some JID names another App.
    pub foreign: bool,
}

/// Reads a client's PROVISION.
///
/// # Errors
/// Any [`Fault`]; [`Fault::NotProvision`] when the envelope is fine, but of another command.
pub fn read_provision(frame: &[u8]) -> Result<Provision<'_>, Fault> {
    let mut provision = Provision::default();
    walk(frame, &mut provision)?;
    Ok(provision)
}

/// Reads the data centre's PROVISION answer in a session of the App `app_key`, as `org#app`.
///
/// # Errors
/// Any [`Fault`]; [`Fault::NotProvision`] when the envelope is fine, but of another command.
pub fn read_provision_answer<'a>(
    frame: &'a [u8],
    app_key: &str,
) -> Result<ProvisionAnswer<'a>, Fault> {
    let mut reading = Reading {
        app_key,
        answer: ProvisionAnswer::default(),
    };
    walk(frame, &mut reading)?;
    Ok(reading.answer)
}

impl fmt::Debug for Provision<'_> {
    /// Names and tokens stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provision").finish_non_exhaustive()
    }
}

impl fmt::Debug for ProvisionAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("ProvisionAnswer");
        f.field("error_code", &self.error_code)
            .finish_non_exhaustive()
    }
}

impl<'a> Visit<'a> for Provision<'a> {
    fn number(&mut self, note: Note, value: u64) {
        match note {
            Note::Compress => self.compress_algorithm = Some(value as u32),
            Note::Crypto => self.crypto = Some(value as u32),
            Note::CompressType => self.compress_type.add(value),
            Note::EncryptType => self.encrypt_type.add(value),
            Note::EnvelopeEncryptType => self.envelope_encrypt_type.add(value),
            Note::ProtocolType | Note::ProtocolDirection => self.protocol_compress = true,
            _ => {}
        }
    }

    fn text(&mut self, note: Note, value: &'a str) {
        let place = match note {
            Note::AppKey => &mut self.guid_app_key,
            Note::GuidName => &mut self.guid_name,
            Note::GuidDomain => &mut self.guid_domain,
            Note::GuidResource => &mut self.guid_client_resource,
            Note::EnvelopeAuth => &mut self.envelope_auth,
            Note::Auth => &mut self.auth,
            Note::Password => &mut self.password,
            Note::AppId => &mut self.app_id,
            Note::Resource => &mut self.resource,
            Note::DeviceUuid => &mut self.device_uuid,
            Note::SessionId => &mut self.session_id,
            Note::AuthToken => return self.auth_token = Some(value.as_bytes()),
            Note::EncryptKey => return self.encrypt_key = true,
            _ => return,
        };
        *place = Some(value);
    }

    fn begin(&mut self, note: Note) {
        self.compressed |= note == Note::Seal;
    }

    fn payload(&mut self, command: i32) -> Result<Option<&'static Shape>, Fault> {
        only_provision(command)?;
        let other_than_none = |algorithm: Option<u32>| algorithm.is_some_and(|it| it != 0);
        self.compressed |= other_than_none(self.compress_algorithm) || other_than_none(self.crypto);
        Ok((!self.compressed).then_some(&proto::PROVISION))
    }
}

impl Offer {
    fn add(&mut self, kind: u64) {
        if kind as u32 == 0 {
            *self = Offer::WithNone;
        } else if *self == Offer::Absent {
            *self = Offer::WithoutNone;
        }
    }
}

struct Reading<'a, 'k> {
    app_key: &'k str,
    answer: ProvisionAnswer<'a>,
}

impl<'a> Visit<'a> for Reading<'a, '_> {
    fn number(&mut self, note: Note, value: u64) {
        let answer = &mut self.answer;
        match note {
            Note::ErrorCode => {
                answer.error_code = Some(value as i32);
                answer.has_redirect |= value as i32 == status::REDIRECT;
            }
            Note::Compress | Note::Crypto => answer.compressed |= value as u32 != 0,
            Note::EnvelopeEncryptType
            | Note::CompressType
            | Note::EncryptType
            | Note::ProtocolType => answer.chooses |= value as u32 != 0,
            Note::ProtocolDirection => answer.chooses = true,
            _ => {}
        }
    }

    fn text(&mut self, note: Note, value: &'a str) {
        let answer = &mut self.answer;
        match note {
            Note::AppKey => answer.foreign |= value != self.app_key,
            Note::Reason => answer.reason = Some(value),
            Note::AuthToken => answer.auth_token = Some(value.as_bytes()),
            Note::EncryptKey => answer.chooses = true,
            _ => {}
        }
    }

    fn begin(&mut self, note: Note) {
        self.answer.has_redirect |= note == Note::Redirect;
        self.answer.compressed |= note == Note::Seal;
    }

    fn payload(&mut self, command: i32) -> Result<Option<&'static Shape>, Fault> {
        only_provision(command)?;
        self.answer.chooses |= self.answer.compressed;
        Ok((!self.answer.compressed).then_some(&proto::PROVISION))
    }
}

fn only_provision(command: i32) -> Result<(), Fault> {
    match Command::from_number(command) {
        Some(Command::Provision) => Ok(()),
        Some(_) => Err(Fault::NotProvision),
        None => Err(Fault::Command),
    }
}
