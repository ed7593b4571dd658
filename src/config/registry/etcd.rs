//! `registry.etcd`: a store for several machines.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::{EtcdConfig, RegistryStore};
use crate::config::read::{Item, Section};
use crate::config::{secret, url};

pub(super) fn read(item: &Item<'_>, data_dir: &Path, plain: bool) -> Option<RegistryStore> {
    item.section(|s| {
        let endpoints = s.need_list("endpoints", ENDPOINTS);
        let prefix = s.take("prefix").and_then(|item| item.parse(PREFIX, prefix));
        let user = account(s, item, data_dir);
        let (ca, identity) = tls(s, data_dir);
        RegistryStore::Etcd(EtcdConfig {
            endpoints: endpoints
                .iter()
                .filter_map(|item| endpoint(item, plain))
                .collect(),
            prefix: prefix.unwrap_or_else(|| "/domicile".to_owned()),
            user,
            ca,
            identity,
        })
    })
}

const ENDPOINTS: &str = "the URLs of the etcd members, such as [\"https://10.71.0.5:2379\"]";
const PREFIX: &str = "a key prefix such as /domicile";

fn endpoint(item: &Item<'_>, plain: bool) -> Option<String> {
    let url = item.parse("a URL such as \"https://10.71.0.5:2379\"", url::url)?;
    match url.scheme.as_str() {
        "https" => {}
        "http" if plain => {}
        "http" => return item.fault("is plain text", "https, or allow_plaintext: true"),
        _ => return item.fault("has a scheme other than https", "https://HOST:2379"),
    }
    if url.port.is_none() || !matches!(url.path.as_str(), "" | "/") {
        return item.fault("is not just a host and a port", "https://HOST:2379");
    }
    item.text("a URL")
        .map(|text| text.trim_end_matches('/').to_owned())
}

/// A prefix of keys.
///
/// # Errors
/// What is wrong with it.
pub fn prefix(text: &str) -> Result<String, &'static str> {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b"/_.-".contains(&b);
    if !text.starts_with('/') || !text.bytes().all(inside) {
        return Err("is not a path of letters, digits, '_', '.' and '-'");
    }
    if text.ends_with('/') || text.contains("//") {
        return Err("has an empty part");
    }
    Ok(text.to_owned())
}

/// A name and its password, both or neither.
fn account(
    s: &mut Section<'_>,
    item: &Item<'_>,
    data_dir: &Path,
) -> Option<(String, SecretString)> {
    let username = s.take("username");
    let password = s.take("password");
    if username.is_some() != password.is_some() {
        let expected = "username and password: {file: ...} together, or neither";
        item.fault::<()>("has only one of username and password", expected);
    }
    let username = username.and_then(|item| item.text("a user name").map(str::to_owned));
    let password = password.and_then(|item| secret::read(&item, data_dir));
    username.zip(password)
}

type Files = (PathBuf, PathBuf);

fn tls(s: &mut Section<'_>, data_dir: &Path) -> (Option<PathBuf>, Option<Files>) {
    let Some(item) = s.take("tls") else {
        return (None, None);
    };
    let read = item.section(|s| {
        let ca = s.path("ca", data_dir);
        let certificate = s.path("certificate", data_dir);
        let key = s.path("key", data_dir);
        if certificate.is_some() != key.is_some() {
            let expected = "certificate and key together, or neither";
            item.fault::<()>("has only one of certificate and key", expected);
        }
        (ca, certificate.zip(key))
    });
    read.unwrap_or_default()
}
