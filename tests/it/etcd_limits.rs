//! An etcd that is full, compacted, or asks for certificates: what docs/registry.md says of them.

use domicile::registry::RegisterError;

use crate::etcd::{ask, named, registers, until, world};
use crate::harness::certificates::{Authority, Wish, issue};
use crate::harness::{Call, Etcd, World, in_time};

/// Two megabytes are enough for a few Apps.
const SMALL: &str = "--quota-backend-bytes=2097152";

/// Controls: `EtcdError::NoSpace` (said to the operator), and reads that go on.
#[tokio::test]
async fn a_full_etcd_refuses_registrations_and_all_else_goes_on() {
    let mut world = world(&["frankfurt"]).await;
    let etcd = Etcd::with_flags(&world, &[SMALL]);
    world.uses(&etcd);
    world.start_gateways().await;
    let app = world.app("fra1").await;
    fill(&etcd);
    let refused = registers(&world, "late").await;
    assert!(
        matches!(refused, Err(RegisterError::Unavailable)),
        "{refused:?}"
    );
    in_time("the reason at /readyz", async {
        // Each second's comparison reads, and that succeeds.
        while !says(&world, "etcd's space is used up").await {
            registers(&world, "late").await.unwrap_err();
        }
    })
    .await;
    let known = world.call("frankfurt", Call::plain_of(&app)).await;
    assert_eq!(known.verdict(), (200, "-"));
    let late = async || world.call("frankfurt", named("late")).await;
    assert_eq!(late().await.verdict(), (404, "app_unknown"));

    make_room(&etcd);
    in_time("registrations", async {
        while registers(&world, "late").await.is_err() {}
    })
    .await;
    assert_eq!(late().await.verdict(), (401, "token_missing"));
    assert_eq!(world.readiness("frankfurt").await.0, 200);
    world.finish().await;
}

async fn says(world: &World, detail: &str) -> bool {
    world.readiness("frankfurt").await.1.contains(detail)
}

/// With what is not the registry's, until etcd takes nothing any more.
fn fill(etcd: &Etcd) {
    let much = vec![b'x'; 256 * 1024];
    let full = (0..20).find_map(|n| {
        let key = format!("/other/{n}");
        etcd.ctl(&["put", &key], &much).err()
    });
    let said = full.expect("etcd has no end");
    assert!(said.contains("database space exceeded"), "{said}");
}

/// As etcd's documentation says.
fn make_room(etcd: &Etcd) {
    etcd.ctl(&["del", "--prefix", "/other/"], b"").unwrap();
    etcd.compact();
    for step in [&["defrag"][..], &["alarm", "disarm"]] {
        etcd.ctl(step, b"").unwrap();
    }
}

/// Control: `Listeners::missed` when a watch begins anew. What a gateway did not hear of is compacted
/// away, so that no watch could tell it: it asks again.
#[tokio::test]
async fn what_was_compacted_is_asked_for_again() {
    let mut world = world(&["frankfurt"]).await;
    let mut etcd = Etcd::start(&world);
    world.uses(&etcd);
    let twin = world.twin("frankfurt", 62);
    world.start_gateways().await;
    let twin = twin.start().await;
    let app = world.app("fra1").await;
    let at_twin = async || ask(&twin, &Call::plain_of(&app)).await;
    until("the App at the twin", (200, "-"), at_twin).await;
    for round in 0..3 {
        etcd.stop();
        etcd.restart();
        // At once, so that the twin's next watch begins behind it, and behind its compaction.
        in_time("a suspension", async {
            while !crate::etcd::suspend(&world, &app).await {}
        })
        .await;
        registers(&world, &format!("later{round}")).await.unwrap();
        etcd.compact();
        until("the suspension", (403, "app_suspended"), at_twin).await;
        let later = named(&format!("later{round}"));
        let at_twin_later = async || ask(&twin, &later).await;
        until("the other App", (401, "token_missing"), at_twin_later).await;
        world.resume(&app).await;
        etcd.compact();
        until("the App's return", (200, "-"), at_twin).await;
    }
    twin.end().await;
    world.finish().await;
}

/// Controls: `http::client` shows the certificate of `registry.etcd.tls`, and so does `init-etcd`;
/// `EtcdError::CommonName` says what etcd does not say to whom it refuses.
#[tokio::test]
async fn an_etcd_that_asks_for_certificates_gets_them() {
    let mut world = world(&["frankfurt"]).await;
    let etcd = Etcd::asking_for_certificates(&world);
    world.uses(&etcd);
    world.start_gateways().await;
    let app = world.app("fra1").await;
    let served = world.call("frankfurt", Call::plain_of(&app)).await;
    assert_eq!(served.verdict(), (200, "-"));
    world.stop_gateways().await;

    let uri = Wish::uri("domicile://etcd/client");
    let stranger = Authority::new("stranger").issue(&uri.nameless());
    let named = issue(&Wish::uri("domicile://etcd/client"));
    for (pair, word) in [(stranger, "client certificate"), (named, "common name")] {
        etcd.clients_show(&pair);
        world.start_gateways().await;
        let (status, detail) = world.readiness("frankfurt").await;
        assert_eq!(status, 503, "{detail}");
        assert!(detail.contains(word), "{detail}");
        world.stop_gateways().await;
    }
    world.finish().await;
}
