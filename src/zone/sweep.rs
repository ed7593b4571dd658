//! What a data centre has deleted because it was past its App's retention. The request also tells the
//! App's retention as it is now, and has what is past it deleted. As an erasure, it goes to the zone
//! that the App is pinned to and nowhere else. What must be served is in `docs/data-centre.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::erase::{exchange, reach, request};
use super::{EraseError, Homes};
use crate::registry::App;

/// One sweep, as the data centre tells of it. It names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// 16 lower-case hexadecimal digits, made by the data centre. Later ones are higher.
    pub sweep_id: String,
    /// Unix milliseconds, by the data centre's clock.
    pub began_at: u64,
    /// What is older was deleted.
    pub older_than: u64,
    /// By channel and kind.
    pub deleted: BTreeMap<String, BTreeMap<String, u64>>,
}

#[derive(Serialize)]
struct Asked<'a> {
    app_key: &'a str,
    retention_days: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    app_key_sha256: String,
    #[serde(rename = "complete")]
    _complete: bool,
    sweeps: Vec<Sweep>,
}

impl Homes {
    /// Has the App's data centre sweep, and gives the reports behind the `acknowledged` one.
    ///
    /// # Errors
    /// See [`EraseError`]; [`EraseError::Unsupported`] where the data centre has no such call.
    pub async fn sweep(
        &self,
        app: &App,
        acknowledged: Option<&str>,
    ) -> Result<Vec<Sweep>, EraseError> {
        let home = self.homes.iter().find(|home| home.id == app.zone);
        let home = home.ok_or(EraseError::NoSuchZone)?;
        let sweeping = async {
            let (target, stream) = reach(home).await?;
            let asked = Asked {
                app_key: app.app_key.as_str(),
                retention_days: app.retention_days,
                acknowledged,
            };
            let request = request(home, &target, app, (PATH, &asked))?;
            read(&exchange(stream, request).await?, app)
        };
        let swept = tokio::time::timeout(WHOLE, sweeping).await;
        swept.unwrap_or(Err(EraseError::Timeout))
    }
}

/// Strictly: it goes into the audit log.
fn read(body: &[u8], app: &App) -> Result<Vec<Sweep>, EraseError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| EraseError::Protocol)?;
    let hash = hex::encode(digest(&SHA256, app.app_key.as_str().as_bytes()));
    let is_sound = answer.sweeps.len() <= SWEEPS && answer.sweeps.iter().all(Sweep::is_sound);
    if is_sound && answer.app_key_sha256 == hash {
        Ok(answer.sweeps)
    } else {
        Err(EraseError::Protocol)
    }
}

impl Sweep {
    fn is_sound(&self) -> bool {
        let digits = |b| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let of = |names: &[&str], name: &String| names.contains(&name.as_str());
        self.sweep_id.len() == 16
            && self.sweep_id.bytes().all(digits)
            && self.deleted.iter().all(|(channel, kinds)| {
                of(&CHANNELS, channel) && kinds.keys().all(|kind| of(&KINDS, kind))
            })
    }
}

const PATH: &str = "/management/sweeps";
const CHANNELS: [&str; 4] = ["one_to_one", "group", "room", "general"];
const KINDS: [&str; 4] = ["messages", "waiting", "files", "bytes"];
/// In one answer, at most.
const SWEEPS: usize = 64;
/// Connecting, asking, sweeping and answering together.
const WHOLE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(id: &str, channel: &str, kind: &str) -> Sweep {
        let kinds = BTreeMap::from([(kind.to_owned(), 1)]);
        Sweep {
            sweep_id: id.to_owned(),
            began_at: 1,
            older_than: 0,
            deleted: BTreeMap::from([(channel.to_owned(), kinds)]),
        }
    }

    /// Nothing that a data centre makes up gets into the audit log.
    #[test]
    fn only_known_words_and_digits_are_taken() {
        let id = "0af7651916cd43dd";
        assert!(sweep(id, "group", "messages").is_sound());
        for (id, channel, kind) in [
            (id, "ann", "messages"),
            (id, "group", "hello"),
            ("0AF7651916CD43DD", "group", "messages"),
            ("short", "group", "messages"),
        ] {
            assert!(
                !sweep(id, channel, kind).is_sound(),
                "{id} {channel} {kind}"
            );
        }
    }
}
