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
        for kind in ["foreign_path", "foreign_app", "probe"] {
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

/// P1: the demo's data centres take gateways of their own region only, on every listener. Its zones
/// have a CA each, and its gateways are known by certificates.
#[tokio::test]
async fn data_centres_take_gateways_of_their_region_only() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let tls = |region: &str, file: &str| data.path().join(region).join("tls").join(file);
    let own = (
        tls("frankfurt", "fra1-gateway.crt"),
        tls("frankfurt", "fra1-gateway.key"),
    );
    let foreign = (
        tls("beijing", "bj1-gateway.crt"),
        tls("beijing", "bj1-gateway.key"),
    );
    let yaml = std::fs::read_to_string(data.path().join("frankfurt/gateway.yaml")).unwrap();
    let addresses = ["https://", "wss://", "tls://"].map(|scheme| {
        let (_, rest) = yaml.split_once(scheme).unwrap();
        rest.split(['"', '/']).next().unwrap().parse().unwrap()
    });
    let ca = tls("frankfurt", "fra1-ca.crt");
    for address in addresses {
        assert!(lets_in(address, &ca, Some(&own)).await, "{address}");
        assert!(!lets_in(address, &ca, Some(&foreign)).await, "{address}");
        assert!(!lets_in(address, &ca, None).await, "{address}");
    }
    demo.stop();
}

/// Whether a connection stays open for whoever has this certificate: the listeners wait for a word.
async fn lets_in(
    address: std::net::SocketAddr,
    ca: &Path,
    identity: Option<&(std::path::PathBuf, std::path::PathBuf)>,
) -> bool {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::AsyncReadExt as _;
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca).unwrap())
        .unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => config
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(certificate).unwrap()],
                PrivateKeyDer::from_pem_file(key).unwrap(),
            )
            .unwrap(),
    };
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let tcp = crate::harness::wire::tcp(address).await;
    let connected = connector.connect(address.ip().into(), tcp).await;
    let Ok(mut stream) = connected else {
        return false;
    };
    // Whoever is refused hears of it at once; the others are waited for.
    let mut byte = [0];
    let heard = tokio::time::timeout(std::time::Duration::from_secs(1), stream.read(&mut byte));
    heard.await.is_err()
}
