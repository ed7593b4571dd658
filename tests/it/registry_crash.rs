//! What was acknowledged survives kill -9, whole (SPEC 7).
//!
//! The test runs itself again as a child that registers Apps in a storm, in two regions over one
//! file, and says each acknowledgement on its standard output. The parent kills it at random
//! moments, many times over the same file, and then looks at what is there.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::registry_kit::{REGIONS, open, registry};
use domicile::domain::{AppId, AppKey, RegionId};
use domicile::registry::{
    AppName, EmbeddedStore, Home, Key, NewApp, Randomness, Registered, Registry, Store,
    SystemRandomness,
};

const ROUNDS: usize = 52;
const TASKS: usize = 16;
const FOLDER: &str = "DOMICILE_CRASH_TEST_FOLDER";
const ROUND: &str = "DOMICILE_CRASH_TEST_ROUND";
const NAME: &str = "registry_crash::acknowledged_registrations_survive_kill_9";

#[test]
fn acknowledged_registrations_survive_kill_9() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return be_the_child(Path::new(&folder));
    }
    let folder = folder();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(storm(folder.path(), round));
    }
    assert!(acknowledged.len() > ROUNDS, "the storm did next to nothing");
    println!("{} acknowledged in {ROUNDS} rounds", acknowledged.len());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(inspect(folder.path(), &acknowledged));
}

/// In memory where there is such a place: kill -9 doesn't take away what the system was given, and
/// there is more storm in the same time.
fn folder() -> tempfile::TempDir {
    let in_memory = tempfile::TempDir::new_in("/dev/shm");
    in_memory.or_else(|_| tempfile::TempDir::new()).unwrap()
}

/// An acknowledgement, as the child says it.
struct Acknowledged {
    region: String,
    app_id: AppId,
    app_key: AppKey,
    certificate: String,
}

/// Lets a child register until it is killed.
fn storm(folder: &Path, round: usize) -> Vec<Acknowledged> {
    let mut child = spawn(folder, round);
    let output = child.stdout.take().unwrap();
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let mut seen = Vec::new();
    // Some die while they open the file, most in the middle of the storm.
    let patience = if round % 10 == 9 {
        0
    } else {
        1 + random() % 100
    };
    while seen.len() < patience {
        let line = lines.next().expect("the child ended by itself");
        seen.extend(read(&line));
    }
    for _ in 0..random() {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    seen.extend(lines.filter_map(|line| read(&line)));
    seen
}

fn spawn(folder: &Path, round: usize) -> Child {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", NAME, "--nocapture"]);
    again.env(FOLDER, folder).env(ROUND, round.to_string());
    again.stdout(Stdio::piped()).spawn().unwrap()
}

fn read(line: &str) -> Option<Acknowledged> {
    assert!(!line.contains("untrusted"), "{line}");
    let mut words = line.strip_suffix(" end")?.strip_prefix("ack ")?.split(' ');
    let mut word = || words.next().unwrap();
    Some(Acknowledged {
        region: word().to_owned(),
        app_id: AppId::parse(word()).unwrap(),
        app_key: AppKey::parse(word()).unwrap(),
        certificate: word().to_owned(),
    })
}

fn random() -> usize {
    let mut bytes = [0; 2];
    SystemRandomness.fill(&mut bytes).unwrap();
    usize::from(u16::from_be_bytes(bytes))
}

async fn inspect(folder: &Path, acknowledged: &[Acknowledged]) {
    let store = EmbeddedStore::open(&folder.join("registry.redb")).unwrap();
    let mut gateways = Vec::new();
    for region in REGIONS {
        gateways.push(registry(folder, &store, region).await);
    }
    for registry in &gateways {
        assert!(registry.state().trusted, "the anchor is ahead of the store");
    }
    for ack in acknowledged {
        is_there(&gateways, ack).await;
    }
    nothing_is_half_there(&*store, &gateways, acknowledged).await;
}

async fn is_there(gateways: &[Arc<Registry>], ack: &Acknowledged) {
    for registry in gateways {
        for name in [AppName::Id(ack.app_id), AppName::Key(ack.app_key)] {
            let known = registry
                .look_up(name)
                .await
                .unwrap()
                .expect("it was acknowledged");
            match &known.home {
                Home::Here(app) => {
                    assert_eq!(registry.region().as_str(), ack.region);
                    assert_eq!((app.app_id, app.app_key), (ack.app_id, ack.app_key));
                    assert_eq!(app.certificates[0].expose(), ack.certificate);
                }
                Home::Elsewhere(region) => assert_eq!(region.as_str(), ack.region),
            }
        }
    }
}

async fn nothing_is_half_there(
    store: &dyn Store,
    gateways: &[Arc<Registry>],
    acknowledged: &[Acknowledged],
) {
    let (mut keys, mut ids, mut total) = (HashSet::new(), HashSet::new(), 0);
    for registry in gateways {
        let mut cursor = None;
        loop {
            let page = registry.list(cursor, 1_000, &|_, _| true).await.unwrap();
            assert_eq!(page.untrusted, 0);
            total += page.items.len();
            keys.extend(page.items.iter().map(|app| app.app_key.folded()));
            ids.extend(page.items.iter().map(|app| app.app_id.folded()));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    assert!(total >= acknowledged.len());
    assert_eq!(
        (keys.len(), ids.len()),
        (total, total),
        "an App is there twice"
    );
    let all = async |prefix| store.range(Key::from_text(prefix), None, usize::MAX).await;
    let apps = all("apps/").await.unwrap().len();
    assert_eq!(apps, total);
    let pins = all("pins/").await.unwrap().len();
    assert_eq!(pins, 2 * apps, "a pin stands alone");
    let mut counted = 0;
    for region in REGIONS {
        let region = RegionId::parse(region).unwrap();
        counted += store.count_apps(&region).await.unwrap();
    }
    assert_eq!(counted, apps as u64, "the count went another way");
}

/// What the parent runs and kills.
fn be_the_child(folder: &Path) {
    let round = std::env::var_os(ROUND).unwrap().into_string().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(register_for_ever(folder, round));
}

async fn register_for_ever(folder: &Path, round: String) {
    let store = open(folder).await;
    let mut tasks = tokio::task::JoinSet::new();
    for region in REGIONS {
        let registry = registry(folder, &store, region).await;
        if !registry.state().trusted {
            println!("untrusted");
        }
        for task in 0..TASKS {
            tasks.spawn(storm_task(Arc::clone(&registry), format!("{round}-{task}")));
        }
    }
    tasks.join_all().await;
}

/// Both regions run the same tasks with the same AppKeys, so that each has a rival.
async fn storm_task(registry: Arc<Registry>, name: String) {
    for n in 0.. {
        let app_key = AppKey::parse(&format!("storm#{name}-{n}")).unwrap();
        let new = NewApp {
            app_id: None,
            app_key,
            region: None,
            zone: None,
            plan: None,
            auth_mode: None,
        };
        if let Ok(Registered::Created {
            app, certificate, ..
        }) = registry.register(new).await
        {
            let (region, id, key) = (registry.region(), app.app_id, app.app_key);
            println!("ack {region} {id} {key} {} end", certificate.expose());
        }
    }
}
