//! `domicile demo`, run as a newcomer runs it (SPEC 5): the process, its document, its regions.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::Demo;
use crate::harness::demo::text;

impl Demo {
    /// `GET users/{user}` of the App at a region's gateway, with the user's token.
    async fn user(&self, app: &Value, region: &str) -> (StatusCode, Value) {
        let path = format!(
            "{}/{}/users/{}",
            text(app, "org"),
            text(app, "app"),
            text(app, "user")
        );
        let url = format!("{}/{path}", self.url(region, "https"));
        let call = self.http.get(url).bearer_auth(text(app, "user_token"));
        let answer = call.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }
}

const REGIONS: [&str; 4] = ["beijing", "singapore", "frankfurt", "virginia"];
const ZONES: [&str; 5] = ["bj1", "vip6", "sg1", "fra1", "va1"];

/// P1: every App is served at home and nowhere else; nothing is counted as a violation.
#[tokio::test]
async fn every_app_is_served_at_home_and_refused_elsewhere() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    for zone in ZONES {
        let app = demo.app(zone);
        for region in REGIONS {
            let (status, body) = demo.user(app, region).await;
            if app["region"] == region {
                assert_eq!(status, 200, "{zone} at {region}: {body}");
                assert_eq!(body["entities"][0]["username"], app["user"]);
            } else {
                assert_eq!(status, 421, "{zone} at {region}: {body}");
                assert_eq!(body["code"], "app_lives_elsewhere");
                assert_eq!(body["home_region"], app["region"]);
                let home = demo.url(text(app, "region"), "https");
                assert_eq!(body["home_endpoints"]["rest"], json!([home]));
            }
        }
    }
    for region in REGIONS {
        let metrics = demo.metrics(region).await;
        for kind in ["foreign_path", "foreign_app"] {
            let line = format!(r#"domicile_residency_violations_total{{kind="{kind}"}} 0"#);
            assert!(metrics.contains(&line), "{region}");
        }
    }
    demo.stop();
}

/// P2: every spelling of a migration is refused, audited and counted.
#[tokio::test]
async fn an_app_cannot_be_moved() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let app = demo.app("fra1");
    let key = text(&demo.document["regions"]["frankfurt"], "admin_key");
    let base = format!(
        "{}/v1/apps/{}",
        demo.url("frankfurt", "admin"),
        text(app, "app_id")
    );
    let calls = [
        demo.http
            .put(format!("{base}/region"))
            .json(&json!({"region": "virginia"})),
        demo.http.patch(format!("{base}/region")),
        demo.http.post(format!("{base}/move")),
        demo.http.post(format!("{base}/migrate")),
        demo.http.post(format!("{base}/export")),
        demo.http.patch(&base).json(&json!({"region": "virginia"})),
    ];
    let attempts = calls.len();
    for call in calls {
        let answer = call.bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status(), 409);
        assert_eq!(
            answer.json::<Value>().await.unwrap()["code"],
            "region_immutable"
        );
    }
    let line = format!("domicile_migration_attempts_total {attempts}");
    assert!(demo.metrics("frankfurt").await.contains(&line));
    let audit = crate::harness::audit::entries(&data.path().join("frankfurt/audit")).join("\n");
    assert!(
        audit.matches("region_immutable").count() >= attempts,
        "{audit}"
    );
    demo.stop();
}

/// What was registered and stored is there after a restart; the ports may be others.
#[tokio::test]
async fn a_restart_keeps_everything() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let before = demo.document["apps"].clone();
    demo.stop();
    let demo = Demo::start(data.path());
    for (old, new) in before
        .as_array()
        .unwrap()
        .iter()
        .zip(demo.document["apps"].as_array().unwrap())
    {
        for member in ["app_id", "app_key", "region", "zone", "certificate", "user"] {
            assert_eq!(old[member], new[member], "{member}");
        }
        let (status, _) = demo.user(old, text(old, "region")).await;
        assert_eq!(status, 200, "a token from before the restart");
    }
    demo.stop();
}

/// P6: no App certificate is on disk in the clear.
#[tokio::test]
async fn no_certificate_is_on_disk_in_the_clear() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let certificates: Vec<String> = ZONES
        .iter()
        .map(|zone| text(demo.app(zone), "certificate").to_owned())
        .collect();
    demo.stop();
    let mut searched = 0;
    search(data.path(), &mut |path, bytes| {
        searched += 1;
        for certificate in &certificates {
            let found = bytes
                .windows(certificate.len())
                .any(|w| w == certificate.as_bytes());
            assert!(!found, "a certificate is in {}", path.display());
        }
    });
    assert!(searched > 20, "only {searched} files");
}

fn search(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, look);
        } else {
            look(&path, &std::fs::read(&path).unwrap());
        }
    }
}
