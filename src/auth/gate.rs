//! The gate: steps 7 to 11 of SPEC 6.2. [`Admitted`] is the proof that a call passed it.

use std::sync::Arc;
use std::time::Duration;

use access_token::{Expected, Fault, Kind, Policy, Token};

use super::verified::VerifiedTokens;
use crate::domain::{BearerToken, Clock, Holder};
use crate::observe::{Metrics, TokenVerdict};
use crate::registry::{App, AuthMode, Pinned, Seen, Status};

/// Something that presents itself at the gate.
pub trait Credentialed {
    fn presented(&self) -> Presented<'_>;

    /// The App ID that the request itself names, beside the token's.
    fn declared_app_id(&self) -> Option<&[u8]>;

    fn demand(&self) -> Demand<'_>;

    /// Whether the call asks the data centre to log somebody in.
    fn asks_for_grant(&self) -> bool;

    /// Reads how it asks, which may be in the body; the call keeps what was read.
    fn read_grant(&mut self) -> impl Future<Output = Result<Grant, GrantError>> + Send;
}

/// How a call asks to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// By the AccessToken2 that it presents.
    Token,
    /// By a password, a client secret, or in another way that secure mode does not have.
    Other,
}

/// Why the grant could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    #[error("the log-in body is larger than 4 KiB")]
    TooLarge,
    #[error("the log-in body is not one JSON object with one grant_type")]
    Unreadable,
    #[error("the log-in body did not arrive in time")]
    TooSlow,
}

/// What stands where a token should be.
#[derive(Debug, Clone, Copy)]
pub enum Presented<'a> {
    Nothing,
    /// An `Authorization` of another scheme, or unreadable.
    NotBearer,
    Bearer(BearerToken<'a>),
}

