//! Backup, restore, reconciling and a lost owner key: the drill of `docs/backup.md`, with the real
//! binary.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::region::{Mine, Region, domicile, ends, printed};
use crate::harness::{World, audit, eventually, in_time};

impl Region {
    fn store(&self) -> PathBuf {
        self.world.root().join("registry.redb")
    }

    fn passphrase(&self, phrase: &str) -> String {
        let path = self.world.root().join("passphrase");
        fs::write(&path, phrase).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        text(&path)
    }

    fn backup(&self, out: &Path) -> Output {
        let phrase = self.passphrase("correct horse battery");
        let (config, out) = (self.config(), text(out));
        let args = ["backup", "--config", &config, "--out", &out];
        domicile(&[&args[..], &["--passphrase-file", &phrase]].concat())
    }

    fn restore(&self, from: &Path) -> Output {
        self.restore_with(from, "correct horse battery")
    }

    fn restore_with(&self, from: &Path, phrase: &str) -> Output {
        let phrase = self.passphrase(phrase);
        let (config, from) = (self.config(), text(from));
        let args = ["restore", "--config", &config, "--from", &from];
        domicile(
            &[
                &args[..],
                &["--passphrase-file", &phrase, "--output", "json"],
            ]
            .concat(),
        )
    }

    fn reconcile(&self) -> Output {
        let config = self.config();
        let args = ["registry", "reconcile", "--config", &config];
        domicile(&[&args[..], &["--output", "json"]].concat())
    }

    /// What is lost with the machine: all but configuration, catalogue and certificates.
    fn wipe(&self) {
        fs::remove_file(self.store()).unwrap();
        fs::remove_dir_all(self.path("audit")).unwrap();
        for name in LOST {
            fs::remove_file(self.path(name)).unwrap();
        }
        // There once the gateway has counted, which it may not have had the time for.
        let _ = fs::remove_file(self.path("keys.json"));
    }

    /// Everything that a restore might have left behind.
    fn leftovers(&self) -> Vec<String> {
        let names = |dir: PathBuf| fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name());
        let own = [
            "gateway.yaml",
            "tls.crt",
            "tls.key",
            "admin.key",
            "owner.json",
        ];
        let here = names(self.path("")).chain(names(self.world.root()));
        let shared = ["frankfurt", "regions", "passphrase", "datacenter", "stderr"];
        here.map(|name| name.into_string().unwrap())
            .filter(|name| !own.contains(&&**name) && !shared.contains(&&**name))
            .filter(|name| !name.starts_with("backup"))
            .collect()
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(method, path).json(&body)).await
    }

    async fn call_with(&self, key: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
        answer(self.request_with(key, method, path).json(&body)).await
    }

    async fn register(&self, app: &str) -> Mine {
        let body = json!({"org": "acme", "app": app, "region": "frankfurt"});
        let (status, made) = self.call(Method::POST, "apps", body).await;
        assert_eq!(status, 201, "{made}");
        Mine {
            id: made["app_id"].as_str().unwrap().to_owned(),
            app: app.to_owned(),
            certificate: made["certificate"]["value"].as_str().unwrap().to_owned(),
        }
    }

    async fn retire(&self, app: &Mine) {
        let path = format!("apps/{}", app.id);
        let (status, _) = self.call(Method::DELETE, &path, json!({})).await;
        assert_eq!(status, 200);
    }

    fn audited(&self, wanted: &[&str]) -> bool {
        let entries = audit::entries(&self.path("audit"));
        let fits = |entry: &&String| wanted.iter().all(|text| entry.contains(text));
        entries.iter().any(|entry| fits(&entry))
    }
}

/// In the gateway's folder, besides the audit log.
const LOST: [&str; 5] = [
    "seal.key",
    "pin.key",
    "registry.anchor",
    "gateway-id",
    "owner.json",
];

