//! The PROVISION: who logs in. The gateway has checked the token and the pin; what names the user is
//! checked here.

use prost::Message;

use super::frames::Refusal;
use super::jid::PEOPLE;
use super::schema::status::ErrorCode;
use super::schema::{MSync, Provision, m_sync};
use crate::app_key::AppKey;
use crate::centre::Centre;
use crate::store::cipher::Keyspace;
use crate::store::{StoreError, View};
use crate::users::{self, User};

/// Who logs in, and with which device.
pub(crate) struct Login {
    pub(crate) app: AppKey,
    pub(crate) name: String,
    pub(crate) resource: String,
    /// The client's name for its session; echoed.
    pub(crate) session: Option<String>,
}

/// Reads a PROVISION and looks the user up.
pub(crate) async fn check(centre: &Centre, message: &[u8]) -> Result<Login, Refusal> {
    let unnamed = users::new_uuid(centre.clock.unix_millis()).to_string();
    let login = Login::read(message, unnamed)?;
    let key = users::key(&login.app, &login.name);
    let read = move |view: &View<'_>| view.get::<User>(Keyspace::Users, &key);
    match centre.store.read::<_, StoreError, _>(read).await {
        Ok(Some(_)) => Ok(login),
        Ok(None) => Err(Refusal::of(ErrorCode::Fail, "Sorry, user not found")),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a log-in failed");
            Err(Refusal::of(ErrorCode::Fail, "internal error"))
        }
    }
}

impl Login {
    fn read(message: &[u8], unnamed: String) -> Result<Login, Refusal> {
        let unreadable = |_| Refusal::of(ErrorCode::PbParserError, "unreadable");
        let frame = MSync::decode(message).map_err(unreadable)?;
        if frame.command != Some(m_sync::Command::Provision.into()) {
            return Err(Refusal::of(ErrorCode::WrongParameter, "log in first"));
        }
        let provision = Provision::decode(frame.payload()).map_err(unreadable)?;
        let guid = frame.guid.unwrap_or_default();
        if guid.domain.as_ref().is_some_and(|domain| domain != PEOPLE) {
            return Err(Refusal::of(ErrorCode::WrongParameter, "guid is no user"));
        }
        let app = app_key(guid.app_key()).ok_or(NO_APP)?;
        let name = guid
            .name
            .filter(|name| users::is_name(name))
            .ok_or(NO_NAME)?;
        let wanted = provision.resource.or(guid.client_resource);
        let resource = wanted.filter(|resource| !resource.is_empty());
        Ok(Login {
            app,
            name,
            resource: resource.unwrap_or(unnamed),
            session: provision.session_id,
        })
    }
}

fn app_key(text: &str) -> Option<AppKey> {
    let (org, app) = text.split_once('#')?;
    AppKey::new(org, app)
}

const NO_APP: Refusal = Refusal::of(ErrorCode::WrongParameter, "guid names no App");
const NO_NAME: Refusal = Refusal::of(ErrorCode::WrongParameter, "guid names no user");

#[cfg(test)]
mod tests {
    use super::super::frames;
    use super::super::schema::Jid;
    use super::*;

    fn read(guid: Option<Jid>) -> Result<Login, Refusal> {
        let mut frame = MSync::decode(frames::provision("web", Some("1:".into()))).unwrap();
        frame.guid = guid;
        Login::read(&frame.encode_to_vec(), "unnamed".into())
    }

    fn ann() -> Jid {
        Jid {
            app_key: Some("acme#chat".into()),
            name: Some("ann".into()),
            ..Jid::default()
        }
    }

    #[test]
    fn a_user_of_an_app_logs_in() {
        let login = read(Some(ann())).unwrap();
        assert_eq!(
            (login.name.as_str(), login.resource.as_str()),
            ("ann", "web")
        );
        assert_eq!((login.app.org(), login.app.app()), ("acme", "chat"));
        assert_eq!(login.session.as_deref(), Some("1:"));
    }

    #[test]
    fn who_is_not_named_does_not_log_in() {
        assert!(read(None).is_err());
        for app in [
            "",
            "acme",
            "#chat",
            "acme#",
            "acme#ch#at",
            "api#chat",
            "a/b#chat",
        ] {
            let app_key = Some(app.to_owned());
            assert!(read(Some(Jid { app_key, ..ann() })).is_err(), "{app}");
        }
        for name in ["", "a/b", ".."] {
            let name = Some(name.to_owned());
            assert!(read(Some(Jid { name, ..ann() })).is_err());
        }
        let domain = Some("conference.easemob.com".to_owned());
        assert!(read(Some(Jid { domain, ..ann() })).is_err());
    }
}
