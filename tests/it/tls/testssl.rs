//! testssl.sh at the edge (Debian's package `testssl.sh`): all of its checks at `https`, those of
//! protocols, suites and the server's defaults at the other listeners. It takes a minute or two,
//! most of it waiting.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::certificates::{self, Wish};
use crate::harness::{World, rest_name};

/// What is no matter of the gateway's. Everything else must be LOW at most, and be checked.
const ELSEWHERE: [(&str, &str); 3] = [
    // The CA is this test's own: it revokes nothing, so it names no place to ask.
    ("cert_revocation", "HIGH"),
    // OpenSSL 3 has no engines, which testssl.sh 3.0 looks for to try GOST.
    ("engine_problem", "WARN"),
    // It hangs up before a ticket of TLS 1.3 can reach it, when it is quick; `tickets.rs` waits.
    ("sessionresumption_ticket", "WARN"),
];

/// One listener's run.
struct Scan {
    address: SocketAddr,
    name: String,
    checks: &'static [&'static str],
    ca: PathBuf,
    out: PathBuf,
}

impl Scan {
    /// Blocks until testssl.sh has ended.
    fn findings(&self) -> Vec<Value> {
        let ran = Command::new("testssl")
            .args(["--quiet", "--color", "0", "--warnings", "batch"])
            .args(["--nodns", "none", "--assume-http", "--ip"])
            .arg(self.address.ip().to_string())
            .arg("--add-ca")
            .arg(&self.ca)
            .arg("--jsonfile")
            .arg(&self.out)
            .args(self.checks)
            .arg(format!("{}:{}", self.name, self.address.port()))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = std::fs::read_to_string(&self.out).unwrap_or_default();
        let said = String::from_utf8_lossy(&ran.stdout);
        let findings: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{said}"));
        findings.as_array().unwrap().clone()
    }
}

/// Those that are worse than LOW.
fn bad(findings: &[Value]) -> Vec<&Value> {
    let bad = findings.iter().filter(|finding| {
        let [id, severity] = ["id", "severity"].map(|member| finding[member].as_str().unwrap());
        let harmless = ["OK", "INFO", "LOW", "DEBUG"].contains(&severity);
        !harmless && !ELSEWHERE.contains(&(id, severity))
    });
    bad.collect()
}

fn finding<'a>(findings: &'a [Value], id: &str) -> &'a str {
    let found = findings.iter().find(|finding| finding["id"] == id);
    let found = found.unwrap_or_else(|| panic!("no finding {id} in {findings:#?}"));
    found["finding"].as_str().unwrap()
}

async fn scan(world: &World, listener: &str, address: SocketAddr, checks: &'static [&'static str]) {
    let ca = world.root().join("ca.pem");
    let scan = Scan {
        address,
        name: rest_name("frankfurt"),
        checks,
        out: world.root().join(format!("{listener}.json")),
        ca,
    };
    let ran = tokio::task::spawn_blocking(move || scan.findings());
    let findings = ran.await.unwrap();
    let bad = bad(&findings);
    assert!(bad.is_empty(), "{listener}: {bad:#?}");
    // It has seen a server, and the certificate that it was to see.
    assert_eq!(finding(&findings, "TLS1_3"), "offered with final");
    assert_eq!(finding(&findings, "TLS1_1"), "not offered");
    assert_eq!(finding(&findings, "cert_chain_of_trust"), "passed.");
    assert_eq!(
        finding(&findings, "cert_subjectAltName"),
        "rest.frankfurt.test"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn testssl_finds_nothing_worse_than_low() {
    // Some of its checks name no host: where one is required they would find no TLS at all.
    let plan = World::plan().without_required_name();
    let mut world = World::without_gateways(plan).await;
    // Valid for less than 825 days, which testssl.sh minds.
    let pair = certificates::issue(&Wish::names(&[rest_name("frankfurt")]).valid(2026, 2028));
    world.put("frankfurt", "tls.crt", &pair.certificate);
    world.put("frankfurt", "tls.key", &pair.key);
    std::fs::write(world.root().join("ca.pem"), certificates::ca()).unwrap();
    world.start_gateways().await;
    let addresses = world.addresses("frankfurt");
    let some = &["-p", "-s", "-S"];
    tokio::join!(
        scan(&world, "https", addresses.https.unwrap(), &[]),
        scan(&world, "msync", addresses.msync.unwrap(), some),
        scan(&world, "admin", addresses.admin.unwrap(), some),
    );
    world.finish().await;
}
