//! Settings, certificates, revocations and accounts.

use std::sync::Arc;
use std::time::Duration;

use super::kit::{NOW, World, id, key, region, registered};
use super::wrappers::Wrapped;
use crate::registry::suite::Backend;
use crate::registry::{
    AccountError, AuthMode, CertRole, CertificateError, Distrust, Key, NewAccount, Patch, Plan,
    Registry, Role,
};

pub async fn settings_are_changed(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let new = registered(&home, id("a1"), key("acme#chat")).await;
    assert_eq!((new.plan, new.retention_days), (Plan::Free, 7));
    assert_eq!((new.auth_mode, new.created_at), (AuthMode::Secure, NOW));
    let patch = |plan, retention_days| Patch {
        plan: Some(plan),
        retention_days,
        ..Patch::default()
    };
    for (plan, days, kept) in [
        (Plan::Basic, None, 90),
        (Plan::Enterprise, Some(1_000), 1_000),
        (Plan::Enterprise, None, 1_000),
        (Plan::Advanced, None, 180),
    ] {
        let app = home
            .patch(&id("a1"), None, patch(plan, days))
            .await
            .unwrap();
        assert_eq!((app.plan, app.retention_days), (plan, kept));
    }
    let same = home
        .patch(&id("a1"), None, patch(Plan::Advanced, None))
        .await
        .unwrap();
    assert_eq!(same.revision, 4);
}

pub async fn certificates_rotate(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let new = registered(&home, id("a1"), key("acme#chat")).await;
    let old = new.certificates[0].id.clone();
    let last = home.delete_certificate(&id("a1"), None, &old).await;
    assert!(matches!(last, Err(CertificateError::Last)));
    let (_, second) = home.create_certificate(&id("a1"), None).await.unwrap();
    assert_eq!(second.role, CertRole::Secondary);
    let third = home.create_certificate(&id("a1"), None).await;
    assert!(matches!(third, Err(CertificateError::Limit)));
    let primary = home.delete_certificate(&id("a1"), None, &old).await;
    assert!(matches!(primary, Err(CertificateError::Primary)));
    let app = home
        .promote_certificate(&id("a1"), None, &second.id)
        .await
        .unwrap();
    let roles: Vec<CertRole> = app.certificates.iter().map(|c| c.role).collect();
    assert_eq!(roles, [CertRole::Secondary, CertRole::Primary]);
    let app = home
        .delete_certificate(&id("a1"), None, &old)
        .await
        .unwrap();
    assert_eq!(app.certificates.len(), 1);
    assert_eq!(app.certificates[0].expose(), second.expose());
    let gone = home.delete_certificate(&id("a1"), None, &old).await;
    assert!(matches!(gone, Err(CertificateError::Unknown)));
}

pub async fn users_are_revoked(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    registered(&home, id("a1"), key("acme#chat")).await;
    home.revoke_user(&id("a1"), None, "ada").await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    home.revoke_user(&id("a1"), None, "bob").await.unwrap();
    let app = home.revoke_user(&id("a1"), None, "ada").await.unwrap();
    let wanted = [("bob".to_owned(), NOW + 60), ("ada".to_owned(), NOW + 60)];
    assert_eq!(app.revoked_users, wanted);
    // Tokens of that time are dead by now: the record doesn't grow for ever.
    world.clock.advance(Duration::from_hours(49));
    let app = home.revoke_user(&id("a1"), None, "eve").await.unwrap();
    assert_eq!(app.revoked_users.len(), 1);
}

pub(super) fn account(name: &str, role: Role) -> NewAccount {
    NewAccount {
        name: name.to_owned(),
        role,
        apps: vec![id("a1")],
        orgs: vec!["acme".to_owned()],
        allow_from: vec!["10.0.0.0/8".parse().unwrap()],
        key_hash: format!("hash of {name}'s key"),
    }
}

pub async fn accounts_live_in_the_store(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let first = home
        .adopt_first_owner("ada".to_owned(), "h".to_owned())
        .await
        .unwrap();
    assert_eq!(first.as_ref().map(|a| a.role), Some(Role::Owner));
    let second = home
        .adopt_first_owner("eve".to_owned(), "e".to_owned())
        .await
        .unwrap();
    assert!(second.is_none());
    let issuer = home
        .create_account(account("bob", Role::Issuer))
        .await
        .unwrap();
    assert_eq!(home.accounts().await.unwrap().len(), 2);

    let again = world.open("frankfurt").await;
    let found = again
        .account_by_key("hash of bob's key")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found, issuer);
    assert!(
        again
            .account_by_key("hash of eve's key")
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        world
            .open("virginia")
            .await
            .accounts()
            .await
            .unwrap()
            .is_empty()
    );

    again.touch_account(&issuer.id).await.unwrap();
    world.clock.advance(Duration::from_mins(59));
    again.touch_account(&issuer.id).await.unwrap();
    let found = home
        .account_by_key("hash of bob's key")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.last_used_at, Some(NOW));
}

