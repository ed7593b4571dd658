//! A client of one gateway, which keeps its connections.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::lab::{CROWD, Gateway};
use crate::harness::{Answer, Wire, in_time, wire};
use crate::residency::network::at;

pub struct Client {
    pub gateway: Gateway,
    https: Option<Wire>,
    admin: Option<Wire>,
}

impl Client {
    pub const fn new(gateway: Gateway) -> Self {
        Self {
            gateway,
            https: None,
            admin: None,
        }
    }

    /// Asks for an App, again if a kept connection was closed meanwhile.
    pub async fn looks_up(&mut self, name: &str) -> Option<Answer> {
        let host = self.gateway.place.name("rest");
        let request = format!("GET /proof/{name}/users HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let address = self.gateway.https();
        let kept = self.https.is_some();
        match exchange(&mut self.https, address, &host, &request).await {
            None if kept => exchange(&mut self.https, address, &host, &request).await,
            answer => answer,
        }
    }

    /// Asks once: without an answer nobody knows what came of it.
    pub async fn registers(&mut self, owner: &str, name: &str) -> Option<Answer> {
        let place = self.gateway.place;
        let zone = place.zones().next().unwrap().id;
        let wish = json!({"org": "proof", "app": name, "region": place.region, "zone": zone});
        let (host, body) = (place.name("admin"), wish.to_string());
        let request = format!(
            "POST /v1/apps HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {owner}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(&mut self.admin, self.gateway.admin(), &host, &request).await
    }
}

/// Status, and the code of a refusal, of either API.
pub fn verdict(answer: &Answer) -> String {
    let problem = serde_json::from_slice::<Value>(&answer.body).ok();
    let code = problem.as_ref().and_then(|p| p["code"].as_str());
    format!("{} {}", answer.status, code.unwrap_or(answer.code()))
}

/// A thread where clients are, with a runtime.
pub fn from_crowd<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    at(CROWD, || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(work())
    })
}

async fn exchange(
    kept: &mut Option<Wire>,
    address: SocketAddr,
    host: &str,
    request: &str,
) -> Option<Answer> {
    let mut wire = match kept.take() {
        Some(wire) => wire,
        None => connect(address, host).await?,
    };
    wire.try_send(request).await.ok()?;
    let answer = wire.try_answer().await?;
    if answer.header("connection") != Some("close") {
        *kept = Some(wire);
    }
    Some(answer)
}

/// Nothing if nobody listens, as while a gateway starts.
#[expect(clippy::disallowed_methods, reason = "the test is the client")]
async fn connect(address: SocketAddr, host: &str) -> Option<Wire> {
    let stream = in_time("connecting", TcpStream::connect(address))
        .await
        .ok()?;
    let stream = wire::tls_over(stream, host).await.ok()?;
    Some(Wire::over(stream))
}
