//! A sweep of the real data centre survives kill -9: nothing is half deleted, the next one finishes, and the
//! reports say exactly what was deleted.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domicile::domain::{Clock, SystemClock};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

const MESSAGES: u64 = 20_000;
const ROUNDS: usize = 8;

/// The process, and where it listens.
struct Centre {
    child: Child,
    address: String,
    client: Client,
}

impl Centre {
    fn start(folder: &Path) -> Centre {
        let secret = folder.join("secret");
        std::fs::write(&secret, "hush").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
        command.args([
            "datacenter",
            "--region=frankfurt",
            "--zone=fra1",
            "--rest=127.0.0.1:0",
        ]);
        command
            .args(["--output=json", "--data"])
            .arg(folder.join("data"));
        command.arg("--secret-file").arg(&secret);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test is the gateway")]
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60));
        Centre {
            child,
            address: told["rest"].as_str().unwrap().to_owned(),
            client: client.build().unwrap(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("http://{}{path}", self.address));
        request
            .header("Domicile-Gateway-Secret", "hush")
            .header("Domicile-Zone", "fra1")
            .header("Domicile-App-Id", "970ca35de60c44645bbae8a215061b33")
            .header("Domicile-Request-Id", "0af7651916cd43dd8448eb211c80319c")
    }

    fn sweep(&self) -> RequestBuilder {
        let app = json!({ "app_key": "acme#chat", "retention_days": 0 });
        let asked = json!({ "now": SystemClock.unix_millis(), "apps": [app] });
        self.request(Method::POST, "/management/sweeps")
            .json(&asked)
    }

    fn kill(self) {}
}

/// Also when the test fails.
impl Drop for Centre {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn fill(centre: &Centre) {
    let to: Vec<String> = (0..1_000).map(|n| format!("u{n}")).collect();
    let body = json!({ "from": "ann", "to": to, "type": "txt", "body": { "msg": "a canary" } });
    for _ in 0..MESSAGES / 1_000 {
        let sent = centre.request(Method::POST, "/acme/chat/messages/users");
        assert_eq!(sent.json(&body).send().await.unwrap().status(), 200);
    }
}

/// Control: with a transaction for the report of its own, the sum is not that of what was there.
#[tokio::test]
async fn a_sweep_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut centre = Centre::start(folder.path());
    fill(&centre).await;
    for round in 0..ROUNDS {
        let sweeping = tokio::spawn(centre.sweep().send());
        for _ in 0..round * 20 {
            tokio::task::yield_now().await;
        }
        // Some are killed before the first batch, some between batches.
        tokio::time::sleep(Duration::from_millis(round as u64 * 7)).await;
        centre.kill();
        let _ = sweeping.await;
        centre = Centre::start(folder.path());
    }
    let last = centre.sweep().send().await.unwrap();
    let last: Value = last.json().await.unwrap();
    assert_eq!(last["complete"], true, "{last}");
    let reports = last["apps"][0]["sweeps"].as_array().unwrap();
    let deleted = reports.iter().map(|report| {
        let deleted = report["deleted"]["one_to_one"]["messages"].as_u64();
        deleted.unwrap()
    });
    assert_eq!(deleted.sum::<u64>(), MESSAGES);
    centre.kill();
}
