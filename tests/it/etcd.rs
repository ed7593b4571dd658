//! Several gateways over one registry in etcd: SPEC 7, P3 and P9.

use std::time::Duration;

use domicile::domain::{AppId, AppKey, Clock as _};
use domicile::registry::{NewApp, RegisterError};

use crate::harness::process::{Process, system_now};
use crate::harness::{
    Answer, Call, DEADLINE, Etcd, Plan, TestApp, Wire, Wish, World, in_time, rest_name,
};

/// A world on the machine's time, since one of its gateways is a process of its own.
pub async fn world(regions: &[&'static str]) -> World {
    world_of(World::plan().regions(regions)).await
}

pub async fn world_of(plan: Plan) -> World {
    let world = World::without_gateways(plan).await;
    let ahead = u64::from(system_now()).saturating_sub(world.clock.unix());
    world.clock.advance(Duration::from_secs(ahead));
    world
}

pub async fn ask(process: &Process, call: &Call) -> Answer {
    let name = rest_name("frankfurt");
    let mut wire = Wire::tls(process.https, &name).await;
    wire.send(call.bytes(&name)).await;
    wire.answer().await
}

/// How long it took until the answer was this one.
pub async fn until(what: &str, verdict: (u16, &str), ask: impl AsyncFn() -> Answer) -> Duration {
    let began = tokio::time::Instant::now();
    loop {
        let answer = ask().await;
        if answer.verdict() == verdict {
            return began.elapsed();
        }
        let waited = began.elapsed();
        assert!(waited < DEADLINE, "waited in vain for {what}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn named(app: &str) -> Call {
    Call::get(&format!("/acme/{app}/users"))
}

pub async fn registers(world: &World, app: &str) -> Result<(), RegisterError> {
    let new = NewApp {
        app_id: None,
        app_key: AppKey::new("acme", app).unwrap(),
        region: None,
        zone: None,
        plan: None,
        auth_mode: None,
    };
    world.registry("frankfurt").register(new).await.map(|_| ())
}

/// Controls: the watch (registrations wipe misses, changes reach the twin), the store's time-outs
/// and its way back, `Registry::ask` (known Apps go on), and pins in one place for all regions.
#[tokio::test]
async fn gateways_share_a_registry_in_etcd_and_outlive_it() {
    let mut world = world(&["beijing", "frankfurt"]).await;
    let mut etcd = Etcd::start(&world);
    world.uses(&etcd);
    let twin = world.twin("frankfurt", 61);
    world.start_gateways().await;
    let twin = twin.start().await;

    // A miss, remembered for 5 s, ends with the registration at the other gateway.
    assert_eq!(
        ask(&twin, &named("chat")).await.verdict(),
        (404, "app_unknown")
    );
    let app = world
        .app_named("fra1", "acme", "chat", Wish::default())
        .await;
    let call = Call::plain_of(&app);
    let at_twin = async || ask(&twin, &call).await;
    let took = until("the registration at the twin", (200, "-"), at_twin).await;
    println!("a registration reached the other gateway in {took:?}");
    assert!(
        took < Duration::from_secs(4),
        "{took:?}: the miss ended by itself"
    );
    assert_eq!(world.call("frankfurt", call.clone()).await.status, 200);
    let elsewhere = world.call("beijing", call.clone()).await;
    assert_eq!(elsewhere.verdict(), (421, "app_lives_elsewhere"));

    for _ in 0..3 {
        world.suspend(&app).await;
        let took = until(
            "the suspension at the twin",
            (403, "app_suspended"),
            at_twin,
        )
        .await;
        println!("a suspension reached the other gateway in {took:?}");
        world.resume(&app).await;
        until("the app's return", (200, "-"), at_twin).await;
    }

    // Known is what was read: a record that has just changed is not, until it is read again.
    let at_home = async || world.call("frankfurt", call.clone()).await;
    until("the App's return at home", (200, "-"), at_home).await;
    etcd.stop();
    let cold = named("cold");
    for _ in 0..3 {
        assert_eq!(at_twin().await.verdict(), (200, "-"));
        assert_eq!(world.call("frankfurt", call.clone()).await.status, 200);
        let elsewhere = world.call("beijing", call.clone()).await;
        assert_eq!(elsewhere.verdict(), (421, "app_lives_elsewhere"));
        let unknown = ask(&twin, &cold).await;
        assert_eq!(unknown.verdict(), (503, "registry_unavailable"));
    }
    let refused = registers(&world, "meanwhile").await;
    assert!(
        matches!(refused, Err(RegisterError::Unavailable)),
        "{refused:?}"
    );
    let degraded = world.readiness("frankfurt").await;
    let reason = "the registry cannot be reached: no connection to etcd".to_owned();
    assert_eq!(degraded, (200, reason));

    etcd.restart();
    let at_twin_cold = async || ask(&twin, &cold).await;
    let took = until("the twin's return", (404, "app_unknown"), at_twin_cold).await;
    println!("after the outage the other gateway answered in {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    until(
        "news from behind the outage",
        (403, "app_suspended"),
        async || {
            let _again = suspend(&world, &app).await;
            at_twin().await
        },
    )
    .await;
    let log = twin.end().await;
    for secret in [
        etcd.password("frankfurt"),
        etcd.password("beijing"),
        "root's".to_owned(),
    ] {
        assert!(!log.contains(&secret), "a password is in the log");
    }
    world.finish().await;
}

pub async fn suspend(world: &World, app: &TestApp) -> bool {
    let id = AppId::parse(&app.app_id).unwrap();
    world.registry("frankfurt").suspend(&id, None).await.is_ok()
}

/// Control: a gateway that cannot use etcd starts, says why, and is ready once it can.
#[tokio::test]
async fn a_gateway_says_why_it_cannot_use_etcd() {
    let mut world = world(&["frankfurt"]).await;
    let mut etcd = Etcd::start(&world);
    world.uses(&etcd);
    let of = |detail: &str| (503, format!("the registry cannot be reached: {detail}"));
    etcd.stop();
    world.start_gateways().await;
    assert_eq!(
        world.readiness("frankfurt").await,
        of("no connection to etcd")
    );
    etcd.restart();
    in_time("the gateway to be ready", async {
        while world.readiness("frankfurt").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    world.app("fra1").await;
    world.stop_gateways().await;

    let password = etcd.password("frankfurt");
    let file = world.root().join("etcd/passwords/frankfurt.password");
    std::fs::write(&file, "wrong").unwrap();
    world.start_gateways().await;
    let detail = "etcd does not know the user or its password";
    assert_eq!(world.readiness("frankfurt").await, of(detail));
    world.stop_gateways().await;
    std::fs::write(&file, password).unwrap();

    let stranger = crate::harness::certificates::Authority::new("stranger");
    std::fs::write(world.root().join("etcd/ca.crt"), stranger.pem).unwrap();
    world.start_gateways().await;
    let detail = "etcd's certificate is not accepted";
    assert_eq!(world.readiness("frankfurt").await, of(detail));
    world.stop_gateways().await;
    world.finish().await;
}

/// Control: `EtcdAdmin::regions`, and the command's exit codes.
#[tokio::test]
async fn regions_are_added_when_it_is_said_and_never_taken_away() {
    let world = world(&["beijing", "frankfurt", "virginia"]).await;
    let etcd = Etcd::start(&world);
    let all = world.root().join("regions");
    let fewer = world.root().join("fewer");
    std::fs::create_dir(&fewer).unwrap();
    for region in ["beijing", "frankfurt"] {
        let name = format!("{region}.yaml");
        std::fs::copy(all.join(&name), fewer.join(&name)).unwrap();
    }
    let ran = |folder, more: &[&str]| {
        let output = etcd.init(folder, more);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), report, text)
    };
    let (code, report, _) = ran(&fewer, &[]);
    assert_eq!((code, &report["regions"]), (0, &"written".into()));
    assert_eq!(report["users"][1]["role"], "domicile-frankfurt");
    let before = etcd.password("frankfurt");
    let (code, _, text) = ran(&all, &[]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("beijing, frankfurt, the catalogue's are beijing, frankfurt, virginia"));
    let (code, report, _) = ran(&all, &["--add-regions"]);
    assert_eq!((code, &report["regions"]), (0, &"extended".into()));
    assert_eq!(etcd.password("frankfurt"), before);
    let (code, _, text) = ran(&fewer, &["--add-regions"]);
    assert_eq!(code, 3, "{text}");
    let (code, _, text) = ran(&all, &["--endpoint", "http://localhost:1"]);
    assert_eq!(code, 2, "{text}");
    world.finish().await;
}

/// Control: `Registry::compare`. An older state in etcd's place is noticed by a running gateway and
/// by one that starts; `registry reconcile` believes it anew, at etcd as at a file.
#[tokio::test]
async fn an_older_snapshot_is_noticed_and_not_believed() {
    let mut world = world(&["frankfurt"]).await;
    let mut etcd = Etcd::start(&world);
    world.uses(&etcd);
    world.start_gateways().await;
    let early = world.app("fra1").await;
    etcd.save();
    // A log-in and a watch anew, without a word to anybody.
    in_time("etcd", async {
        while registers(&world, "later").await.is_err() {}
    })
    .await;
    let later = Call::get("/acme/later/users").token(&early.app_token());
    for call in [Call::plain_of(&early), later.clone()] {
        world.call("frankfurt", call).await;
    }
    etcd.roll_back();
    let unknown = async || world.call("frankfurt", named("unknown")).await;
    until(
        "the rollback to be noticed",
        (503, "registry_untrusted"),
        unknown,
    )
    .await;
    let known = world.call("frankfurt", Call::plain_of(&early)).await;
    assert_eq!(known.verdict(), (200, "-"));
    let known = world.call("frankfurt", later).await;
    assert_eq!(
        known.status, 403,
        "it is known, and its token is another App's"
    );
    // Time-outs from the first moments may still come in.
    in_time("the refusal", async {
        loop {
            match registers(&world, "later").await {
                Err(RegisterError::Untrusted) => return,
                Err(RegisterError::Unavailable) => {}
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    let reason = "the registry was rolled back: frankfurt's chain has lost what was seen of it";
    in_time("the reason", async {
        while world.readiness("frankfurt").await != (200, reason.to_owned()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;

    world.stop_gateways().await;
    world.start_gateways().await;
    assert_eq!(world.readiness("frankfurt").await, (503, reason.to_owned()));
    world.stop_gateways().await;
    let config = world.root().join("frankfurt/gateway.yaml");
    let run = |config: &std::path::Path| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_domicile"));
        command
            .args(["registry", "reconcile", "--config"])
            .arg(config);
        command.output().unwrap()
    };
    etcd.stop();
    let output = run(&config);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("cannot be reached: no connection to etcd"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(1));
    etcd.restart();
    let output = run(&config);
    assert!(output.status.success(), "{output:?}");
    world.start_gateways().await;
    assert_eq!(world.readiness("frankfurt").await.0, 200);
    world.finish().await;
}
