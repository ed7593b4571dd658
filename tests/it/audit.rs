//! The audit log from outside: kill -9, a full disk, another program's verdict, the command line.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use domicile::audit::{
    Action, Actor, AuditError, AuditLog, Deed, Folder, Origin, WINDOW, gateway_id, verify,
};
use domicile::domain::{ManualClock, RegionId, SystemClock};
use domicile::registry::{Randomness, SystemRandomness};
use tlog::{Signer, VerifierKey};

use crate::harness::World;
use crate::harness::disk::{Ballast, FULL, small_disk};

const SEED: [u8; 32] = [7; 32];
const FOLDER: &str = "DOMICILE_AUDIT_TEST_FOLDER";
const ROUND: &str = "DOMICILE_AUDIT_TEST_ROUND";

fn origin() -> Origin {
    Origin {
        region: RegionId::parse("frankfurt").unwrap(),
        gateway_id: "0199c5a0-0000-7000-8000-000000000000".to_owned(),
    }
}

fn key() -> VerifierKey {
    let signer = Signer::from_seed(&origin().to_string(), &SEED).unwrap();
    signer.verifier_key()
}

fn open(dir: &Path) -> AuditLog {
    AuditLog::open(dir, origin(), &[&SEED], Arc::new(SystemClock)).unwrap()
}

fn deed(actor: &str) -> Deed {
    Deed {
        actor: Actor::Account(actor.to_owned()),
        action: Action::Suspend,
        app_id: None,
    }
}

/// This test again, in a process of its own.
fn again(name: &str) -> Command {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", name, "--nocapture"]);
    again
}

fn random() -> usize {
    let mut bytes = [0; 1];
    SystemRandomness.fill(&mut bytes).unwrap();
    usize::from(bytes[0])
}

const ROUNDS: usize = 30;
const TASKS: usize = 24;

/// P10: what was answered is in the log, whenever the process is killed, and the log goes on from
/// every checkpoint that was ever there.
#[test]
fn acknowledged_entries_survive_kill_9() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return be_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    let (mut acknowledged, mut checkpoints) = (BTreeSet::new(), Vec::new());
    for round in 0..ROUNDS {
        acknowledged.extend(storm(&dir, round));
        // As the killed process left it.
        let note = fs::read(dir.join("checkpoint")).unwrap();
        let whole = verify(
            &Folder::new(&dir),
            &[key()],
            checkpoints.last().map(Vec::as_slice),
        );
        whole.unwrap();
        checkpoints.push(note);
    }
    let log = open(&dir);
    for note in &checkpoints {
        verify(&Folder::new(&dir), &[key()], Some(note)).unwrap();
    }
    let entries = log.read(None, usize::MAX).unwrap();
    let there: BTreeSet<_> = entries.into_iter().map(|entry| entry.actor).collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(
        acknowledged.len() > 10 * ROUNDS,
        "the storm did next to nothing"
    );
    println!("{} acknowledged, {} there", acknowledged.len(), there.len());
}

/// Lets a child write until it is killed.
fn storm(dir: &Path, round: usize) -> Vec<String> {
    let mut child = again("audit::acknowledged_entries_survive_kill_9");
    child.env(FOLDER, dir).env(ROUND, round.to_string());
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let acknowledged = |line: String| {
        let line = line.strip_suffix(" end")?;
        Some(line.strip_prefix("ack ")?.to_owned())
    };
    let mut seen = Vec::new();
    let patience = 1 + random();
    while seen.len() < patience {
        let line = lines.next().expect("the child ended by itself");
        seen.extend(acknowledged(line));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    seen.extend(lines.filter_map(acknowledged));
    seen
}

fn be_killed(dir: &Path) {
    let round = std::env::var_os(ROUND).unwrap().into_string().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = Arc::new(open(dir));
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let (log, name) = (Arc::clone(&log), format!("{round}-{task}"));
            tasks.spawn(async move {
                for n in 0.. {
                    let actor = format!("{name}-{n}");
                    log.note(&deed(&actor)).await.unwrap();
                    println!("ack {actor} end");
                }
            });
        }
        tasks.join_all().await;
    });
}

/// A real small disk, in a mount namespace of its own.
#[test]
fn a_full_disk_refuses_acts_and_half_writes_nothing() {
    const NAME: &str = "audit::a_full_disk_refuses_acts_and_half_writes_nothing";
    if let Some(disk) = small_disk(NAME, "1m") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(fill(&disk));
    }
}

async fn fill(disk: &Path) {
    let dir = disk.join("audit");
    let clock = Arc::new(ManualClock::at(1_760_000_000));
    let log = AuditLog::open(&dir, origin(), &[&SEED], clock.clone()).unwrap();
    let mut acknowledged = 0;
    for round in 1..=3 {
        let ballast = Ballast::on(disk, 128 * 1024);
        acknowledged += write_until_full(&log).await;
        assert_eq!(log.entries(), acknowledged);
        let whole = verify(&Folder::new(&dir), &[key()], None).unwrap();
        assert_eq!(whole.checkpoint.size(), acknowledged);
        assert!(whole.beside.is_empty(), "half written: {:?}", whole.beside);
        // Refusals of traffic are not written either, but go on being counted.
        for _ in 0..7 * round {
            log.refused("tls_name", None);
        }
        clock.advance(WINDOW);
        assert_eq!(log.flush().await, Err(AuditError::Write));
        drop(ballast);
        log.flush().await.unwrap();
        let act = log.begin(deed("acct-2")).await.unwrap();
        act.done().await.unwrap();
        let lost = &log.read(acknowledged.checked_sub(1), 1).unwrap()[0];
        assert_eq!((lost.action, lost.count), (Action::Lost, Some(7 * round)));
        acknowledged += 3;
    }
    drop(log);
    let log = open(&dir);
    assert_eq!(log.entries(), acknowledged);
    assert_eq!(log.read(None, 10_000).unwrap().len() as u64, acknowledged);
    println!("{FULL}");
}

