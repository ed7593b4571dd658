//! Building Chat tokens, as the vendor's `ChatTokenBuilder` does.

use crate::service::{APP_PRIVILEGE, CHAT, USER_PRIVILEGE};
use crate::wire;

/// A user token: chat as `user_id` for `ttl` seconds from `issued_at` (unix seconds). `salt` is a
/// random number from 1 to 99999999.
///
/// # Errors
/// See [`BuildError`].
pub fn build_user_token(
    app_id: &str,
    certificate: &str,
    user_id: &str,
    ttl: u32,
    issued_at: u32,
    salt: u32,
) -> Result<String, BuildError> {
    ChatTokenBuilder::new(app_id, certificate, ttl, issued_at, salt)
        .user(user_id)
        .build()
}

/// An App token: administrator-level REST calls for `ttl` seconds from `issued_at` (unix seconds).
/// `salt` is a random number from 1 to 99999999.
///
/// # Errors
/// See [`BuildError`].
pub fn build_app_token(
    app_id: &str,
    certificate: &str,
    ttl: u32,
    issued_at: u32,
    salt: u32,
) -> Result<String, BuildError> {
    ChatTokenBuilder::new(app_id, certificate, ttl, issued_at, salt)
        .app()
        .build()
}

/// Builds a token with one Chat service, for a user, for the App, or for both.
///
/// The length is not limited here, as it isn't in the vendor's packages; verifiers allow 24 hours.
#[derive(Clone)]
pub struct ChatTokenBuilder<'a> {
    app_id: &'a str,
    certificate: &'a str,
    ttl: u32,
    issued_at: u32,
    salt: u32,
    user_id: Option<&'a str>,
    app: bool,
}

impl<'a> ChatTokenBuilder<'a> {
    /// Starts a token that grants nothing yet. `ttl` is in seconds, `issued_at` in unix seconds,
    /// `salt` a random number from 1 to 99999999.
    #[must_use]
    pub fn new(app_id: &'a str, certificate: &'a str, ttl: u32, issued_at: u32, salt: u32) -> Self {
        ChatTokenBuilder {
            app_id,
            certificate,
            ttl,
            issued_at,
            salt,
            user_id: None,
            app: false,
        }
    }

    /// Grants chatting as `user_id` (privilege 1) for the token's whole life.
    #[must_use]
    pub fn user(mut self, user_id: &'a str) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// Grants administrator-level REST calls (privilege 2) for the token's whole life.
    #[must_use]
    pub fn app(mut self) -> Self {
        self.app = true;
        self
    }

    /// Signs the token and returns its text.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn build(self) -> Result<String, BuildError> {
        self.validate()?;
        let signing_info = self.signing_info();
        let signature = wire::sign(self.certificate, self.issued_at, self.salt, &signing_info);
        let mut content = Vec::with_capacity(2 + signature.len() + signing_info.len());
        put_string(&mut content, &signature);
        content.extend_from_slice(&signing_info);
        Ok(wire::seal(&content))
    }

    fn validate(&self) -> Result<(), BuildError> {
        if !wire::is_identifier(self.app_id) {
            return Err(BuildError::AppId);
        }
        if !wire::is_identifier(self.certificate) {
            return Err(BuildError::Certificate);
        }
        if !(1..=MAX_SALT).contains(&self.salt) {
            return Err(BuildError::Salt);
        }
        match self.user_id {
            Some(user_id) if !(1..=MAX_USER_ID).contains(&user_id.len()) => Err(BuildError::UserId),
            None if !self.app => Err(BuildError::NothingGranted),
            _ => Ok(()),
        }
    }

    fn signing_info(&self) -> Vec<u8> {
        let mut info = Vec::with_capacity(80 + self.user_id.map_or(0, str::len));
        put_string(&mut info, self.app_id.as_bytes());
        put_u32(&mut info, self.issued_at);
        put_u32(&mut info, self.ttl);
        put_u32(&mut info, self.salt);
        put_u16(&mut info, 1); // services
        put_u16(&mut info, CHAT);
        self.put_privileges(&mut info);
        put_string(&mut info, self.user_id.unwrap_or_default().as_bytes());
        info
    }

    fn put_privileges(&self, out: &mut Vec<u8>) {
        let user = self.user_id.map(|_| USER_PRIVILEGE);
        let app = self.app.then_some(APP_PRIVILEGE);
        put_u16(out, u16::from(user.is_some()) + u16::from(app.is_some()));
        for privilege in user.into_iter().chain(app) {
            put_u16(out, privilege);
            put_u32(out, self.ttl);
        }
    }
}

impl std::fmt::Debug for ChatTokenBuilder<'_> {
    /// Leaves out the certificate, which is a secret, and the user id.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatTokenBuilder")
            .field("app_id", &self.app_id)
            .field("ttl", &self.ttl)
            .field("issued_at", &self.issued_at)
            .finish_non_exhaustive()
    }
}

/// Why a token can't be built. Everything is checked before anything is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The App ID is not 32 ASCII letters and digits.
    #[error("the App ID is not 32 letters and digits")]
    AppId,
    /// The certificate is not 32 ASCII letters and digits.
    #[error("the App certificate is not 32 letters and digits")]
    Certificate,
    /// The salt is not from 1 to 99999999.
    #[error("the salt is not from 1 to 99999999")]
    Salt,
    /// The user id is empty, or longer than 2048 bytes.
    #[error("the user id is empty or longer than 2048 bytes")]
    UserId,
    /// Neither a user nor the App is granted anything.
    #[error("the token grants nothing")]
    NothingGranted,
}

fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Callers keep strings far below 64 KiB; a longer one would be cut, and the token refused.
fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    put_u16(out, length);
    out.extend_from_slice(&bytes[..usize::from(length)]);
}

const MAX_SALT: u32 = 99_999_999;
/// Keeps the content well below what verifiers inflate; ids are 64 characters at most in practice.
const MAX_USER_ID: usize = 2048;
