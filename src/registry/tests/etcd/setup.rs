//! Users, roles, and what a region may do.

use std::sync::Arc;

use secrecy::SecretString;

use super::process::EtcdProcess;
use super::{account, config_of, region, until};
use crate::config::EtcdConfig;
use crate::registry::tests::kit::catalogue;
use crate::registry::{
    Adding, CommitError, EtcdAdmin, EtcdError, EtcdStore, Hash, Key, Place, RegionUser, Regions,
    SetUpError, Store, Txn, Unavailable,
};

async fn admin(config: &EtcdConfig) -> EtcdAdmin {
    let admin = EtcdAdmin::open(config, SecretString::from("root's")).await;
    admin.unwrap()
}

fn user(name: &str, password: &str) -> RegionUser {
    RegionUser {
        region: region(name),
        username: name.to_owned(),
        password: SecretString::from(password),
    }
}

fn as_user(config: &EtcdConfig, name: &str, password: &str) -> EtcdConfig {
    EtcdConfig {
        user: Some((name.to_owned(), SecretString::from(password))),
        ..config.clone()
    }
}

async fn set_up(config: &EtcdConfig) {
    let admin = admin(config).await;
    admin.regions(&catalogue(), Adding::Refused).await.unwrap();
    for name in ["frankfurt", "singapore"] {
        admin.region(&user(name, "secret")).await.unwrap();
    }
    admin.enable().await.unwrap();
}

fn open(config: &EtcdConfig, name: &str) -> Arc<EtcdStore> {
    EtcdStore::open(config, &region(name)).unwrap()
}

fn denied(written: Result<impl std::fmt::Debug + PartialEq, CommitError>) {
    assert_eq!(written.unwrap_err(), CommitError::Unavailable(Unavailable));
}

/// Control: `setup::permissions`. Frankfurt's user can write neither Singapore's records nor pins
/// below Singapore's name, nor the list of regions; and it reads no record that is not its own.
#[tokio::test]
async fn a_region_writes_only_its_own_part() {
    let etcd = EtcdProcess::start();
    let config = config_of(&etcd.url(), "/domicile");
    set_up(&config).await;
    let frankfurt = open(&as_user(&config, "frankfurt", "secret"), "frankfurt");
    let singapore = open(&as_user(&config, "singapore", "secret"), "singapore");
    let hash = Hash::of_bytes(b"x");
    let own = |name: &str| {
        let txn = Txn::new(region(name)).put(&Place::Pin(hash), b"pin".to_vec());
        txn.put(&Place::App(hash), b"record".to_vec())
    };
    frankfurt.commit(own("frankfurt")).await.unwrap();
    singapore.commit(own("singapore")).await.unwrap();

    for place in [
        Place::Pin(hash),
        Place::App(hash),
        Place::Account("a".into()),
    ] {
        let foreign = Txn::new(region("singapore")).put(&place, b"mine".to_vec());
        denied(frankfurt.commit(foreign).await);
        assert_eq!(frankfurt.trouble(), Some("etcd's user may not do this"));
    }
    denied(frankfurt.put_admin(None, b"mine".to_vec()).await);
    let regions = frankfurt.read(vec![Key::regions()]).await.unwrap();
    denied(
        frankfurt
            .put_admin(regions[0].clone(), b"mine".to_vec())
            .await,
    );

    let there = vec![
        Key::pin(&region("singapore"), &hash),
        Key::app(&region("frankfurt"), &hash),
    ];
    let read = frankfurt.read(there).await.unwrap();
    assert_eq!(read, [Some(b"pin".to_vec()), Some(b"record".to_vec())]);
    assert!(
        frankfurt
            .newest_link(&region("singapore"))
            .await
            .unwrap()
            .is_some()
    );
    let record = Key::app(&region("singapore"), &hash);
    assert_eq!(frankfurt.read(vec![record.clone()]).await, Err(Unavailable));
    let record = singapore.read(vec![record]).await.unwrap();
    assert_eq!(record, [Some(b"record".to_vec())]);
    until("a watch", async || frankfurt.is_watching()).await;
}

