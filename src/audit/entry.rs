//! What an entry says.

use serde::{Deserialize, Serialize};

use crate::domain::AppId;

/// One line of the log, as SPEC 8 shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 0, without gaps.
    pub index: u64,
    /// RFC 3339, milliseconds, UTC.
    pub time: String,
    /// The gateway's id.
    pub gateway: String,
    /// An account id, `client` or `gateway`.
    pub actor: String,
    pub action: Action,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    pub region: String,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How many times, for entries that stand for several refusals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Of which sweep, and of which channel, for entries that tell of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Of a new App: whoever has lost the registry can put them back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<Pins>,
}

/// The two pins of an App as they are stored, in base64. They are signed, and hold no name in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    pub id: String,
    pub key: String,
}

/// A data centre's sweep in one channel of an App. The same id, channel and kind twice: told twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    pub id: String,
    pub channel: String,
    /// `messages`, `waiting`, `files` or `bytes`.
    pub kind: String,
    /// What is older was deleted, in Unix milliseconds by the data centre's clock.
    pub older_than: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Begun,
    Done,
    Failed,
    Refused,
}

/// What was done or asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    #[serde(rename = "app.register")]
    Register,
    #[serde(rename = "app.suspend")]
    Suspend,
    #[serde(rename = "app.resume")]
    Resume,
    #[serde(rename = "app.retire")]
    Retire,
    /// Any spelling of a migration.
    #[serde(rename = "app.move")]
    Move,
    /// Plan, retention, mode or limits.
    #[serde(rename = "app.change")]
    Change,
    /// The home data centre erased what it kept of an App.
    #[serde(rename = "app.erase")]
    EraseApp,
    #[serde(rename = "certificate.create")]
    CreateCertificate,
    #[serde(rename = "certificate.promote")]
    PromoteCertificate,
    #[serde(rename = "certificate.revoke")]
    RevokeCertificate,
    #[serde(rename = "token.issue")]
    IssueToken,
    /// For somebody at a console.
    #[serde(rename = "token.issue_temporary")]
    IssueTemporaryToken,
    #[serde(rename = "user.revoke")]
    RevokeUser,
    /// The home data centre erased what it kept of a user.
    #[serde(rename = "user.erase")]
    EraseUser,
    #[serde(rename = "account.create")]
    CreateAccount,
    #[serde(rename = "account.delete")]
    DeleteAccount,
    /// A registry without an anchor was believed.
    #[serde(rename = "registry.anchor")]
    Anchor,
    /// The registry did not verify.
    #[serde(rename = "registry.read")]
    Registry,
    /// Pins and tombstones were put back from the audit log, and a new anchor was believed.
    #[serde(rename = "registry.reconcile")]
    Reconcile,
    /// The region's keys, registry and audit log went into a backup.
    #[serde(rename = "registry.backup")]
    Backup,
    /// They came out of one.
    #[serde(rename = "registry.restore")]
    Restore,
    /// What older seal keys had sealed was sealed anew by the newest one.
    #[serde(rename = "keys.rotate")]
    RotateKeys,
    /// The home data centre deleted what was past its retention.
    #[serde(rename = "retention.sweep")]
    SweepRetention,
    /// The canary was tried at the regions that it does not live in.
    #[serde(rename = "residency.probe")]
    Probe,
    /// A request, session or connection of an App.
    #[serde(rename = "traffic")]
    Traffic,
    /// Refusals that were counted but not told apart, because there were too many kinds of them.
    #[serde(rename = "traffic.lost")]
    Lost,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// An administrator, by account id.
    Account(String),
    /// Whoever sent the traffic; the log does not say who.
    Client,
    /// The gateway itself.
    Gateway,
}

/// An act: who does what, to which App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub actor: Actor,
    pub action: Action,
    pub app_id: Option<AppId>,
}

/// An entry before it has its place and time.
#[derive(Debug)]
pub(super) struct Draft {
    pub deed: Deed,
    pub outcome: Outcome,
    pub code: Option<&'static str>,
    pub count: Option<u64>,
    pub sweep: Option<Box<Sweep>>,
    pub pins: Option<Pins>,
}

impl Actor {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Account(id) => id,
            Self::Client => "client",
            Self::Gateway => "gateway",
        }
    }
}

impl Draft {
    pub fn of(deed: &Deed, outcome: Outcome, code: Option<&'static str>) -> Self {
        Self {
            deed: deed.clone(),
            outcome,
            code,
            count: None,
            sweep: None,
            pins: None,
        }
    }

    /// Bytes that the entry has at most. Its variable parts are texts, of which JSON may write a
    /// byte as six.
    pub fn most_bytes(&self) -> usize {
        let code = self.code.map_or(0, str::len);
        let pins = self.pins.as_ref();
        let pins = pins.map_or(0, |pins| pins.id.len() + pins.key.len());
        let sweep = self.sweep.as_ref();
        let sweep = sweep.map_or(0, |s| s.id.len() + s.channel.len() + s.kind.len());
        FIXED + ESCAPED * (self.deed.actor.as_str().len() + code + pins + sweep)
    }
}

/// More than the names of all members, and what is in them of the gateway's own.
const FIXED: usize = 1_024;

const ESCAPED: usize = 6;
