//! What the store's administrator does: a user and a role for each region, the list of regions,
//! and authentication switched on. All of it can be done again.
//!
//! A region's role reads `regions`, all pins and all chains, and its own records and accounts; it
//! writes its own pins, records, accounts and chain, and nothing else.

use secrecy::{ExposeSecret, SecretString};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::client::{Cluster, Failed};
use super::error::EtcdError;
use super::http::EtcdSetupError;
use super::keyspace::{Keyspace, Span};
use super::wire::Raw;
use super::{Compare, Op, Transaction, TransactionAnswer};
use crate::config::{Catalogue, EtcdConfig};
use crate::domain::RegionId;
use crate::registry::check::region_list;
use crate::registry::store::Key;
use crate::registry::transfer::prefixes;

/// The store's administrator.
pub struct EtcdAdmin {
    cluster: Cluster,
    keys: Keyspace,
    /// What roles are called, before their region.
    roles: String,
    root: (String, SecretString),
    /// Whether etcd knows users already.
    is_on: bool,
}

/// As whom a region's gateways come.
pub struct RegionUser {
    pub region: RegionId,
    pub username: String,
    pub password: SecretString,
}

/// What became of the list of regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regions {
    Written,
    Extended,
    AsBefore,
}

/// Why etcd was not set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error(transparent)]
    Client(#[from] EtcdSetupError),
    #[error("{doing}: {error}")]
    Etcd {
        doing: &'static str,
        error: EtcdError,
    },
    #[error("the registry's regions are {there}, the catalogue's are {wanted}")]
    OtherRegions { there: String, wanted: String },
    #[error("somebody else writes the list of regions right now")]
    Conflict,
}

/// etcd's own name for who may do everything.
pub const ROOT: &str = "root";

impl EtcdAdmin {
    /// Comes as root; without a log-in while etcd has authentication switched off.
    ///
    /// # Errors
    /// When etcd cannot be reached, or does not let root in.
    pub async fn open(config: &EtcdConfig, password: SecretString) -> Result<Self, SetUpError> {
        let root = (ROOT.to_owned(), password);
        let roles = config.prefix.trim_start_matches('/').replace('/', "-");
        let mut admin = Self {
            cluster: Cluster::new(config, Some(&root))?,
            keys: Keyspace::new(&config.prefix),
            roles,
            root,
            is_on: true,
        };
        match admin.call("/v3/auth/user/list", &Nothing {}).await {
            Err(EtcdError::AuthenticationOff) => {
                admin.cluster = Cluster::new(config, None)?;
                admin.is_on = false;
            }
            answer => answer.map_err(|error| failed("logging in as root", error))?,
        }
        Ok(admin)
    }

    /// What a region's role is called.
    pub fn role(&self, region: &RegionId) -> String {
        format!("{}-{region}", self.roles)
    }

    /// Makes a region's role and user what they must be: the role may do no more and no less, the
    /// user has this password and this role.
    ///
    /// # Errors
    /// When etcd refuses.
    pub async fn region(&self, user: &RegionUser) -> Result<(), SetUpError> {
        let role = self.role(&user.region);
        let made = self.make_role(&role, &user.region).await;
        made.map_err(|error| failed("making a region's role", error))?;
        let made = self.make_user(&user.username, &user.password, &role).await;
        made.map_err(|error| failed("making a region's user", error))
    }

