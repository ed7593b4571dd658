//! The canary (`domicile probe`, `probe:` in gateway.yaml): refused everywhere but at home, and what
//! it says when a region lets it in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::demo::text;
use crate::harness::{Demo, audit, in_time};

const REGIONS: [&str; 4] = ["beijing", "singapore", "frankfurt", "virginia"];
const WAYS: [&str; 3] = ["rest", "websocket", "msync"];

/// P1, over every transport: a region refuses what lives elsewhere, and home knows it.
#[tokio::test]
async fn every_region_refuses_the_canaries_of_all_others() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let apps = data.path().join("apps.json");
    fs::write(&apps, demo.document.to_string()).unwrap();
    let asked = probe(&apps, &data.path().join("regions"), demo.ca());
    let report = report(&asked);
    assert_eq!(asked.status.code(), Some(0), "{report:#}");
    assert_eq!(report["ok"], true);
    // Five Apps, four regions, three transports.
    assert_eq!(report["probes"].as_array().unwrap().len(), 60);
    for home in REGIONS {
        for region in REGIONS {
            let expected = if home == region {
                "answered"
            } else {
                "refused"
            };
            for way in WAYS {
                let found = results(&report, home, region, way);
                assert!(!found.is_empty(), "{home} at {region} by {way}");
                assert!(found.iter().all(|r| r == expected), "{found:?}");
            }
        }
    }
    // The refusals are those of clients, at the regions that were asked.
    let metrics = demo.measured("singapore").await;
    let counted = metrics.sum("domicile_cross_region_attempts_total", &[]);
    assert!(counted >= 12.0, "{counted}");
    demo.is_clean().await;
    demo.stop();
}

/// What answers in Singapore's place lets everybody in. That is told as a violation, on all transports;
/// a region that is not there is told as nothing shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_lets_a_canary_in_is_a_violation() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let apps = data.path().join("apps.json");
    fs::write(&apps, demo.document["apps"].to_string()).unwrap();
    let regions = data.path().join("misled");
    mislead(
        &data.path().join("regions"),
        &regions,
        &lax(data.path()).await,
    );
    // Nobody listens on port 1.
    move_endpoints(&regions.join("virginia.yaml"), &|_| 1);
    let asked = probe(&apps, &regions, demo.ca());
    let report = report(&asked);
    assert_eq!(asked.status.code(), Some(1), "{report:#}");
    let said = String::from_utf8(asked.stderr).unwrap();
    assert!(
        said.contains("RESIDENCY VIOLATION: 12 probes"),
        "{said}{report:#}"
    );
    assert!(said.contains("have shown nothing"), "{said}");
    assert_eq!(report["violations"], 12);
    for way in WAYS {
        for home in ["beijing", "frankfurt", "virginia"] {
            let found = results(&report, home, "singapore", way);
            assert!(
                found.iter().all(|r| r == "let_in"),
                "{home} {way}: {found:?}"
            );
            let found = results(&report, home, "virginia", way);
            assert!(
                found.iter().all(|r| r == "unclear"),
                "{home} {way}: {found:?}"
            );
        }
        // At home it proves nothing that somebody answers without a token.
        let found = results(&report, "singapore", "singapore", way);
        assert_eq!(found, ["unclear"], "{way}");
    }
    demo.stop();
}