/// How many entries there was room for. What is smaller than what was refused may still fit.
async fn write_until_full(log: &AuditLog) -> u64 {
    let (mut written, mut refused) = (0, 0);
    while refused < 20 {
        match log.note(&deed("acct-1")).await {
            Ok(()) => written += 1,
            Err(error) => {
                assert_eq!(error, AuditError::Write);
                refused += 1;
            }
        }
    }
    assert_eq!(
        log.begin(deed("acct-2")).await.err(),
        Some(AuditError::Write)
    );
    written
}

/// A verifier that shares no code with this one, nor any package.
#[test]
fn another_program_reads_and_believes_the_log() {
    let folder = tempfile::tempdir().unwrap();
    for entries in [0, 1, 256, 700] {
        let dir = folder.path().join(entries.to_string());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(write(&dir, entries));
        let said = python(&dir, &key().to_string());
        let said: serde_json::Value = serde_json::from_str(&said.unwrap()).unwrap();
        let whole = verify(&Folder::new(&dir), &[key()], None).unwrap();
        assert_eq!(said["origin"], whole.checkpoint.origin());
        assert_eq!(said["size"], whole.checkpoint.size());
        assert_eq!(said["root"], whole.checkpoint.root().to_string());
    }
    let dir = folder.path().join("700");
    let path = dir.join("tile/entries/001");
    let mut bundle = fs::read(&path).unwrap();
    bundle[1_000] ^= 1;
    fs::write(&path, bundle).unwrap();
    python(&dir, &key().to_string()).unwrap_err();
}

async fn write(dir: &Path, entries: usize) {
    let log = open(dir);
    let deed = deed("acct-1");
    let notes = (0..entries).map(|_| async { log.note(&deed).await.unwrap() });
    futures_util::future::join_all(notes).await;
}

fn python(dir: &Path, vkey: &str) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit-interop/verify.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(dir)
        .arg(vkey)
        .output();
    let output = output.unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

fn domicile(words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
    let output = command.args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Of a gateway that ran: its log verifies by the region's pin key, and by nothing in the folder.
#[tokio::test]
async fn a_gateways_log_verifies_from_the_command_line() {
    let world = World::new().await;
    world.app("fra1").await;
    let ended = world.finish().await;
    let dir = ended.audit_folder("frankfurt");
    let id = gateway_id(dir.parent().unwrap(), &SystemClock).unwrap();
    let dir = dir.to_str().unwrap();
    let vkey = fs::read_to_string(Path::new(dir).join("vkey")).unwrap();
    let vkey = vkey.trim_end();
    assert!(
        vkey.starts_with(&format!("domicile/frankfurt/{id}+")),
        "{vkey}"
    );

    let (code, out, err) = domicile(&["audit", "verify", "--log", dir, "--key", vkey]);
    assert_eq!((code, &*err), (Some(0), ""), "{out}");
    assert!(out.starts_with("ok\n"), "{out}");
    let (code, _, err) = domicile(&["audit", "verify", "--log", dir]);
    assert_eq!(code, Some(0));
    assert!(err.starts_with("warning: no --key was given"), "{err}");

    let (code, out, _) = domicile(&["audit", "export", "--log", dir, "--key", vkey]);
    let lines: Vec<_> = out.lines().map(str::to_owned).collect();
    assert_eq!(
        (code, &lines),
        (Some(0), &crate::harness::audit::entries(Path::new(dir)))
    );

    let proof = ended
        .audit_folder("frankfurt")
        .with_file_name("0.tlog-proof");
    let (code, out, _) = domicile(&[
        "audit", "export", "--log", dir, "--key", vkey, "--entry", "0",
    ]);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("c2sp.org/tlog-proof@v1\nextra "), "{out}");
    fs::write(&proof, out).unwrap();
    let (code, out, err) = domicile(&[
        "audit",
        "verify",
        "--proof",
        proof.to_str().unwrap(),
        "--key",
        vkey,
    ]);
    assert_eq!((code, &*err), (Some(0), ""), "{out}");
    python(Path::new(dir), vkey).unwrap();
    damage(dir, vkey);
}

fn damage(dir: &str, vkey: &str) {
    let bundle = Path::new(dir).join("tile/entries/000.p");
    let newest = fs::read_dir(&bundle)
        .unwrap()
        .map(|file| file.unwrap().path());
    let width =
        |path: &PathBuf| -> u64 { path.file_name().unwrap().to_str().unwrap().parse().unwrap() };
    let newest = newest.max_by_key(width).unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    bytes[30] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let verify = ["audit", "verify", "--log", dir, "--key", vkey];
    let (code, out, _) = domicile(&verify);
    assert_eq!(code, Some(1));
    assert!(
        out.starts_with("not whole: entry 0 is not the one that was logged"),
        "{out}"
    );
    let (code, out, _) = domicile(&[&verify[..], &["--output", "json"]].concat());
    let verdict: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &verdict["ok"], &verdict["entry"]),
        (Some(1), &false.into(), &0.into())
    );
    let (code, _, err) = domicile(&["audit", "verify", "--log", dir, "--key", "not a key"]);
    assert_eq!(code, Some(2), "{err}");
}