/// Control: `Login`, which logs in anew when etcd has forgotten the log-in; and who is told what.
#[tokio::test]
async fn log_ins_end_and_are_renewed() {
    let mut etcd = EtcdProcess::start();
    let config = config_of(&etcd.url(), "/domicile");
    let early = open(&as_user(&config, "frankfurt", "secret"), "frankfurt");
    let trouble = async |store: &EtcdStore| {
        assert_eq!(store.read(vec![Key::regions()]).await, Err(Unavailable));
        store.trouble().unwrap()
    };
    assert_eq!(
        trouble(&early).await,
        "etcd has authentication switched off"
    );
    set_up(&config).await;
    early.commit(account("a")).await.unwrap();
    assert_eq!(
        trouble(&*open(&config, "frankfurt")).await,
        "etcd asks for a user"
    );
    for (name, password) in [("frankfurt", "wrong"), ("nobody", "secret")] {
        let store = open(&as_user(&config, name, password), "frankfurt");
        let said = trouble(&store).await;
        assert_eq!(said, "etcd does not know the user or its password");
    }
    // Tokens are in etcd's memory only.
    etcd.restart();
    until("answers", async || {
        early.read(vec![Key::regions()]).await.is_ok()
    })
    .await;
    early.commit(account("b")).await.unwrap();
    until("a watch", async || early.is_watching()).await;
    // Another password, as when one was lost: the log-in that stands is not asked for again.
    let admin = admin(&config).await;
    admin.region(&user("frankfurt", "other")).await.unwrap();
    let fresh = open(&as_user(&config, "frankfurt", "other"), "frankfurt");
    fresh.commit(account("c")).await.unwrap();
}

/// Control: `EtcdError::may_be_of_the_token`. etcd makes who shows a token of a later state wait for
/// that state; one that was rolled back may never have it.
#[tokio::test]
async fn a_log_in_of_a_state_that_is_gone_is_given_up() {
    let mut etcd = EtcdProcess::start();
    let config = config_of(&etcd.url(), "/domicile");
    set_up(&config).await;
    let store = open(&as_user(&config, "frankfurt", "secret"), "frankfurt");
    let answers = async || store.read(vec![Key::regions()]).await.is_ok();
    etcd.save();
    for name in ["a", "b", "c"] {
        // A conflict: it was made, and its answer came too late.
        until("a commit", async || {
            let made = store.commit(account(name)).await;
            matches!(made, Ok(_) | Err(CommitError::Conflict))
        })
        .await;
    }
    // A log-in after these commits.
    etcd.restart();
    until("answers", answers).await;
    etcd.roll_back();
    until("answers of the older state", answers).await;
}

/// Control: `EtcdAdmin`. What is there becomes what it must be, and no region goes away.
#[tokio::test]
async fn an_etcd_is_set_up_again_and_again() {
    let etcd = EtcdProcess::start();
    let config = config_of(&etcd.url(), "/domicile");
    for _ in 0..2 {
        set_up(&config).await;
    }
    let admin = admin(&config).await;
    admin.widen("domicile-frankfurt").await;
    let frankfurt = open(&as_user(&config, "frankfurt", "secret"), "frankfurt");
    let foreign = || Txn::new(region("virginia")).put(&Place::Account("a".into()), b"x".to_vec());
    frankfurt.commit(foreign()).await.unwrap();
    set_up(&config).await;
    denied(frankfurt.commit(foreign()).await);

    let mut fewer = catalogue();
    fewer.regions.pop();
    for adding in [Adding::Refused, Adding::Allowed] {
        let refused = admin.regions(&fewer, adding).await;
        assert!(matches!(refused, Err(SetUpError::OtherRegions { .. })));
    }
    let other = EtcdConfig {
        prefix: "/other".to_owned(),
        ..config.clone()
    };
    let admin = EtcdAdmin::open(&other, SecretString::from("root's"))
        .await
        .unwrap();
    assert_eq!(
        admin.regions(&fewer, Adding::Refused).await.unwrap(),
        Regions::Written
    );
    assert_eq!(
        admin.regions(&fewer, Adding::Refused).await.unwrap(),
        Regions::AsBefore
    );
    let refused = admin.regions(&catalogue(), Adding::Refused).await;
    assert!(matches!(refused, Err(SetUpError::OtherRegions { .. })));
    assert_eq!(
        admin.regions(&catalogue(), Adding::Allowed).await.unwrap(),
        Regions::Extended
    );

    let stranger = EtcdAdmin::open(&config, SecretString::from("wrong")).await;
    let Err(SetUpError::Etcd { error, .. }) = stranger else {
        panic!("a wrong password is let in");
    };
    assert_eq!(error, EtcdError::Credentials);
}
