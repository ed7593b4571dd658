//! What two gateways over one etcd do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use access_token::build_user_token;
use domicile::domain::{Clock as _, SystemClock};
use domicile::observe::Stopwatch;
use serde_json::Value;

use crate::Column;
use crate::etcd::Etcd;
use crate::gateway::Gateway;
use crate::region::{Region, app as app_name};

/// Look-ups of which the median is told.
const LOOKUPS: usize = 400;
/// Requests at once for one App.
const CROWD: usize = 500;
const CHANGES: usize = 300;
/// Clients that ask for known Apps meanwhile.
const LOAD: usize = 32;
const REGISTRATIONS: usize = 2_000;
const REGISTRARS: usize = 64;
/// Shares no factor with the numbers of Apps, so that no App comes twice.
const STRIDE: usize = 7_919;
const WITHIN: Duration = Duration::from_secs(10);

pub async fn of(region: &Region, twin: &Region, etcd: &Etcd, apps: usize) -> Column {
    let one = Arc::new(Gateway::start(region).await);
    let two = Arc::new(Gateway::start(twin).await);
    let mut column = vec![
        (
            "ready, ms",
            format!("{} and {}", one.ready_after, two.ready_after),
        ),
        (
            "a gateway's memory then, MiB",
            (one.memory() >> 10).to_string(),
        ),
    ];
    // The first page's Apps, of which ids are known, and the others by their names.
    let page = one.get("/v1/apps?limit=1000").await;
    let mut known = page["items"].as_array().unwrap().clone();
    let seen = |app: &Value| cold_ones(apps).any(|n| name(app) == app_name(n));
    known.retain(|app| !seen(app));
    column.extend(cold(&two, etcd, apps).await);
    column.extend(cold_with_token(&two, etcd, &known).await);
    column.extend(crowd(&two, etcd, &known).await);
    column.extend(propagation(&one, &two, &known).await);
    column.extend(registrations(&one).await);
    column
}

/// The numbers of the Apps that are asked for first.
fn cold_ones(apps: usize) -> impl Iterator<Item = usize> {
    (0..LOOKUPS.min(apps / 4)).map(move |n| n * STRIDE % apps)
}

/// Calls of Apps not seen before, without a token.
async fn cold(gateway: &Gateway, etcd: &Etcd, apps: usize) -> Column {
    let before = etcd.requests().await;
    let mut times = Vec::new();
    let many = cold_ones(apps).count();
    for n in cold_ones(apps) {
        let watch = Stopwatch::start();
        gateway.decide(n).await;
        times.push(watch.elapsed());
    }
    let asked = etcd.requests().await - before;
    let mut again = Vec::new();
    for n in cold_ones(apps) {
        let watch = Stopwatch::start();
        gateway.decide(n).await;
        again.push(watch.elapsed());
    }
    vec![
        ("a known App, median, ms", ms(at(&mut again, 50))),
        (
            "a cold App without a token, median, ms",
            ms(at(&mut times, 50)),
        ),
        ("the same, p99, ms", ms(at(&mut times, 99))),
        ("etcd's requests for it", each(asked, many)),
    ]
}

/// The same with a token that names the App ID.
async fn cold_with_token(gateway: &Gateway, etcd: &Etcd, known: &[Value]) -> Column {
    let some: Vec<&Value> = known.iter().step_by(2).take(LOOKUPS).collect();
    let before = etcd.requests().await;
    let mut times = Vec::new();
    for app in &some {
        let watch = Stopwatch::start();
        let status = gateway.call(name(app), &token(app)).await;
        times.push(watch.elapsed());
        assert_eq!(status, 401, "its certificate is another one");
    }
    let asked = etcd.requests().await - before;
    vec![
        (
            "a cold App with a token, median, ms",
            ms(at(&mut times, 50)),
        ),
        ("etcd's requests for it", each(asked, some.len())),
    ]
}

async fn crowd(gateway: &Arc<Gateway>, etcd: &Etcd, known: &[Value]) -> Column {
    // With an odd place: not among those before.
    let app = Arc::new(known[1].clone());
    let before = etcd.requests().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..CROWD {
        let (gateway, app) = (Arc::clone(gateway), Arc::clone(&app));
        calls.spawn(async move { gateway.call(name(&app), &token(&app)).await });
    }
    let statuses = calls.join_all().await;
    assert!(statuses.iter().all(|status| *status == 401));
    let asked = etcd.requests().await - before;
    vec![(
        "etcd's requests for 500 calls at once of a cold App",
        format!("{asked:.0}"),
    )]
}

/// Suspends and resumes an App at one gateway, and waits until the other one knows, while both serve.
async fn propagation(one: &Arc<Gateway>, two: &Arc<Gateway>, known: &[Value]) -> Column {
    let app = &known[3];
    let on = Arc::new(AtomicBool::new(true));
    let served = Arc::new(AtomicUsize::new(0));
    let mut load = tokio::task::JoinSet::new();
    for client in 0..LOAD {
        let (gateway, on, served) = (
            Arc::clone([one, two][client % 2]),
            Arc::clone(&on),
            Arc::clone(&served),
        );
        let name = name(&known[client % 8 * 2]).to_owned();
        load.spawn(async move {
            while on.load(Ordering::Relaxed) {
                gateway.call(&name, "none").await;
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let (mut times, began) = (Vec::new(), Stopwatch::start());
    for change in 0..CHANGES {
        let (act, status) = [("suspend", 403), ("resume", 401)][change % 2];
        one.post(&format!("/v1/apps/{}/{act}", text(app, "app_id")))
            .await;
        let watch = Stopwatch::start();
        while two.call(name(app), "none").await != status {
            assert!(watch.elapsed() < WITHIN, "the change does not come");
        }
        times.push(watch.elapsed());
    }
    on.store(false, Ordering::Relaxed);
    load.join_all().await;
    let rate = served.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    vec![
        (
            "a change seen at the other gateway, median, ms",
            ms(at(&mut times, 50)),
        ),
        ("the same, p99, ms", ms(at(&mut times, 99))),
        ("requests/s served meanwhile", format!("{rate:.0}")),
    ]
}

async fn registrations(gateway: &Arc<Gateway>) -> Column {
    let watch = Stopwatch::start();
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..REGISTRARS {
        let gateway = Arc::clone(gateway);
        clients.spawn(async move {
            for n in (client..REGISTRATIONS).step_by(REGISTRARS) {
                let made = gateway.register(&format!("late-{n}")).await.unwrap();
                assert_eq!(made.status(), 201);
            }
        });
    }
    clients.join_all().await;
    let rate = REGISTRATIONS as f64 / watch.elapsed().as_secs_f64();
    vec![("registrations/s by 64 clients", format!("{rate:.0}"))]
}

/// A token of the App's, in form.
fn token(app: &Value) -> String {
    let now = u32::try_from(SystemClock.unix()).unwrap();
    let certificate = "5cfd2fd1755d40ecb72977518be15d3b";
    build_user_token(text(app, "app_id"), certificate, "u1", 600, now, 1).unwrap()
}

fn name(app: &Value) -> &str {
    text(app, "app")
}

fn text<'a>(app: &'a Value, member: &str) -> &'a str {
    app[member].as_str().unwrap()
}

fn at(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1_000.0)
}

fn each(asked: f64, calls: usize) -> String {
    format!("{:.2}", asked / calls as f64)
}