/// Two owners delete each other: one of them stays.
pub async fn the_last_owner_stays(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let one = home
        .create_account(account("ada", Role::Owner))
        .await
        .unwrap();
    let two = home
        .create_account(account("bob", Role::Owner))
        .await
        .unwrap();
    let other = home
        .create_account(account("eve", Role::Auditor))
        .await
        .unwrap();
    let (a, b) = tokio::join!(home.delete_account(&one.id), home.delete_account(&two.id));
    let last = [a, b]
        .into_iter()
        .filter(|r| matches!(r, Err(AccountError::LastOwner)));
    assert_eq!(last.count(), 1);
    home.delete_account(&other.id).await.unwrap();
    let gone = home.delete_account(&other.id).await;
    assert!(matches!(gone, Err(AccountError::Unknown)));
    let left = home.accounts().await.unwrap();
    assert_eq!(
        left.iter().map(|a| a.role).collect::<Vec<_>>(),
        [Role::Owner]
    );
    assert!(
        home.account_by_key("hash of eve's key")
            .await
            .unwrap()
            .is_none()
    );
}

pub async fn unused_accounts_are_swept(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    home.create_account(account("ada", Role::Owner))
        .await
        .unwrap();
    let unused = home
        .create_account(account("bob", Role::Auditor))
        .await
        .unwrap();
    let used = home
        .create_account(account("eve", Role::Auditor))
        .await
        .unwrap();
    let days = |n: u64| Duration::from_hours(24 * n);
    world.clock.advance(days(179));
    home.touch_account(&used.id).await.unwrap();
    assert!(home.unused_accounts(days(180)).await.unwrap().is_empty());
    world.clock.advance(days(1));
    let found = home.unused_accounts(days(180)).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&unused.id));
}

/// Control: whether it may go is asked again when somebody was faster.
pub async fn an_account_that_comes_into_use_meanwhile_stays(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let home = world.open("frankfurt").await;
    let wrapped = Wrapped::new(Arc::clone(&world.store));
    let mut parts = world.parts("frankfurt");
    parts.store = Arc::clone(&wrapped) as _;
    let other = Registry::open(parts).await.unwrap();
    home.create_account(account("ada", Role::Owner))
        .await
        .unwrap();
    let bob = home
        .create_account(account("bob", Role::Auditor))
        .await
        .unwrap();
    let unused = Duration::from_hours(24 * 180);
    world.clock.advance(unused);
    let id = bob.id.clone();
    let later = async move { home.touch_account(&id).await.unwrap() };
    *wrapped.before_commit.lock() = Some(Box::pin(later));

    let kept = other.delete_unused_account(&bob.id, unused).await;
    assert!(matches!(kept, Err(AccountError::InUse)), "{kept:?}");
    other.delete_account(&bob.id).await.unwrap();
}

/// An account of another region, or under another id, does not open.
pub async fn a_foreign_account_lets_nobody_in(backend: Arc<dyn Backend>) {
    let world = World::new(backend).await;
    let (home, far) = (world.open("frankfurt").await, world.open("virginia").await);
    let ours = home
        .create_account(account("ada", Role::Issuer))
        .await
        .unwrap();
    let theirs = far
        .create_account(account("eve", Role::Owner))
        .await
        .unwrap();
    let place = |name, id: &str| Key::account(&region(name), id);
    let read = world.store.read(vec![
        place("frankfurt", &ours.id),
        place("virginia", &theirs.id),
    ]);
    let values = read.await.unwrap();
    world
        .backend
        .tamper(place("frankfurt", &theirs.id), values[1].clone())
        .await;
    world
        .backend
        .tamper(place("frankfurt", "copy"), values[0].clone())
        .await;
    let cold = world.open("frankfurt").await;
    assert_eq!(cold.accounts().await.unwrap(), [ours]);
    assert_eq!(cold.stats().distrusts[Distrust::SealedAccount as usize], 2);
}