/// The gateway's own probe: its matrix in the metrics, a violation there and in the audit log.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_probes_by_itself_and_tells_of_violations() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    demo.stop();
    let regions = data.path().join("misled");
    mislead(
        &data.path().join("regions"),
        &regions,
        &lax(data.path()).await,
    );
    fs::rename(&regions, data.path().join("regions.new")).unwrap();
    let config = data.path().join("frankfurt/gateway.yaml");
    let yaml = fs::read_to_string(&config).unwrap();
    fs::write(&config, yaml.replace("../regions/", "../regions.new/")).unwrap();
    let metrics = probing(data.path(), &demo).await;
    for way in WAYS {
        for (home, region, refused) in [("frankfurt", "beijing", 1), ("frankfurt", "singapore", 0)]
        {
            let line = format!(
                r#"domicile_probe_refused{{home="{home}",region="{region}",transport="{way}"}} {refused}"#
            );
            assert!(metrics.contains(&line), "{line} in\n{metrics}");
        }
        let line = format!(r#"domicile_probe_answered{{region="frankfurt",transport="{way}"}} 1"#);
        assert!(metrics.contains(&line), "{line} in\n{metrics}");
    }
    let metrics = crate::harness::scrape::Metrics { text: metrics };
    let count = |family: &str, labels: &[(&str, &str)]| metrics.sum(family, labels);
    let violations = count("domicile_residency_violations_total", &[("kind", "probe")]);
    assert!(violations >= 3.0, "{violations}");
    let entries = audit::entries(&data.path().join("frankfurt/audit")).join("\n");
    assert!(
        entries.contains(r#""action":"residency.probe""#),
        "{entries}"
    );
    assert!(entries.contains(r#""code":"probe_let_in""#), "{entries}");
    assert!(!entries.contains("demo#"), "an AppKey in the audit log");
}

/// What Frankfurt shows once it has probed every region, all served anew from the folder of a demo that
/// has ended.
pub async fn probing(data: &Path, demo: &Demo) -> String {
    let config = data.join("frankfurt/gateway.yaml");
    let yaml = fs::read_to_string(&config).unwrap();
    let section = section(&demo.document["apps"]);
    fs::write(&config, format!("{yaml}{section}")).unwrap();
    let serving = Serving::start(data);
    let metrics = in_time("a probe", async {
        loop {
            let metrics = demo
                .http
                .get(format!("{}/metrics", demo.url("frankfurt", "ops")));
            if let Ok(answer) = metrics.send().await {
                let text = answer.text().await.unwrap();
                if text.contains("domicile_probe_refused{") {
                    break text;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    serving.end();
    metrics
}

fn probe(apps: &Path, catalogue: &Path, ca: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.arg("probe").arg("--apps").arg(apps);
    command
        .arg("--catalogue")
        .arg(catalogue)
        .arg("--ca")
        .arg(ca);
    // A proxy of the environment is not used: nobody listens there.
    command.env("HTTPS_PROXY", "http://127.0.0.1:1");
    command.args(["--output", "json"]).output().unwrap()
}

fn report(asked: &Output) -> Value {
    let text = String::from_utf8_lossy(&asked.stdout);
    let error = String::from_utf8_lossy(&asked.stderr);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{error}"))
}

fn results(report: &Value, home: &str, region: &str, way: &str) -> Vec<String> {
    let probes = report["probes"].as_array().unwrap().iter();
    let found = probes.filter(|p| p["home"] == home && p["region"] == region);
    let found = found.filter(|p| p["transport"] == way);
    found.map(|p| text(p, "result").to_owned()).collect()
}

/// Lines for `gateway.yaml`.
fn section(apps: &Value) -> String {
    let apps = apps.as_array().unwrap().iter().map(|app| {
        let (key, region) = (text(app, "app_key"), text(app, "region"));
        format!("    - {{app_key: \"{key}\", region: {region}}}\n")
    });
    let apps: String = apps.collect();
    format!("probe:\n  interval: 1s\n  ca: ../ca.pem\n  apps:\n{apps}")
}

/// A copy of a catalogue in which Singapore's endpoints are `lax`.
fn mislead(from: &Path, to: &Path, lax: &Lax) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    let port = |kind: &str| {
        if kind == "msync" {
            lax.msync
        } else {
            lax.https
        }
    };
    move_endpoints(&to.join("singapore.yaml"), &port);
}

/// Gives `rest`, `websocket` and `msync` other ports of localhost.
fn move_endpoints(file: &Path, port: &dyn Fn(&str) -> u16) {
    let yaml = fs::read_to_string(file).unwrap();
    let moved = yaml.lines().map(|line| {
        let kind = line.trim().split(':').next().unwrap();
        let Some((before, rest)) = line.split_once("localhost:") else {
            return line.to_owned();
        };
        if !WAYS.contains(&kind) {
            return line.to_owned();
        }
        let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        format!("{before}localhost:{}{behind}", port(kind))
    });
    let moved: Vec<String> = moved.collect();
    fs::write(file, moved.join("\n")).unwrap();
}

/// Somebody with Singapore's certificate who answers everybody: a data centre in its gateway's place.
struct Lax {
    https: u16,
    msync: u16,
}

async fn lax(data: &Path) -> Lax {
    let tls = |name: &str| -> PathBuf { data.join("singapore/tls").join(name) };
    let chain = CertificateDer::pem_file_iter(tls("gateway.crt")).unwrap();
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(tls("gateway.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Lax {
        https: listen(&acceptor, welcome_http).await,
        msync: listen(&acceptor, welcome_msync).await,
    }
}

async fn listen<F>(acceptor: &TlsAcceptor, welcome: fn(TlsStream<TcpStream>) -> F) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = acceptor.clone();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let stream = acceptor.accept(tcp).await;
            tokio::spawn(async move {
                if let Ok(stream) = stream {
                    welcome(stream).await;
                }
            });
        }
    });
    port
}

/// A WebSocket for who asks for one, 200 for everybody else.
async fn welcome_http(mut stream: TlsStream<TcpStream>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then(|| value.trim().to_owned())
    });
    let Some(key) = key else {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        return;
    };
    let accept = websocket::handshake::accept_key(&key);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    let role = tokio_tungstenite::tungstenite::protocol::Role::Server;
    let mut socket = tokio_tungstenite::WebSocketStream::from_raw_socket(stream, role, None).await;
    if socket.next().await.is_some() {
        let welcome = msync::provision_answer(None, None);
        let _ = socket.send(Message::Binary(welcome.into())).await;
    }
}

async fn welcome_msync(mut stream: TlsStream<TcpStream>) {
    let Ok(length) = stream.read_u32().await else {
        return;
    };
    let mut message = vec![0; length as usize];
    stream.read_exact(&mut message).await.unwrap();
    let welcome = msync::provision_answer(None, None);
    let length = u32::try_from(welcome.len()).unwrap();
    let _ = stream.write_all(&length.to_be_bytes()).await;
    let _ = stream.write_all(&welcome).await;
}

/// `domicile serve` of the demo's four gateways, without its data centres.
struct Serving(Child);

impl Serving {
    fn start(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
        command.args(["serve", "--cores", "1"]).stdin(Stdio::null());
        for region in REGIONS {
            let config = data.join(region).join("gateway.yaml");
            command.arg("--config").arg(config);
        }
        let log = fs::File::create(data.join("log")).unwrap();
        Self(command.stderr(log).spawn().unwrap())
    }

    fn end(mut self) {
        let pid = self.0.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(killed.unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
