//! `registry.etcd`: a store for several machines.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::RegistryStore;
use crate::config::read::{Item, Section};
use crate::config::{secret, url};

pub(super) fn read(item: &Item<'_>, data_dir: &Path, plain: bool) -> Option<RegistryStore> {
    item.section(|s| {
        let endpoints = s.need_list("endpoints", ENDPOINTS);
        let prefix = s.take("prefix").and_then(|item| item.parse(PREFIX, prefix));
        let (username, password) = account(s, item, data_dir);
        RegistryStore::Etcd {
            endpoints: endpoints
                .iter()
                .filter_map(|item| endpoint(item, plain))
                .collect(),
            prefix: prefix.unwrap_or_else(|| "/domicile".to_owned()),
            username,
            password,
            ca: ca(s, data_dir),
        }
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

fn prefix(text: &str) -> Result<String, &'static str> {
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
) -> (Option<String>, Option<SecretString>) {
    let username = s.take("username");
    let password = s.take("password");
    if username.is_some() != password.is_some() {
        let expected = "username and password: {file: ...} together, or neither";
        item.fault::<()>("has only one of username and password", expected);
    }
    let username = username.and_then(|item| item.text("a user name").map(str::to_owned));
    (
        username,
        password.and_then(|item| secret::read(&item, data_dir)),
    )
}

fn ca(s: &mut Section<'_>, data_dir: &Path) -> Option<PathBuf> {
    let item = s.take("tls")?;
    item.section(|s| s.path("ca", data_dir))?
}
