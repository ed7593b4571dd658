//! Apps of the tests, and their tokens.

use std::sync::Arc;

use access_token::ChatTokenBuilder;
use domicile::domain::{Clock, ManualClock};
use domicile::registry::{AuthMode, NewApp, Plan};

/// A registered App, as its owner knows it.
#[derive(Clone)]
pub struct TestApp {
    pub app_id: String,
    pub org: String,
    pub app: String,
    pub region: &'static str,
    pub zone: &'static str,
    pub certificate: String,
    pub clock: Arc<ManualClock>,
}

/// How an App is registered, beyond its zone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    pub plan: Option<Plan>,
    pub auth_mode: Option<AuthMode>,
}

impl Wish {
    pub fn upstream_mode() -> Self {
        Self {
            auth_mode: Some(AuthMode::Upstream),
            ..Self::default()
        }
    }

    pub(super) fn new_app(self, org: &str, app: &str, region: &str, zone: &str) -> NewApp {
        NewApp {
            app_id: None,
            app_key: domicile::domain::AppKey::new(org, app).unwrap(),
            region: Some(domicile::domain::RegionId::parse(region).unwrap()),
            zone: Some(domicile::domain::ZoneId::parse(zone).unwrap()),
            plan: self.plan,
            auth_mode: self.auth_mode,
        }
    }
}

/// How long the tests' tokens live, in seconds.
pub const TTL: u32 = 3600;

impl TestApp {
    /// `org#app`
    pub fn app_key(&self) -> String {
        format!("{}#{}", self.org, self.app)
    }

    /// `/{org}/{app}/{rest}`
    pub fn path(&self, rest: &str) -> String {
        format!("/{}/{}/{rest}", self.org, self.app)
    }

    /// Now, in unix seconds, as tokens have it.
    pub fn now(&self) -> u32 {
        u32::try_from(self.clock.unix()).unwrap()
    }

    /// A token that anything can be granted by.
    pub fn builder(&self) -> ChatTokenBuilder<'_> {
        self.builder_at(self.now(), TTL)
    }

    pub fn builder_at(&self, issued_at: u32, ttl: u32) -> ChatTokenBuilder<'_> {
        ChatTokenBuilder::new(&self.app_id, &self.certificate, ttl, issued_at, salt())
    }

    pub fn user_token(&self, user: &str) -> String {
        self.builder().user(user).build().unwrap()
    }

    pub fn app_token(&self) -> String {
        self.builder().app().build().unwrap()
    }

    pub fn expired_token(&self, user: &str) -> String {
        let expired = self.builder_at(self.now() - 2 * TTL, TTL);
        expired.user(user).app().build().unwrap()
    }

    /// Right in everything but the certificate that it is signed with.
    pub fn forged_token(&self) -> String {
        let other = "0123456789abcdef0123456789abcdef";
        let forged = ChatTokenBuilder::new(&self.app_id, other, TTL, self.now(), salt());
        forged.app().build().unwrap()
    }
}

fn salt() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
