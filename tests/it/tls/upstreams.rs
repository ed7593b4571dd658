//! TLS to the data centre: whoever is not surely it gets not a byte.

use std::net::SocketAddr;
use std::time::Duration;

use crate::harness::certificates::{Authority, Pair, Wish};
use crate::harness::front::Front;
use crate::harness::plan::ip_of;
use crate::harness::sdk::{BOTH, By, Login};
use crate::harness::{Call, TestApp, World, in_time, log};

/// Frankfurt with TLS in front of every upstream of `fra1`.
struct Site {
    world: World,
    app: TestApp,
    ca: Authority,
    fronts: [Front; 3],
    /// The log's length when the fronts were there and no gateway yet. Their ports may have been
    /// another test's before, and the log is of all tests.
    log_before: usize,
}

/// The address that all three are at.
fn address() -> String {
    ip_of("fra1", 100).to_string()
}

/// A certificate as the data centre should have it.
fn fitting() -> Wish {
    Wish::address(&address())
}

impl Site {
    /// The data centre shows `shown(ca)`; a gateway that trusts `ca`, with `more` in `zones.fra1.tls`.
    async fn of(shown: impl Fn(&Authority) -> Pair, more: &str) -> Self {
        let ca = Authority::new("CA of fra1");
        let pair = shown(&ca);
        let mut world = World::without_gateways(World::plan()).await;
        let im = world.im("fra1");
        let behind = [world.centre("fra1").address, im.websocket, im.msync];
        let ip = ip_of("fra1", 100);
        let fronts = [
            Front::start(ip, behind[0], &pair, Some(&ca.pem)).await,
            Front::start(ip, behind[1], &pair, Some(&ca.pem)).await,
            Front::start(ip, behind[2], &pair, Some(&ca.pem)).await,
        ];
        let log_before = log::length();
        let client = ca.issue(&Wish::uri("domicile://region/frankfurt/gateway"));
        world.put("frankfurt", "fra1-ca.crt", &ca.pem);
        world.put("frankfurt", "fra1.crt", &client.certificate);
        world.put("frankfurt", "fra1.key", &client.key);
        let addresses = fronts.each_ref().map(|front| front.address);
        let more = more.to_owned();
        world.edit(move |_, yaml| secured(&yaml, behind, addresses, &more));
        world.start_gateways().await;
        let app = world.app("fra1").await;
        Self {
            world,
            app,
            ca,
            fronts,
            log_before,
        }
    }

    async fn call(&self) -> (u16, String) {
        let answer = self
            .world
            .call("frankfurt", Call::plain_of(&self.app))
            .await;
        (answer.status, answer.code().to_owned())
    }

    /// How a log-in ends that is not let in.
    async fn refusal(&self, by: By) -> (i32, String) {
        let mut sdk = self.world.sdk("frankfurt", by).await;
        sdk.send(&Login::of(&self.app, "u1").frame()).await;
        sdk.refusal().await
    }

    async fn failures(&self, reason: &str) -> f64 {
        let metrics = self.world.metrics("frankfurt").await;
        let labels = [("zone", "fra1"), ("reason", reason)];
        metrics.sum("domicile_upstream_tls_failures_total", &labels)
    }

    async fn reloads(&self, result: &str) -> f64 {
        let metrics = self.world.metrics("frankfurt").await;
        metrics.sum("domicile_config_reloads_total", &[("result", result)])
    }