    /// Writes the catalogue's regions, if there are none, or if they only become more and
    /// `may_extend`.
    ///
    /// # Errors
    /// When others are there. A region never goes away: its Apps would be free to be registered
    /// elsewhere.
    pub async fn regions(
        &self,
        catalogue: &Catalogue,
        adding: Adding,
    ) -> Result<Regions, SetUpError> {
        let wanted = region_list(catalogue);
        let there = self.listed().await?;
        match &there {
            Some(there) if *there == wanted => return Ok(Regions::AsBefore),
            Some(there) if adding == Adding::Refused || !is_more(there, &wanted) => {
                let text = |list: &[u8]| String::from_utf8_lossy(list).replace('\n', ", ");
                return Err(SetUpError::OtherRegions {
                    there: text(there),
                    wanted: text(&wanted),
                });
            }
            _ => {}
        }
        let key = self.keys.raw(&Key::regions());
        let compare = match &there {
            None => Compare::absent(key.clone()),
            Some(there) => Compare::equals(key.clone(), Raw(there.clone())),
        };
        let value = Raw(wanted);
        let answer = self.transaction(compare, Op::Put { key, value }).await?;
        if !answer.succeeded {
            return Err(SetUpError::Conflict);
        }
        Ok(there.map_or(Regions::Written, |_| Regions::Extended))
    }

    /// Switches authentication on, with root's password; from here on nobody comes without a user.
    ///
    /// # Errors
    /// When etcd refuses.
    pub async fn enable(&self) -> Result<(), SetUpError> {
        if self.is_on {
            return Ok(());
        }
        let done = async {
            self.call_if_new("/v3/auth/role/add", &Named { name: ROOT })
                .await?;
            self.make_user(ROOT, &self.root.1, ROOT).await?;
            self.call("/v3/auth/enable", &Nothing {}).await
        };
        done.await
            .map_err(|error| failed("switching authentication on", error))
    }

    async fn listed(&self) -> Result<Option<Vec<u8>>, SetUpError> {
        let key = self.keys.raw(&Key::regions());
        let compare = Compare::absent(key.clone());
        let answer = self.transaction_else(compare, Op::get(key.clone())).await?;
        let found = answer.responses.into_iter().next().unwrap_or_default();
        Ok(found.value(&key))
    }

    async fn transaction(&self, compare: Compare, op: Op) -> Result<TransactionAnswer, SetUpError> {
        self.compared(compare, vec![op], Vec::new()).await
    }

    async fn transaction_else(
        &self,
        compare: Compare,
        op: Op,
    ) -> Result<TransactionAnswer, SetUpError> {
        self.compared(compare, Vec::new(), vec![op]).await
    }

    async fn compared(
        &self,
        compare: Compare,
        success: Vec<Op>,
        failure: Vec<Op>,
    ) -> Result<TransactionAnswer, SetUpError> {
        let transaction = Transaction {
            compare: vec![compare],
            success,
            failure,
        };
        let reply = self.cluster.call("/v3/kv/txn", &transaction).await;
        let answer = reply.map(|reply| reply.answer);
        answer.map_err(|f: Failed| failed("writing the list of regions", f.error))
    }

    async fn make_role(&self, role: &str, region: &RegionId) -> Result<(), EtcdError> {
        self.call_if_new("/v3/auth/role/add", &Named { name: role })
            .await?;
        let wanted = permissions(&self.keys, region);
        for perm in &wanted {
            let grant = Grant { name: role, perm };
            self.call("/v3/auth/role/grant", &grant).await?;
        }
        let there: RoleAnswer = self.ask("/v3/auth/role/get", &RoleName { role }).await?;
        for perm in there.perm {
            if !wanted
                .iter()
                .any(|w| w.key == perm.key && w.range_end == perm.range_end)
            {
                let (key, range_end) = (&perm.key, &perm.range_end);
                let revoke = Revoke {
                    role,
                    key,
                    range_end,
                };
                self.call("/v3/auth/role/revoke", &revoke).await?;
            }
        }
        Ok(())
    }

    async fn make_user(
        &self,
        name: &str,
        password: &SecretString,
        role: &str,
    ) -> Result<(), EtcdError> {
        let user = UserPassword {
            name,
            password: password.expose_secret(),
        };
        match self.call("/v3/auth/user/add", &user).await {
            Err(EtcdError::Exists) => self.call("/v3/auth/user/changepw", &user).await?,
            made => made?,
        }
        let there: UserAnswer = self.ask("/v3/auth/user/get", &Named { name }).await?;
        for other in there.roles.iter().filter(|other| *other != role) {
            let revoke = UserRevoke { name, role: other };
            self.call("/v3/auth/user/revoke", &revoke).await?;
        }
        if !there.roles.iter().any(|own| own == role) {
            let grant = UserGrant { user: name, role };
            self.call("/v3/auth/user/grant", &grant).await?;
        }
        Ok(())
    }

