//! What a million Apps cost beside a thousand.

use std::path::Path;
use std::sync::Arc;

use domicile::observe::Stopwatch;

use super::gateway::Gateway;
use super::millis;
use super::region::Region;

const FEW: usize = 1_000;

/// How often each figure is taken, of both gateways in turn.
const ROUNDS: usize = 900;

/// A stride that shares no factor with either number of Apps, so that no App comes twice.
const STRIDE: usize = 7_919;

pub async fn run(few: Region, many: Region, apps: usize) {
    few.fill(FEW).await;
    let started = millis();
    many.fill(apps).await;
    println!("{apps} Apps are made in {} s", (millis() - started) / 1_000);
    for (region, apps) in [(&few, FEW), (&many, apps)] {
        let file = size(&region.dir.join("registry.redb"));
        println!(
            "{apps} Apps: {} MiB on disk, {} bytes each",
            file >> 20,
            file / apps as u64
        );
    }
    let (few, many) = (Gateway::start(&few).await, Gateway::start(&many).await);
    println!(
        "ready after {} ms with {FEW} Apps, {} ms with {apps}; resident {} and {} MiB",
        few.ready_after,
        many.ready_after,
        few.memory() >> 10,
        many.memory() >> 10
    );
    let both = Both {
        few: Side::new(few, FEW).await,
        many: Side::new(many, apps).await,
    };
    both.compare().await;
    know_all(&both.many).await;
}

/// One of the two gateways.
struct Side {
    gateway: Arc<Gateway>,
    apps: usize,
    /// Of some of its Apps.
    ids: Vec<String>,
}

struct Both {
    few: Side,
    many: Side,
}

impl Both {
    async fn compare(&self) {
        let (few, many) = (self.few.apps, self.many.apps);
        println!("\nmedian, in us                      {few:>9} {many:>9}  ratio");
        self.figure("GET /v1/apps/{app_id}", async |side, n| {
            let id = &side.ids[n % side.ids.len()];
            side.gateway.get(&format!("/v1/apps/{id}")).await;
        })
        .await;
        self.figure("GET /v1/apps, first page of 50", async |side, _| {
            side.gateway.get("/v1/apps").await;
        })
        .await;
        self.figure("GET /v1/regions", async |side, _| {
            side.gateway.get("/v1/regions").await;
        })
        .await;
        for name in ["a call of an App not seen before", "the same calls again"] {
            self.figure(name, async |side, n| {
                side.gateway.decide(n * STRIDE % side.apps).await;
            })
            .await;
        }
    }

    /// Takes a figure of both gateways in turn, and prints the medians.
    async fn figure(&self, name: &str, asked: impl AsyncFn(&Side, usize)) {
        let mut times = [Vec::new(), Vec::new()];
        for n in 0..ROUNDS {
            for (side, times) in [&self.few, &self.many].into_iter().zip(&mut times) {
                let watch = Stopwatch::start();
                asked(side, n).await;
                times.push(watch.elapsed().as_nanos());
            }
        }
        let [few, many] = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2]
        });
        println!(
            "{name:<34} {:>9} {:>9}  {:>5.2}",
            few / 1_000,
            many / 1_000,
            ratio(many, few)
        );
    }
}

/// One call of each App: all are known then (promise P9).
async fn know_all(side: &Side) {
    const CLIENTS: usize = 64;
    let before = side.gateway.memory();
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (gateway, apps) = (Arc::clone(&side.gateway), side.apps);
        clients.spawn(async move {
            for n in (client..apps).step_by(CLIENTS) {
                gateway.decide(n).await;
            }
        });
    }
    clients.join_all().await;
    let (apps, grown) = (side.apps, side.gateway.memory() - before);
    println!(
        "\nall {apps} Apps known: {} MiB more resident, {} bytes each",
        grown >> 10,
        grown * 1_024 / apps as u64
    );
}

impl Side {
    async fn new(gateway: Gateway, apps: usize) -> Self {
        Self {
            ids: ids(&gateway).await,
            gateway: Arc::new(gateway),
            apps,
        }
    }
}

/// The ids of some Apps.
async fn ids(gateway: &Gateway) -> Vec<String> {
    let page = gateway.get("/v1/apps?limit=1000").await;
    let items = page["items"].as_array().unwrap();
    let id = |app: &serde_json::Value| app["app_id"].as_str().unwrap().to_owned();
    items.iter().map(id).collect()
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of one call")]
fn ratio(many: u128, few: u128) -> f64 {
    many as f64 / few as f64
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}
