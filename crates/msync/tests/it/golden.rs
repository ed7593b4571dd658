//! Frames as the real web SDKs sent and took them, labelled (`tests/golden-frames.json`).

use msync::{Channel, Command, Offer, inspect_down, inspect_up, read_provision};
use serde::Deserialize;
use serde_json::Value;

use crate::agree::agree;

const APP: &str = "711111111#1111111";
const OTHER: &str = "711111111#2222222";

#[derive(Deserialize)]
struct Golden {
    dir: String,
    label: String,
    #[serde(deserialize_with = "bytes")]
    hex: Vec<u8>,
    #[serde(default)]
    identities: Option<Vec<Identity>>,
    decoded: Value,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "where")]
    place: String,
    app_key: Option<String>,
    token: Option<String>,
}

fn bytes<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    hex::decode(String::deserialize(from)?).map_err(serde::de::Error::custom)
}

fn frames(dir: &str) -> Vec<Golden> {
    let text = include_str!("../golden-frames.json");
    let all: Vec<Golden> = serde_json::from_str(text).unwrap();
    assert_eq!(all.len(), 89);
    all.into_iter().filter(|golden| golden.dir == dir).collect()
}

#[test]
fn clients_frames_are_what_their_labels_say() {
    for golden in frames("client->server") {
        let up = inspect_up(&golden.hex, APP).unwrap();
        assert_eq!(up.command, golden.command());
        assert_eq!(up.channel, golden.channel(), "{}", golden.label);
        assert_eq!(
            up.is_message,
            golden.label.contains("=CHAT") || golden.label.contains("=MUC")
        );
        let id = &golden.decoded["payload"]["meta"]["id"];
        assert_eq!(up.meta_id, id.as_str().map(|id| id.parse().unwrap()));
        assert!(!up.foreign && !up.compressed);
    }
}

#[test]
fn data_centres_frames_are_what_their_labels_say() {
    for golden in frames("server->client") {
        let down = inspect_down(&golden.hex, APP).unwrap();
        let payload = &golden.decoded["payload"];
        assert_eq!(down.command, golden.command());
        let id = payload["metaId"].as_str().map(|id| id.parse().unwrap());
        assert_eq!(down.ack, id, "{}", golden.label);
        let code = payload["status"]["errorCode"].as_i64();
        assert_eq!(down.error_code.map(i64::from), code);
        assert_eq!(down.channel, Channel::General);
        assert!(!down.foreign && !down.redirect && !down.compressed && !down.chooses);
    }
}

#[test]
fn every_identity_is_found() {
    for golden in frames("client->server") {
        let identities = golden.identities.as_ref().unwrap();
        let keys = identities
            .iter()
            .filter(|identity| identity.app_key.is_some());
        let places = places(&golden.hex);
        assert_eq!(keys.count(), places.len(), "{}", golden.label);
        for at in places {
            let mut altered = golden.hex.clone();
            altered[at..at + OTHER.len()].copy_from_slice(OTHER.as_bytes());
            assert!(inspect_up(&altered, APP).unwrap().foreign);
        }
        if golden.command() == Command::Provision {
            login(&golden.hex, identities);
        }
    }
    for golden in frames("server->client") {
        for at in places(&golden.hex) {
            let mut altered = golden.hex.clone();
            altered[at..at + OTHER.len()].copy_from_slice(OTHER.as_bytes());
            assert!(inspect_down(&altered, APP).unwrap().foreign);
        }
    }
}

fn login(frame: &[u8], identities: &[Identity]) {
    let provision = read_provision(frame).unwrap();
    assert_eq!(provision.guid_app_key, Some(APP));
    assert_eq!(provision.guid_name, Some("alice"));
    assert_eq!(provision.guid_domain, Some("easemob.com"));
    assert_eq!(provision.resource, provision.guid_client_resource);
    let token = |place: &str| {
        let found = identities
            .iter()
            .find(|identity| identity.place.starts_with(place));
        found.and_then(|identity| identity.token.as_deref())
    };
    assert_eq!(provision.envelope_auth, token("MSync.auth"));
    let auth_token = provision.auth_token.map(|it| str::from_utf8(it).unwrap());
    assert_eq!(auth_token, token("Provision.auth_token"));
    assert_eq!(provision.compress_type, Offer::WithNone);
    assert_eq!(provision.encrypt_type, Offer::WithNone);
    assert_eq!(provision.envelope_encrypt_type, Offer::WithNone);
    assert!(!provision.encrypt_key && !provision.compressed);
}

#[test]
fn prost_agrees() {
    for golden in frames("client->server")
        .iter()
        .chain(&frames("server->client"))
    {
        agree(&golden.hex, APP);
        for end in 0..golden.hex.len() {
            agree(&golden.hex[..end], APP);
        }
    }
}

impl Golden {
    fn command(&self) -> Command {
        match self.label.split(' ').next().unwrap() {
            "SYNC" => Command::Sync,
            "UNREAD" => Command::Unread,
            "NOTICE" => Command::Notice,
            "PROVISION" => Command::Provision,
            "LOGOUT" => Command::Logout,
            label => panic!("{label}"),
        }
    }

    fn channel(&self) -> Channel {
        match &self.label {
            label if label.contains("ns=CHAT type=2") => Channel::Group,
            label if label.contains("ns=CHAT type=3") => Channel::Room,
            label if label.contains("ns=CHAT") => Channel::OneToOne,
            label if label.contains("ns=MUC") => Channel::Room,
            _ => Channel::General,
        }
    }
}

/// Where the App's key lies in the frame.
fn places(frame: &[u8]) -> Vec<usize> {
    let windows = frame.windows(APP.len()).enumerate();
    windows
        .filter(|(_, window)| *window == APP.as_bytes())
        .map(|(at, _)| at)
        .collect()
}
