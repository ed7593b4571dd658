//! Which certificate is shown, and how it is replaced while the gateway serves.

use std::fs;
use std::time::Duration;

use super::client::{der, s_client, said, shown};
use crate::harness::certificates::{self, Pair, Wish};
use crate::harness::{Wire, World, in_time, log, rest_name};

/// Seconds of a day.
const DAY: u64 = 86_400;

async fn readiness(world: &World) -> (u16, serde_json::Value) {
    let mut wire = Wire::plain(world.addresses("frankfurt").ops.unwrap()).await;
    wire.send("GET /readyz HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n")
        .await;
    let answer = wire.answer().await;
    (answer.status, answer.json())
}

fn check(readiness: &serde_json::Value) -> &serde_json::Value {
    let checks = readiness["checks"].as_array().unwrap();
    checks.iter().find(|c| c["name"] == "certificate").unwrap()
}

async fn reloads(world: &World, result: &str) -> f64 {
    let metrics = world.metrics("frankfurt").await;
    metrics.sum("domicile_config_reloads_total", &[("result", result)])
}

/// Waits until so many reloads had this result.
async fn has_reloaded(world: &World, result: &str, count: f64) {
    in_time("a reload", async {
        while reloads(world, result).await < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn all_show(world: &World, name: &str, pair: &Pair) {
    let addresses = world.addresses("frankfurt");
    for address in [addresses.https, addresses.msync, addresses.admin] {
        let shown = shown(address.unwrap(), name).await.unwrap();
        assert_eq!(shown, der(pair), "{name} at {address:?}");
    }
}

/// Control: `Certificates::resolve`. All of `tls.certificates` are used.
#[tokio::test]
async fn the_certificate_is_chosen_by_the_name() {
    let mut world = World::without_gateways(World::plan().without_required_name()).await;
    let rest = certificates::issue(&Wish::names(&[
        "rest.frankfurt.test",
        "admin.frankfurt.test",
    ]));
    let wild = certificates::issue(&Wish::names(&["*.frankfurt.test"]));
    for (name, pair) in [("rest", &rest), ("wild", &wild)] {
        world.put("frankfurt", &format!("{name}.crt"), &pair.certificate);
        world.put("frankfurt", &format!("{name}.key"), &pair.key);
    }
    world.edit(|_, yaml| {
        let (one, both) = (
            "[{certificate: tls.crt, key: tls.key}]",
            "[{certificate: rest.crt, key: rest.key}, {certificate: wild.crt, key: wild.key}]",
        );
        if yaml.starts_with("region: frankfurt") {
            yaml.replace(one, both)
        } else {
            yaml
        }
    });
    world.start_gateways().await;
    all_show(&world, "rest.frankfurt.test", &rest).await;
    all_show(&world, "REST.Frankfurt.test", &rest).await;
    all_show(&world, "admin.frankfurt.test", &rest).await;
    all_show(&world, "ws.frankfurt.test", &wild).await;
    // No name, and a name of this region that none is for: the first one.
    let https = world.addresses("frankfurt").https.unwrap();
    for options in [
        &["-noservername"][..],
        &["-servername", "frankfurt.localhost"],
    ] {
        let text = said(&s_client(https, &[options, &["-showcerts"]].concat()).await);
        assert!(
            text.contains(rest.certificate.lines().nth(1).unwrap()),
            "{text}"
        );
    }
    world.finish().await;
}

/// Control: `Renewal`. The new certificate is shown by every listener without a restart, to
/// connections that begin later; those that are open go on.
#[tokio::test]
async fn a_certificate_is_replaced_while_it_serves() {
    let world = World::new().await;
    let name = rest_name("frankfurt");
    let app = world.app("fra1").await;
    let mut open = world.wire("frankfurt").await;
    let renewed = world.certify("frankfurt", &[&name, "frankfurt.localhost"]);
    has_reloaded(&world, "ok", 1.0).await;
    all_show(&world, &name, &renewed).await;
    open.send(crate::harness::Call::plain_of(&app).bytes(&name))
        .await;
    assert_eq!(open.answer().await.status, 200);
    assert_eq!(reloads(&world, "ok").await, 1.0);
    assert_eq!(reloads(&world, "failed").await, 0.0);
    world.finish().await;
}

/// Control: `EdgeCertificate::read` judges what is reloaded as it does what is there at the start.
#[tokio::test]
async fn what_cannot_be_used_changes_nothing() {
    let world = World::new().await;
    let name = rest_name("frankfurt");
    let good = world.certify("frankfurt", &[&name]);
    has_reloaded(&world, "ok", 1.0).await;
    let own = || Wish::names(&[&name]);
    let two = Wish::names(&[&name, &rest_name("beijing")]);
    let issue = |wish: &Wish| certificates::issue(wish);
    let other_key = Pair {
        key: issue(&own()).key,
        ..good.clone()
    };
    let broken = Pair {
        certificate: "-----BEGIN CERTIFICATE-----\n?\n".to_owned(),
        ..good.clone()
    };
    let cases = [
        (other_key, "the key does not go with the certificate"),
        (broken, "is not PEM"),
        (issue(&own().valid(2020, 2021)), "expired on"),
        (issue(&own().valid(2099, 2100)), "is not valid before"),
        (
            issue(&two),
            "is for rest.beijing.test too, a name of beijing",
        ),
        (
            issue(&Wish::names(&[&name, "*.beijing.test"])),
            "a name of beijing",
        ),
        (
            issue(&Wish::names(&[&name, "re*.beijing.test"])),
            "a name of beijing",
        ),
        (
            issue(&own().common_name("rest.beijing.test")),
            "a name of beijing",
        ),
        (
            issue(&Wish::names(&["elsewhere.test"])),
            "is for no name of this region",
        ),
    ];
    for (n, (pair, why)) in (1..).zip(cases) {
        world.put("frankfurt", "tls.crt", &pair.certificate);
        world.put("frankfurt", "tls.key", &pair.key);
        has_reloaded(&world, "failed", f64::from(n)).await;
        let folder = world.root().join("frankfurt");
        let told = log::lines(folder.to_str().unwrap());
        let told = told.last().unwrap();
        assert!(
            told.contains(why) && told.contains("the one before stays"),
            "{told}"
        );
        all_show(&world, &name, &good).await;
    }
    fs::remove_file(world.root().join("frankfurt/tls.key")).unwrap();
    has_reloaded(&world, "failed", 10.0).await;
    all_show(&world, &name, &good).await;
    let mended = world.certify("frankfurt", &[&name]);
    has_reloaded(&world, "ok", 2.0).await;
    all_show(&world, &name, &mended).await;
    world.finish().await;
}

/// Control: `check` and the start judge alike.
#[tokio::test]
async fn a_certificate_for_two_regions_is_refused_at_the_start() {
    let world = World::without_gateways(World::plan()).await;
    for names in [
        ["rest.frankfurt.test", "rest.beijing.test"],
        ["rest.frankfurt.test", "*.beijing.test"],
        ["rest.frankfurt.test", "*.*.test"],
    ] {
        world.certify("frankfurt", &names);
        let yaml = world.configure().remove(1);
        let now = domicile::domain::Clock::unix(&*world.clock);
        let report = domicile::config::load_checked(&yaml, now).unwrap_err();
        let fault = &report.faults[0];
        assert_eq!(fault.path, "tls.certificates[0].certificate", "{names:?}");
        assert!(fault.line.is_some());
        assert!(fault.problem.contains("too, a name of beijing"), "{fault}");
    }
    world.finish().await;
}

/// Control: `Ops::certificate`, `Expiry::gauge`.
#[tokio::test]
async fn an_end_that_is_near_is_told() {
    let world = World::new().await;
    let name = rest_name("frankfurt");
    // 2027-01-01T00:00:00Z.
    let end = 1_798_761_600_u64;
    let pair = certificates::issue(&Wish::names(&[&name]).valid(2026, 2027));
    world.put("frankfurt", "tls.crt", &pair.certificate);
    world.put("frankfurt", "tls.key", &pair.key);
    has_reloaded(&world, "ok", 1.0).await;
    let metrics = world.metrics("frankfurt").await;
    for listener in ["https", "msync", "admin"] {
        let family = "domicile_certificate_expiry_timestamp_seconds";
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let expected = end as f64;
        assert_eq!(metrics.sum(family, &[("listener", listener)]), expected);
    }
    let now = domicile::domain::Clock::unix(&*world.clock);
    world
        .clock
        .advance(Duration::from_secs(end - now - 15 * DAY));
    let (status, body) = readiness(&world).await;
    assert_eq!((status, &body["status"]), (200, &"ready".into()), "{body}");
    world.clock.advance(Duration::from_secs(2 * DAY));
    let (status, body) = readiness(&world).await;
    assert_eq!(
        (status, &body["status"]),
        (200, &"degraded".into()),
        "{body}"
    );
    let check = check(&body);
    assert_eq!(check["ok"], false);
    assert_eq!(check["detail"], "that of the listeners ends in 13 days");
    world.certify("frankfurt", &[&name]);
    has_reloaded(&world, "ok", 2.0).await;
    assert_eq!(readiness(&world).await.1["status"], "ready");
    world.finish().await;
}
