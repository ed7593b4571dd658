//! A real Prometheus that scrapes a demo's regions, with the rules of the chart.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use super::demo::Demo;
use super::plan::REGIONS;

/// A running `prometheus`.
pub struct Prometheus {
    child: Child,
    url: String,
    http: Client,
    _folder: tempfile::TempDir,
}

/// The rule files and the dashboard.
pub fn chart(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("helm/domicile/files").join(file)
}

impl Prometheus {
    /// Starts it, and waits until it has scraped each region.
    pub async fn of(demo: &Demo) -> Self {
        for _ in 0..5 {
            let mut started = Self::start(demo);
            if started.scrapes().await {
                return started;
            }
        }
        panic!("prometheus does not start on any of five ports");
    }

    fn start(demo: &Demo) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yaml");
        std::fs::write(&config, configuration(demo).to_string()).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let storage = folder.path().join("tsdb");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", storage.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("scripts/test installs Debian's package prometheus");
        Self {
            child,
            url: format!("http://{address}/api/v1"),
            http: demo.http.clone(),
            _folder: folder,
        }
    }

    /// Whether all regions are up; not, when it has ended because somebody has its port.
    async fn scrapes(&mut self) -> bool {
        let all_up = format!("count(up == 1) == {}", REGIONS.len());
        self.eventually("a scrape of each region", async |own| {
            let up = own.asked(&all_up).await;
            let all = up.is_ok_and(|up| !up.is_empty());
            all || own.child.try_wait().unwrap().is_some()
        })
        .await;
        self.child.try_wait().unwrap().is_none()
    }

    /// The samples of an expression, or what Prometheus says against it.
    pub async fn asked(&self, expression: &str) -> Result<Vec<Value>, String> {
        let answer = self.get("query", &[("query", expression)]).await?;
        Ok(answer["result"].as_array().unwrap().clone())
    }

    /// `data` of an answer.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let url = format!("{}/{path}", self.url);
        let sent = self.http.get(url).query(query).send().await;
        let answer = sent.map_err(|error| error.to_string())?;
        let mut answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        if answer["status"] == "success" {
            return Ok(answer["data"].take());
        }
        Err(answer["error"].to_string())
    }

    /// Waits until the condition holds. Scrapes and rules come once a second.
    ///
    /// # Panics
    /// When it does not before the deadline.
    pub async fn eventually(&mut self, what: &str, mut holds: impl AsyncFnMut(&mut Self) -> bool) {
        let waiting = async {
            while !holds(self).await {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "waited in vain for {what}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As docs/observability.md tells operators to: the region is a label of the target. JSON is YAML.
fn configuration(demo: &Demo) -> Value {
    let targets = REGIONS.map(|(region, _)| {
        let ops = demo.url(region, "ops").trim_start_matches("http://");
        json!({"targets": [ops], "labels": {"region": region}})
    });
    json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [chart("alerts.yaml"), chart("recording.yaml")],
        "scrape_configs": [{"job_name": "domicile", "static_configs": targets}],
    })
}

fn free_port() -> u16 {
    let any = TcpListener::bind("127.0.0.1:0").unwrap();
    any.local_addr().unwrap().port()
}

/// Of a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