/// Which token the call needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Demand<'a> {
    Any,
    /// That user's own, or the App's.
    SelfUser(&'a str),
    /// That user's own and nobody else's, also not the App's.
    OwnUser(&'a str),
    App,
}

/// A call whose App is active and whose identities all name that App. Made by [`Gate::identify`].
pub struct Identified<C> {
    pinned: Pinned<C>,
    credential: Credential,
}

/// A call that may go to its App's data centre. Only [`Gate::admit`] makes one.
pub struct Admitted<C> {
    pinned: Pinned<C>,
    /// In unix seconds, where a token was verified.
    ends: Option<u64>,
}

/// Why a call stops at the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    #[error("the App is suspended")]
    Suspended,
    #[error("the App is retired")]
    Retired,
    #[error("path, header and token do not name the same App")]
    AppMismatch,
    #[error("a token is needed")]
    TokenMissing,
    #[error("the token is not valid: {0:?}")]
    TokenInvalid(Option<Fault>),
    #[error("the token has expired")]
    TokenExpired,
    #[error("the token lacks the privilege for this route")]
    Privilege,
    #[error("in secure mode a log-in is by token only")]
    GrantRefused,
    #[error(transparent)]
    Grant(#[from] GrantError),
}

enum Credential {
    Nothing,
    NotBearer,
    /// Not an AccessToken2 at all.
    Foreign,
    Unreadable(Fault),
    Parsed(Box<Token>),
    Known(Arc<Holder>),
}

/// One core's gate.
pub struct Gate {
    verified: VerifiedTokens,
    policy: Policy,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl Gate {
    pub fn new(
        max_age: Duration,
        clock_skew: Duration,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            verified: VerifiedTokens::new(),
            policy: Policy {
                max_age,
                clock_skew,
            },
            clock,
            metrics,
        }
    }

    /// Checks the App's status, and that every identity in the request is this App's.
    ///
    /// # Errors
    /// Suspended, retired, or an identity of another App.
    pub fn identify<C: Credentialed>(
        &self,
        pinned: Pinned<C>,
    ) -> Result<Identified<C>, AdmitError> {
        let app = pinned.app();
        match app.status {
            Status::Active => {}
            Status::Suspended => return Err(AdmitError::Suspended),
            Status::Retired => return Err(AdmitError::Retired),
        }
        let own = app.app_id.as_bytes();
        if pinned.call().declared_app_id().is_some_and(|id| id != own) {
            return Err(AdmitError::AppMismatch);
        }
        let credential = self.read(&pinned)?;
        Ok(Identified { pinned, credential })
    }

    fn read<C: Credentialed>(&self, pinned: &Pinned<C>) -> Result<Credential, AdmitError> {
        let token = match pinned.call().presented() {
            Presented::Nothing => return Ok(Credential::Nothing),
            Presented::NotBearer => return Ok(Credential::NotBearer),
            Presented::Bearer(token) => token,
        };
        if let Some(known) = self.verified.find(token, pinned, self.clock.unix_lately()) {
            return Ok(Credential::Known(known));
        }
        let Some(text) = token.expose() else {
            return Ok(Credential::NotBearer);
        };
        match Token::parse(text) {
            Ok(parsed) if parsed.app_id() == pinned.app().app_id.as_str() => {
                Ok(Credential::Parsed(Box::new(parsed)))
            }
            Ok(_) => Err(AdmitError::AppMismatch),
            Err(error) => Ok(match Fault::from(error) {
                Fault::BadVersion => Credential::Foreign,
                fault => Credential::Unreadable(fault),
            }),
        }
    }

    /// In secure mode, lets only log-ins by token pass.
    ///
    /// # Errors
    /// Another way to log in, or one that cannot be read.
    pub async fn check_grant<C: Credentialed>(
        &self,
        mut call: Identified<C>,
    ) -> Result<Identified<C>, AdmitError> {
        let secure = call.app().auth_mode == AuthMode::Secure;
        if !secure || !call.call().asks_for_grant() {
            return Ok(call);
        }
        match call.pinned.call_mut().read_grant().await? {
            Grant::Token => Ok(call),
            Grant::Other => Err(AdmitError::GrantRefused),
        }
    }

    /// Verifies the token and that it fits what the call demands.
    ///
    /// # Errors
    /// No token, one that does not verify or is over, or one for something else.
    pub fn admit<C: Credentialed>(&self, call: Identified<C>) -> Result<Admitted<C>, AdmitError> {
        let Identified { pinned, credential } = call;
        let holder = self.verify(&pinned, credential)?;
        let demand = pinned.call().demand();
        // `upstream` mode leaves what is no AccessToken2 to the data centre.
        if holder.as_ref().is_some_and(|holder| !fits(holder, demand)) {
            return Err(AdmitError::Privilege);
        }
        let ends = holder.map(|holder| holder.not_after);
        Ok(Admitted { pinned, ends })
    }

    fn verify<C: Credentialed>(
        &self,
        pinned: &Pinned<C>,
        credential: Credential,
    ) -> Result<Option<Arc<Holder>>, AdmitError> {
        match (credential, pinned.app().auth_mode) {
            (Credential::Nothing | Credential::Foreign, AuthMode::Upstream) => Ok(None),
            (Credential::Nothing, AuthMode::Secure) => Err(AdmitError::TokenMissing),
            (Credential::NotBearer, _) => Err(self.invalid(None)),
            (Credential::Foreign, AuthMode::Secure) => Err(self.invalid(Some(Fault::BadVersion))),
            (Credential::Unreadable(fault), _) => Err(self.invalid(Some(fault))),
            (Credential::Known(verified), _) => {
                self.metrics.token(TokenVerdict::Cached);
                Ok(Some(verified))
            }
            (Credential::Parsed(token), _) => self.check(&token, pinned).map(Some),
        }
    }

    fn invalid(&self, fault: Option<Fault>) -> AdmitError {
        self.metrics.token(TokenVerdict::Invalid);
        AdmitError::TokenInvalid(fault)
    }

    fn check<C: Credentialed>(
        &self,
        token: &Token,
        pinned: &Pinned<C>,
    ) -> Result<Arc<Holder>, AdmitError> {
        // Nothing else was parsed.
        let Presented::Bearer(text) = pinned.call().presented() else {
            return Err(self.invalid(None));
        };
        let app = pinned.app();
        let verified = self.check_against(token, app)?;
        if is_revoked(app, &verified) {
            return Err(self.invalid(None));
        }
        self.metrics.token(TokenVerdict::Valid);
        let holder = Arc::new(Holder {
            kind: verified.kind,
            user_id: verified.user_id,
            not_after: verified.not_after,
            token: text.as_bytes().into(),
        });
        self.verified.insert(pinned.seen(), &holder);
        Ok(holder)
    }

    fn check_against(
        &self,
        token: &Token,
        app: &App,
    ) -> Result<access_token::Verified, AdmitError> {
        let expected = Expected {
            app_id: app.app_id.as_str(),
            certificates: &app.certificate_texts(),
        };
        let now = self.clock.unix();
        self.metrics
            .token_ahead(token.issued_at().saturating_sub(now));
        let checked = token.check(&expected, now, &self.policy);
        checked.map_err(|fault| match fault {
            Fault::AppMismatch => AdmitError::AppMismatch,
            Fault::TokenExpired | Fault::PrivilegeExpired => {
                self.metrics.token(TokenVerdict::Expired);
                AdmitError::TokenExpired
            }
            fault => self.invalid(Some(fault)),
        })
    }
}

/// Tokens of a revoked user, issued up to and including the second of the revocation.
fn is_revoked(app: &App, verified: &access_token::Verified) -> bool {
    let until = app.revoked_until(&verified.user_id);
    until.is_some_and(|until| verified.issued_at <= until)
}

fn fits(holder: &Holder, demand: Demand<'_>) -> bool {
    let is_app = matches!(holder.kind, Kind::App | Kind::UserAndApp);
    let is_user = matches!(holder.kind, Kind::User | Kind::UserAndApp);
    match demand {
        Demand::Any => true,
        Demand::SelfUser(user) => is_app || (is_user && holder.user_id == user),
        Demand::OwnUser(user) => is_user && holder.user_id == user,
        Demand::App => is_app,
    }
}

impl<C> Identified<C> {
    pub fn call(&self) -> &C {
        self.pinned.call()
    }

    pub fn app(&self) -> &App {
        self.pinned.app()
    }
}

impl<C> Admitted<C> {
    pub fn call(&self) -> &C {
        self.pinned.call()
    }

    pub fn app(&self) -> &App {
        self.pinned.app()
    }

    /// When the token that let the call in dies, in unix seconds; none in `upstream` mode without one.
    pub const fn ends(&self) -> Option<u64> {
        self.ends
    }

    pub fn into_parts(self) -> (C, Arc<Seen>) {
        self.pinned.into_parts()
    }
}
