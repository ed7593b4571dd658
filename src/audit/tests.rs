//! The log as its users see it.

mod crashes;
mod tampering;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::domain::ManualClock;

const NOW: u64 = 1_760_000_000;

const SEED: [u8; 32] = [7; 32];

struct Bench {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(NOW)),
        }
    }

    fn open(&self) -> Result<AuditLog, OpenError> {
        self.open_with(&[&SEED])
    }

    fn open_with(&self, seeds: &[&[u8; 32]]) -> Result<AuditLog, OpenError> {
        AuditLog::open(&self.log(), origin(), seeds, self.clock.clone())
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("audit")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.log().join(name)
    }

    /// All files below the log's folder, with what is in them.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.log()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.log()).unwrap();
                    let bytes = fs::read(&path).unwrap();
                    files.insert(name.to_str().unwrap().to_owned(), bytes);
                }
            }
        }
        files
    }
}

fn origin() -> Origin {
    Origin {
        region: RegionId::parse("frankfurt").unwrap(),
        gateway_id: "0199c5a0-0000-7000-8000-000000000000".to_owned(),
    }
}

fn indices(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.index).collect()
}

fn app() -> AppId {
    AppId::parse("970CA35de60c44645bbae8a215061b33").unwrap()
}

fn suspend() -> Deed {
    Deed {
        actor: Actor::Account("acct-1".to_owned()),
        action: Action::Suspend,
        app_id: Some(app()),
    }
}

fn outcomes(log: &AuditLog) -> Vec<(Outcome, Option<String>)> {
    let entries = log.read(None, 100).unwrap();
    entries.into_iter().map(|e| (e.outcome, e.code)).collect()
}

#[tokio::test]
async fn an_act_is_on_disk_before_it_has_an_effect() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    let act = log.begin(suspend()).await.unwrap();
    let bundle = fs::read(bench.path("tile/entries/000.p/1")).unwrap();
    assert_eq!(bundle[..2], [0, 217]);
    assert_eq!(
        str::from_utf8(&bundle[2..]).unwrap(),
        "{\"index\":0,\"time\":\"2025-10-09T08:53:20.000Z\",\
         \"gateway\":\"0199c5a0-0000-7000-8000-000000000000\",\"actor\":\"acct-1\",\
         \"action\":\"app.suspend\",\"app_id\":\"970CA35de60c44645bbae8a215061b33\",\
         \"region\":\"frankfurt\",\"outcome\":\"begun\"}"
    );
    act.done().await.unwrap();
    assert_eq!(
        outcomes(&log),
        [(Outcome::Begun, None), (Outcome::Done, None)]
    );
}

#[tokio::test]
async fn an_act_that_fails_or_is_dropped_has_failed() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    let act = log.begin(suspend()).await.unwrap();
    act.failed("app_unknown").await.unwrap();
    drop(log.begin(suspend()).await.unwrap());
    log.flush().await.unwrap();
    let codes: Vec<_> = outcomes(&log).into_iter().map(|(_, code)| code).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(codes, [None, text("app_unknown"), None, text("abandoned")]);
}

#[tokio::test]
async fn without_a_log_there_is_no_act() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    log.close();
    assert_eq!(log.begin(suspend()).await.err(), Some(AuditError::Closed));
}

#[tokio::test]
async fn refusals_become_one_entry_a_window() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    for _ in 0..1_000 {
        log.refused("app_mismatch", Some(app()));
    }
    log.refused("tls_name", None);
    log.flush().await.unwrap();
    assert_eq!(log.entries(), 0, "the window is still open");
    bench.clock.advance(WINDOW);
    log.flush().await.unwrap();
    let entries = log.read(None, 10).unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e.actor.as_str(), e.code.as_deref(), e.count))
        .collect();
    assert_eq!(
        seen,
        [
            ("client", Some("app_mismatch"), Some(1_000)),
            ("client", Some("tls_name"), Some(1))
        ]
    );
}

#[tokio::test]
async fn what_is_counted_when_the_log_closes_is_written() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    log.refused("host_mismatch", None);
    drop(log);
    let log = bench.open().unwrap();
    let entries = log.read(None, 10).unwrap();
    assert_eq!(entries[0].code.as_deref(), Some("host_mismatch"));
}

#[tokio::test]
async fn a_log_has_one_writer() {
    let bench = Bench::new();
    let _log = bench.open().unwrap();
    assert!(matches!(bench.open(), Err(OpenError::InUse(_))));
}

#[tokio::test]
async fn pages_join_without_gaps() {
    let bench = Bench::new();
    let log = bench.open().unwrap();
    for _ in 0..300 {
        log.note(&suspend()).await.unwrap();
    }
    let page = log.read(Some(254), 10).unwrap();
    assert_eq!(indices(&page), (255..265).collect::<Vec<_>>());
    assert!(log.read(Some(299), 10).unwrap().is_empty());
}

#[tokio::test]
async fn many_writers_get_each_its_own_place() {
    let bench = Bench::new();
    let log = Arc::new(bench.open().unwrap());
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.begin(suspend()).await.unwrap().done().await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let entries = log.read(None, 200).unwrap();
    assert_eq!(indices(&entries), (0..100).collect::<Vec<_>>());
}