async fn answer(call: RequestBuilder) -> (u16, Value) {
    let answer = call.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_drill() {
    let region = Region::new(61).await;
    let process = region.serve().await;
    let (one, two) = (region.register("one").await, region.register("two").await);
    let three = region.register("three").await;
    region.retire(&three).await;
    assert_eq!(region.served(&one).await.0, 200);
    let file = region.world.root().join("backup-1");
    ends(&region.backup(&file), 1, "stop the gateway first");
    process.end().await;

    ends(&region.backup(&file), 0, "");
    ends(&region.backup(&file), 1, "never overwrites");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    region.wipe();

    let restored = region.restore(&file);
    ends(&restored, 0, "");
    assert_eq!(printed(&restored)["kept"], json!([]));
    for key in ["seal.key", "pin.key"] {
        let mode = fs::metadata(region.path(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    // The same again changes nothing.
    ends(&region.restore(&file), 0, "");
    assert!(region.audited(&["registry.restore", "done"]));

    let process = region.serve().await;
    for app in [&one, &two] {
        assert_eq!(region.served(app).await, (200, "-".to_owned()));
    }
    let gone = (410, "app_retired".to_owned());
    assert_eq!(region.served(&three).await, gone);
    let body = json!({"org": "acme", "app": "three", "region": "frankfurt"});
    let (status, _) = region.call(Method::POST, "apps", body).await;
    assert_eq!(status, 410, "a tombstone's names stay taken");
    let four = region.register("four").await;
    assert_eq!(region.served(&four).await.0, 200);
    process.end().await;
    let log = text(&region.path("audit"));
    ends(&domicile(&["audit", "verify", "--log", &log]), 0, "");

    older_than_the_anchor(&region, &file, &four).await;
    region.world.finish().await;
}

/// Control: what was acknowledged after the backup is not undone by it.
async fn older_than_the_anchor(region: &Region, file: &Path, lost: &Mine) {
    fs::remove_file(region.store()).unwrap();
    ends(&region.restore(file), 3, "would undo what was acknowledged");
    assert!(!region.store().exists(), "nothing is left of it");
    assert!(region.audited(&["registry.restore", "refused", "older_than_anchor"]));

    // Unavoidable: by hand, and then reconciled.
    let (anchor, away) = (region.path("registry.anchor"), region.path("anchor.away"));
    fs::rename(&anchor, &away).unwrap();
    ends(&region.restore(file), 0, "");
    fs::rename(&away, &anchor).unwrap();
    let config = region.config();
    let args = ["accounts", "create", "--offline", "--config", &config];
    ends(&domicile(&args), 1, "not believed");
    unready_and_says_why(region, lost).await;

    let reconciled = region.reconcile();
    ends(&reconciled, 0, "");
    let report = printed(&reconciled);
    assert_eq!(
        (&report["pins"], &report["anchored"]),
        (&json!(1), &json!(true))
    );
    let process = region.serve().await;
    let untrusted = (503, "registry_untrusted".to_owned());
    assert_eq!(region.served(lost).await, untrusted, "its record is lost");
    let body = json!({"org": "acme", "app": lost.app, "region": "frankfurt"});
    let (status, _) = region.call(Method::POST, "apps", body).await;
    assert_eq!(status, 503, "its names stay taken");
    let five = region.register("five").await;
    assert_eq!(region.served(&five).await.0, 200);
    process.end().await;
}

/// Control: a gateway on a store that was rolled back starts, for its operator to see it, and lets
/// nobody in.
async fn unready_and_says_why(region: &Region, app: &Mine) {
    let process = region.serve().await;
    let url = format!("http://{}/readyz", process.ops);
    let ready = region.http.get(url).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let ready: Value = ready.json().await.unwrap();
    assert_eq!(ready["status"], "unready");
    let check = |name: &str| {
        let mut checks = ready["checks"].as_array().unwrap().iter();
        checks.find(|check| check["name"] == name).unwrap().clone()
    };
    assert_eq!(check("registry")["ok"], false);
    let detail = check("registry")["detail"].to_string();
    assert!(detail.contains("rolled back"), "{detail}");
    let untrusted = (503, "registry_untrusted".to_owned());
    assert_eq!(region.served(app).await, untrusted);
    let body = json!({"org": "acme", "app": "new", "region": "frankfurt"});
    let (status, problem) = region.call(Method::POST, "apps", body).await;
    assert_eq!(
        (status, &problem["code"]),
        (503, &json!("registry_untrusted"))
    );
    eventually("the audit log to say so", || {
        region.audited(&["registry.read", "refused", "registry_untrusted"])
    })
    .await;
    let log = process.end().await;
    assert!(log.contains("starts unready"), "{log}");
}

/// Control: who demands an anchor gets no gateway that believes whatever the store says.
#[tokio::test]
async fn an_anchor_that_is_demanded_must_be_there() {
    let region = Region::new(70).await;
    let config = text(&region.world.configure()[0]);
    let demanding = ["serve", "--require-anchor", "--config", &config];
    ends(&domicile(&demanding), 1, "--require-anchor");
    region.serve().await.end().await;
    let mut process = Command::new(env!("CARGO_BIN_EXE_domicile"));
    let mut process = process.args(demanding).spawn().unwrap();
    in_time("the gateway to listen", async {
        while !region.answers().await {
            assert!(process.try_wait().unwrap().is_none(), "it does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    process.kill().unwrap();
    process.wait().unwrap();
    region.world.finish().await;
}

/// What `sh` does before it becomes the restore: no file may grow beyond some kilobytes.
fn within(kilobytes: u32, ending: &str) -> String {
    // In the units of POSIX, 512 bytes.
    format!("{ending} ulimit -f {}; exec \"$0\" \"$@\"", kilobytes * 2)
}

/// Control: a restore that is killed, or has no room, leaves nothing that a gateway would take for
/// the whole, no keys in other places than their own, and the same command does the rest.
#[tokio::test]
async fn a_restore_that_breaks_off_is_done_again() {
    let region = Region::new(71).await;
    let process = region.serve().await;
    let one = region.register("one").await;
    process.end().await;
    let file = region.world.root().join("backup-1");
    ends(&region.backup(&file), 0, "");
    let (config, from) = (region.config(), text(&file));
    let phrase = region.passphrase("correct horse battery");
    let args = ["restore", "--config", &config, "--from", &from];
    let args = [&args[..], &["--passphrase-file", &phrase]].concat();
    for (n, kilobytes) in (0..).zip([0, 1, 4, 64, 512, 1_024, 2_048]) {
        // A file that may not grow kills its writer, or is told like a full disk.
        for ending in ["", "trap '' XFSZ;"] {
            region.wipe();
            fs::write(region.path("owner.json"), "x").unwrap();
            let mut broken = Command::new("sh");
            let broken = broken
                .args(["-c", &within(kilobytes, ending)])
                .arg(env!("CARGO_BIN_EXE_domicile"))
                .args(&args)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let done = broken.status.success();
            if !done && !ending.is_empty() {
                assert_eq!(region.leftovers(), Vec::<String>::new(), "{kilobytes} kB");
            }
            assert!(n > 0 || !done, "nothing can be written without a byte");
            if !done {
                assert!(!region.path("pin.key").exists(), "{kilobytes} kB");
            }
            ends(&region.restore(&file), 0, "");
            let left = region.leftovers();
            assert!(
                left.iter().all(|name| !name.contains("restore")),
                "{left:?}"
            );
        }
    }
    let process = region.serve().await;
    assert_eq!(region.served(&one).await, (200, "-".to_owned()));
    process.end().await;
    region.world.finish().await;
}

/// Control: keys are written to their own places only, and a killed restore's are removed.
#[tokio::test]
async fn keys_leave_no_copies() {
    let region = Region::new(72).await;
    let process = region.serve().await;
    process.end().await;
    let file = region.world.root().join("backup-1");
    ends(&region.backup(&file), 0, "");
    region.wipe();
    fs::write(region.path("owner.json"), "x").unwrap();
    fs::write(region.path(".restore-killed"), "a key").unwrap();
    let (config, from) = (region.config(), text(&file));
    let phrase = region.passphrase("correct horse battery");
    let mut restore = Command::new(env!("CARGO_BIN_EXE_domicile"));
    let restored = restore
        .args(["restore", "--config", &config, "--from", &from])
        .args(["--passphrase-file", &phrase])
        // Nothing needs a place that others share.
        .env("TMPDIR", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    ends(&restored, 0, "");
    assert!(!region.path(".restore-killed").exists());
    region.world.finish().await;
}

/// Control: what a passphrase closed opens with it, whichever way it comes.
#[tokio::test]
async fn a_passphrase_is_the_same_in_a_file_and_on_standard_input() {
    let region = Region::new(73).await;
    let process = region.serve().await;
    process.end().await;
    let phrase = "# correct horse battery ";
    let (config, file) = (region.config(), region.world.root().join("backup-1"));
    let out = text(&file);
    let mut backup = Command::new(env!("CARGO_BIN_EXE_domicile"));
    let backup = backup
        .args(["backup", "--config", &config, "--out", &out])
        .args(["--passphrase-file", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut backup = backup.unwrap();
    let mut input = backup.stdin.take().unwrap();
    input
        .write_all(format!("{phrase}\r\nmore").as_bytes())
        .unwrap();
    drop(input);
    ends(&backup.wait_with_output().unwrap(), 0, "");
    region.wipe();
    ends(&region.restore_with(&file, &format!("{phrase}\n")), 0, "");
    region.world.finish().await;
}

/// A file that is none of the audit log's is named, for its owner to put away.
#[tokio::test]
async fn an_odd_file_in_the_audit_log_is_named() {
    let region = Region::new(74).await;
    let process = region.serve().await;
    process.end().await;
    fs::write(region.path("audit/notes to self"), "x").unwrap();
    let file = region.world.root().join("backup-1");
    ends(&region.backup(&file), 1, "audit/notes to self");
    assert!(!file.exists());
    region.world.finish().await;
}

#[tokio::test]
async fn a_backup_that_is_not_whole_restores_nothing() {
    let region = Region::new(62).await;
    let process = region.serve().await;
    region.register("one").await;
    process.end().await;
    let file = region.world.root().join("backup-1");
    ends(&region.backup(&file), 0, "");
    region.wipe();
    fs::write(region.path("owner.json"), "x").unwrap();
    let good = fs::read(&file).unwrap();
    let bad = region.world.root().join("backup-bad");
    let refused = |bytes: &[u8], says: &str| {
        fs::write(&bad, bytes).unwrap();
        ends(&region.restore(&bad), 1, says);
        assert_eq!(region.leftovers(), Vec::<String>::new(), "{says}");
    };
    refused(b"something else altogether", "does not begin as a backup");
    refused(&good[..good.len() - 1], "damaged");
    refused(&good[..300], "");
    for at in [30, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        refused(&flipped, "");
    }
    let wrong = region.restore_with(&file, "correct horse batterz");
    ends(&wrong, 1, "not the one that it was made with");
    assert_eq!(region.leftovers(), Vec::<String>::new());
    ends(&region.restore(&file), 0, "");
    region.world.finish().await;
}

/// Control: there is no restore that moves an App (P2).
#[tokio::test]
async fn another_region_takes_nothing() {
    let region = Region::new(63).await;
    let process = region.serve().await;
    region.register("one").await;
    process.end().await;
    let file = region.world.root().join("backup-1");
    ends(&region.backup(&file), 0, "");
    let other = World::without_gateways(World::plan().regions(&["virginia"])).await;
    let config = text(&other.configure()[0]);
    let (from, phrase) = (text(&file), region.passphrase("correct horse battery"));
    let restore = |from: &str| {
        let args = ["restore", "--config", &config, "--from", from];
        domicile(&[&args[..], &["--passphrase-file", &phrase]].concat())
    };
    ends(&restore(&from), 3, "takes only its own");
    // A header that lies is found by what is sealed.
    let bytes = fs::read(&file).unwrap();
    let at = bytes
        .windows(9)
        .position(|part| part == b"frankfurt")
        .unwrap();
    // As long as the other name, so that the header's length stays right.
    let lie = [&bytes[..at], b"virginia\"", &bytes[at + 9..]].concat();
    let lying = other.root().join("lie");
    fs::write(&lying, lie).unwrap();
    assert_ne!(restore(&text(&lying)).status.code(), Some(0));
    assert!(!other.root().join("registry.redb").exists());

    // The same region's name is not enough either: the keys must be the catalogue's.
    let namesake = Region::new(64).await;
    ends(
        &namesake.restore(&file),
        3,
        "pin key is not in the catalogue",
    );
    region.world.finish().await;
    namesake.world.finish().await;
    other.finish().await;
}

#[tokio::test]
async fn other_data_of_the_region_stays() {
    let region = Region::new(65).await;
    let process = region.serve().await;
    region.register("one").await;
    process.end().await;
    let file = region.world.root().join("backup-1");
    ends(&region.backup(&file), 0, "");
    let process = region.serve().await;
    let two = region.register("two").await;
    process.end().await;
    fs::remove_file(region.path("registry.anchor")).unwrap();
    ends(&region.restore(&file), 3, "holds other data");
    assert!(region.audited(&["registry.restore", "refused", "registry_not_empty"]));
    let process = region.serve().await;
    assert_eq!(region.served(&two).await.0, 200);
    process.end().await;
    region.world.finish().await;
}

#[tokio::test]
async fn a_recovery_key_opens_a_backup() {
    let region = Region::new(66).await;
    let process = region.serve().await;
    let one = region.register("one").await;
    process.end().await;
    let key = text(&region.world.root().join("backup-key"));
    ends(&domicile(&["backup", "--new-recovery-key", &key]), 0, "");
    ends(
        &domicile(&["backup", "--new-recovery-key", &key]),
        1,
        "cannot make",
    );
    let (config, file) = (region.config(), region.world.root().join("backup-1"));
    let out = text(&file);
    let args = ["backup", "--config", &config, "--out", &out];
    ends(&domicile(&args), 2, "never written in the clear");
    ends(
        &domicile(&[&args[..], &["--recovery-key-file", &key]].concat()),
        0,
        "",
    );
    region.wipe();
    ends(&region.restore(&file), 1, "--recovery-key-file");
    let args = ["restore", "--config", &config, "--from", &out];
    ends(
        &domicile(&[&args[..], &["--recovery-key-file", &key]].concat()),
        0,
        "",
    );
    let process = region.serve().await;
    assert_eq!(region.served(&one).await.0, 200);
    process.end().await;

    // Only registry and keys are lost: the audit log that is there goes on.
    fs::remove_file(region.store()).unwrap();
    for name in ["seal.key", "pin.key"] {
        fs::remove_file(region.path(name)).unwrap();
    }
    ends(
        &domicile(&[&args[..], &["--recovery-key-file", &key]].concat()),
        0,
        "",
    );
    assert!(region.audited(&["registry.restore", "begun"]));
    let process = region.serve().await;
    assert_eq!(region.served(&one).await.0, 200);
    process.end().await;
    region.world.finish().await;
}

/// Control: an App whose names nobody can take again for it keeps the registry from being believed.
#[tokio::test]
async fn what_no_log_knows_is_not_made_up() {
    let region = Region::new(69).await;
    let process = region.serve().await;
    process.end().await;
    let older = region.world.root().join("backup-store");
    fs::copy(region.store(), &older).unwrap();
    let process = region.serve().await;
    let app = region.register("app").await;
    process.end().await;
    // Another gateway of the region had registered it: its log is not at hand.
    let elsewhere = region.world.root().join("backup-audit");
    let here = region.path("audit");
    fs::rename(&here, &elsewhere).unwrap();
    let process = region.serve().await;
    region.retire(&app).await;
    process.end().await;
    fs::copy(&older, region.store()).unwrap();
    let unresolved = region.reconcile();
    ends(&unresolved, 1, "--audit-log");
    let report = printed(&unresolved);
    assert_eq!(report["anchored"], false);
    assert_eq!(report["unresolved"][0]["app_id"], app.id.as_str());
    let (config, here, there) = (region.config(), text(&here), text(&elsewhere));
    let logs = ["--audit-log", &here, "--audit-log", &there];
    let args = ["registry", "reconcile", "--config", &config];
    // A log that was touched is no evidence.
    let checkpoint = elsewhere.join("checkpoint");
    let good = fs::read(&checkpoint).unwrap();
    let mut touched = good.clone();
    touched[good.len() / 2] ^= 1;
    fs::write(&checkpoint, touched).unwrap();
    ends(&domicile(&[&args[..], &logs].concat()), 1, "is not whole");
    fs::write(&checkpoint, good).unwrap();
    ends(&domicile(&[&args[..], &logs].concat()), 0, "");
    let process = region.serve().await;
    assert_eq!(region.served(&app).await, (410, "app_retired".to_owned()));
    process.end().await;
    region.world.finish().await;
}

/// Control: neither a pin nor a tombstone is lost with the commits that made it (P2).
#[tokio::test]
async fn a_store_that_was_rolled_back_is_reconciled() {
    let region = Region::new(67).await;
    let process = region.serve().await;
    let (kept, retired) = (
        region.register("kept").await,
        region.register("retired").await,
    );
    process.end().await;
    let older = region.world.root().join("backup-store");
    fs::copy(region.store(), &older).unwrap();
    let process = region.serve().await;
    region.retire(&retired).await;
    let both = region.register("both").await;
    region.retire(&both).await;
    let lost = region.register("lost").await;
    process.end().await;
    fs::copy(&older, region.store()).unwrap();
    let file = region.world.root().join("backup-1");
    ends(&region.backup(&file), 1, "older than its anchor");

    let reconciled = region.reconcile();
    ends(&reconciled, 0, "");
    let report = printed(&reconciled);
    assert_eq!(
        (&report["pins"], &report["tombstones"]),
        (&json!(2), &json!(2))
    );
    assert!(region.audited(&["registry.reconcile", "begun"]));
    assert!(region.audited(&["registry.reconcile", "done", &lost.id]));
    let again = printed(&region.reconcile());
    assert_eq!(
        (&again["pins"], &again["tombstones"]),
        (&json!(0), &json!(0))
    );

    let process = region.serve().await;
    assert_eq!(region.served(&kept).await, (200, "-".to_owned()));
    for app in [&retired, &both] {
        assert_eq!(region.served(app).await, (410, "app_retired".to_owned()));
    }
    let untrusted = (503, "registry_untrusted".to_owned());
    assert_eq!(region.served(&lost).await, untrusted);
    process.end().await;
    region.world.finish().await;
}

#[tokio::test]
async fn a_lost_owner_key_is_recovered() {
    let region = Region::new(68).await;
    let process = region.serve().await;
    let config = region.config();
    let args = ["accounts", "create", "--offline", "--config", &config];
    let args = [&args[..], &["--output", "json"]].concat();
    ends(&domicile(&args), 1, "stop the gateway first");
    process.end().await;
    let odd = [&args[..], &["--name", "a\u{1b}[2J"]].concat();
    ends(&domicile(&odd), 2, "control character");
    fs::remove_file(region.path("admin.key")).unwrap();
    let data = text(&region.path(""));
    let by_data = ["accounts", "create", "--offline", "--data", &data];
    for args in [args, [&by_data[..], &["--output", "json"]].concat()] {
        let made = domicile(&args);
        ends(&made, 0, "shown this once");
        let made = printed(&made);
        assert_eq!(made["role"], "owner");
        let process = region.serve().await;
        let key = made["key"].as_str().unwrap();
        let listed = region.call_with(key, Method::GET, "apps", json!({})).await;
        assert_eq!(listed.0, 200);
        process.end().await;
        assert!(region.audited(&["account.create", "\"gateway\"", "done"]));
        for entry in audit::entries(&region.path("audit")) {
            assert!(!entry.contains(key));
        }
    }
    region.world.finish().await;
}