    async fn call_if_new(
        &self,
        path: &'static str,
        body: &impl Serialize,
    ) -> Result<(), EtcdError> {
        match self.call(path, body).await {
            Err(EtcdError::Exists) => Ok(()),
            made => made,
        }
    }

    async fn call(&self, path: &'static str, body: &impl Serialize) -> Result<(), EtcdError> {
        self.ask::<IgnoredAny>(path, body).await.map(|_| ())
    }

    async fn ask<A: serde::de::DeserializeOwned>(
        &self,
        path: &'static str,
        body: &impl Serialize,
    ) -> Result<A, EtcdError> {
        let reply = self.cluster.call(path, body).await;
        reply
            .map(|reply| reply.answer)
            .map_err(|failed| failed.error)
    }
}

#[cfg(test)]
impl EtcdAdmin {
    /// Lets a role do everything behind the prefix, as nobody should.
    pub(in crate::registry) async fn widen(&self, role: &str) {
        let perm = &Permission::of(self.keys.all(), READ_WRITE);
        let grant = Grant { name: role, perm };
        self.call("/v3/auth/role/grant", &grant).await.unwrap();
    }
}

/// Whether the list of regions may become longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adding {
    Refused,
    Allowed,
}

/// Whether nothing of a list is missing in another.
fn is_more(there: &[u8], wanted: &[u8]) -> bool {
    let lines =
        |list: &[u8]| -> Vec<Vec<u8>> { list.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect() };
    let wanted = lines(wanted);
    lines(there).iter().all(|line| wanted.contains(line))
}

fn permissions(keys: &Keyspace, region: &RegionId) -> Vec<Permission> {
    let below = |prefix: &Key, what| Permission::of(keys.below(prefix), what);
    let all = ["pins/", "chain/"].map(|kind| below(&Key::from_text(kind), READ));
    let own = prefixes(region).map(|prefix| below(&prefix, READ_WRITE));
    let regions = Permission {
        kind: READ.to_owned(),
        key: keys.raw(&Key::regions()),
        range_end: Raw::default(),
    };
    all.into_iter().chain(own).chain([regions]).collect()
}

const READ: &str = "READ";
const READ_WRITE: &str = "READWRITE";

fn failed(doing: &'static str, error: EtcdError) -> SetUpError {
    SetUpError::Etcd { doing, error }
}

impl Permission {
    fn of(span: Span, kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            key: span.key,
            range_end: span.range_end,
        }
    }
}

/// An entry of a role (etcd's `auth.proto`).
#[derive(Debug, Serialize, Deserialize)]
struct Permission {
    /// `READ` is left out, being the first.
    #[serde(rename = "permType", default)]
    kind: String,
    key: Raw,
    #[serde(default)]
    range_end: Raw,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct RoleName<'a> {
    role: &'a str,
}

#[derive(Serialize)]
struct Grant<'a> {
    name: &'a str,
    perm: &'a Permission,
}

#[derive(Serialize)]
struct Revoke<'a> {
    role: &'a str,
    key: &'a Raw,
    range_end: &'a Raw,
}

#[derive(Serialize)]
struct UserPassword<'a> {
    name: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
struct UserGrant<'a> {
    user: &'a str,
    role: &'a str,
}

#[derive(Serialize)]
struct UserRevoke<'a> {
    name: &'a str,
    role: &'a str,
}

#[derive(Deserialize)]
struct RoleAnswer {
    #[serde(default)]
    perm: Vec<Permission>,
}

#[derive(Deserialize)]
struct UserAnswer {
    #[serde(default)]
    roles: Vec<String>,
}