    async fn has_reloaded(&self, result: &str, count: f64) {
        in_time("a reload", async {
            while self.reloads(result).await < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    /// Waits until the gateway does not use its upstream for REST.
    async fn is_taken_out(&self) {
        in_time("the probes", async {
            loop {
                let metrics = self.world.metrics("frankfurt").await;
                let upstream = self.upstream();
                let labels = [("zone", "fra1"), ("upstream", upstream.as_str())];
                if metrics.sum("domicile_upstream_healthy", &labels) == 0.0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }

    fn bytes(&self) -> usize {
        self.fronts.iter().map(Front::bytes).sum()
    }

    /// The listener's address, as the log names an upstream.
    fn upstream(&self) -> String {
        self.fronts[0].address.to_string()
    }
}

/// Points `fra1` at the fronts.
fn secured(yaml: &str, behind: [SocketAddr; 3], fronts: [SocketAddr; 3], more: &str) -> String {
    let schemes = [("http", "https"), ("ws", "wss"), ("tcp", "tls")];
    let mut yaml = yaml.to_owned();
    for ((plain, tls), (old, new)) in schemes.into_iter().zip(behind.iter().zip(fronts)) {
        yaml = yaml.replace(&format!("{plain}://{old}"), &format!("{tls}://{new}"));
    }
    let egress = "\x20   egress: [\"127.43.1.0/24\"]\n";
    let files = "ca: fra1-ca.crt, certificate: fra1.crt, key: fra1.key";
    yaml.replace(egress, &format!("{egress}\x20   tls: {{{files}{more}}}\n"))
}

/// Control: what all the refusals below are compared with.
#[tokio::test]
async fn a_data_centre_of_the_zones_ca_is_spoken_to() {
    let site = Site::of(|ca| ca.issue(&fitting()), "").await;
    assert_eq!(site.call().await, (200, "-".to_owned()));
    for by in BOTH {
        site.world.session(&site.app, "u1", by).await;
    }
    assert!(site.fronts.iter().all(|front| front.bytes() > 0));
    assert_eq!(site.failures("issuer").await, 0.0);
    site.world.finish().await;
}

/// Controls: `WebPkiServerVerifier` with the zone's roots alone, `Pinned::check`. Not a byte of a
/// request, an upgrade or a preamble goes to whoever it is; probes fail alike.
#[tokio::test]
async fn whoever_it_is_not_gets_not_a_byte() {
    let other_ca = |_: &Authority| Authority::new("CA of bj1").issue(&fitting());
    let pin = format!(
        ", pins: [\"{}\"]",
        Authority::new("x").issue(&fitting()).pin
    );
    type Shown = Box<dyn Fn(&Authority) -> Pair>;
    let cases: [(&str, Shown, &str); 6] = [
        (
            "time",
            Box::new(|ca| ca.issue(&fitting().valid(2020, 2021))),
            "",
        ),
        (
            "time",
            Box::new(|ca| ca.issue(&fitting().valid(2090, 2091))),
            "",
        ),
        (
            "name",
            Box::new(|ca| ca.issue(&Wish::address("127.43.1.111"))),
            "",
        ),
        (
            "name",
            Box::new(|ca| ca.issue(&Wish::names(&["fra1.test"]))),
            "",
        ),
        ("issuer", Box::new(other_ca), ""),
        ("pin", Box::new(|ca| ca.issue(&fitting())), &pin),
    ];
    for (reason, shown, more) in cases {
        let site = Site::of(shown, more).await;
        let unavailable = (503, "home_unavailable".to_owned());
        assert_eq!(site.call().await, unavailable, "{reason}");
        for by in BOTH {
            let (code, text) = site.refusal(by).await;
            assert_eq!(
                (code, text.contains("home_unavailable")),
                (8, true),
                "{text}"
            );
        }
        assert_eq!(site.bytes(), 0, "{reason}");
        assert!(
            site.fronts
                .iter()
                .all(|front| front.completed() == 0 && front.failed() > 0)
        );
        assert!(site.failures(reason).await >= 3.0, "{reason}");
        let told = log::lines_since(site.log_before, &site.upstream());
        let told: Vec<_> = told
            .iter()
            .filter(|line| line.contains("not spoken to"))
            .collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("\"WARN\"") && told[0].contains("fra1"),
            "{told:?}"
        );
        site.world.finish().await;
    }
}

/// Control: `Homes::probe` shakes hands, so an upstream that nobody may speak to is not well.
#[tokio::test]
async fn a_probe_finds_a_stranger_out() {
    let site = Site::of(|_| Authority::new("another").issue(&fitting()), "").await;
    site.is_taken_out().await;
    assert_eq!(site.world.forwarded(), 0);
    assert_eq!(site.bytes(), 0);
    site.world.finish().await;
}

/// Control: `Target::probe`. A data centre that wants another certificate is found out before a
/// request is: under TLS 1.3 it objects when the handshake is over.
#[tokio::test]
async fn a_probe_finds_out_that_the_gateway_is_not_wanted() {
    let site = Site::of(|ca| ca.issue(&fitting()), "").await;
    let shown = site.ca.issue(&fitting());
    for front in &site.fronts {
        front.shows(&shown, Some(&Authority::new("of others").pem));
    }
    site.is_taken_out().await;
    assert!(site.failures("handshake").await > 0.0);
    assert_eq!(site.bytes(), 0);
    site.world.finish().await;
}

/// Control: one of several pins is enough, and it is that of the certificate itself.
#[tokio::test]
async fn a_pinned_key_is_spoken_to() {
    let pair = std::sync::OnceLock::new();
    let ca = Authority::new("CA of fra1");
    let pair = pair.get_or_init(|| ca.issue(&fitting())).clone();
    let spare = ca.issue(&fitting());
    let more = format!(", pins: [\"{}\", \"{}\"]", spare.pin, pair.pin);
    let site = Site::of(|_| pair.clone(), &more).await;
    assert_eq!(site.call().await.0, 503, "of another CA");
    site.world.put("frankfurt", "fra1-ca.crt", &ca.pem);
    site.has_reloaded("ok", 1.0).await;
    for front in &site.fronts {
        front.shows(&pair, None);
    }
    assert_eq!(site.call().await.0, 200);
    site.world.finish().await;
}

/// Control: `Secured::replace`, `Pool::is_over`. The new CA counts at once, also for connections
/// that idle; one that cannot be read changes nothing.
#[tokio::test]
async fn a_cas_replacement_counts_at_once() {
    let site = Site::of(|ca| ca.issue(&fitting()), "").await;
    assert_eq!(site.call().await.0, 200);
    site.world
        .put("frankfurt", "fra1-ca.crt", "no certificate\n");
    site.has_reloaded("failed", 1.0).await;
    assert_eq!(site.call().await.0, 200);
    let next = Authority::new("next CA of fra1");
    site.world.put("frankfurt", "fra1-ca.crt", &next.pem);
    site.has_reloaded("ok", 1.0).await;
    let before = site.bytes();
    assert_eq!(site.call().await, (503, "home_unavailable".to_owned()));
    assert_eq!(
        site.bytes(),
        before,
        "the idle connection is not used again"
    );
    for front in &site.fronts {
        front.shows(&next.issue(&fitting()), Some(&site.ca.pem));
    }
    assert_eq!(site.call().await.0, 200);
    site.world.finish().await;
}

/// Control: the client certificate is read again with its key.
#[tokio::test]
async fn the_gateways_own_certificate_is_replaced_too() {
    let site = Site::of(|ca| ca.issue(&fitting()), "").await;
    assert_eq!(site.call().await.0, 200);
    let next = Authority::new("next CA of gateways");
    let shown = site.ca.issue(&fitting());
    for front in &site.fronts {
        front.shows(&shown, Some(&next.pem));
    }
    let wish = Wish::uri("domicile://region/frankfurt/gateway");
    let expired = next.issue(&wish.clone().valid(2020, 2021));
    site.world
        .put("frankfurt", "fra1.crt", &expired.certificate);
    site.world.put("frankfurt", "fra1.key", &expired.key);
    site.has_reloaded("failed", 1.0).await;
    let fresh = next.issue(&wish.valid(2026, 2030));
    site.world.put("frankfurt", "fra1.crt", &fresh.certificate);
    site.world.put("frankfurt", "fra1.key", &fresh.key);
    site.has_reloaded("ok", 1.0).await;
    assert_eq!(site.call().await.0, 200);
    let metrics = site.world.metrics("frankfurt").await;
    let family = "domicile_upstream_certificate_expiry_timestamp_seconds";
    // 2030-01-01T00:00:00Z.
    assert_eq!(metrics.sum(family, &[("zone", "fra1")]), 1_893_456_000.0);
    site.world.finish().await;
}
