//! A running gateway of a region, and its clients.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;

use super::millis;
use super::region::{Region, app, domicile};

const ADMIN: &str = "https://frankfurt-admin.chat.example.com:7302";
const REST: &str = "http://frankfurt.chat.example.com:7301";

pub struct Gateway {
    child: Child,
    key: String,
    pub http: Client,
    /// From the process's start until `/readyz` said 200.
    pub ready_after: u64,
}

impl Gateway {
    pub async fn start(region: &Region) -> Self {
        let started = millis();
        let child = domicile(&["serve", "--config"])
            .arg(region.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let http = client(&region.ip);
        let mut gateway = Self {
            child,
            key: region.key.clone(),
            http,
            ready_after: 0,
        };
        gateway.is_ready(&region.ip).await;
        gateway.ready_after = millis() - started;
        gateway
    }

    async fn is_ready(&mut self, ip: &str) {
        let url = format!("http://{ip}:7303/readyz");
        loop {
            let answer = self.http.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub async fn register(&self, name: &str) -> Result<Response, reqwest::Error> {
        let body = serde_json::json!({"org": "acme", "app": name, "region": "frankfurt"});
        let post = self.http.post(format!("{ADMIN}/v1/apps"));
        post.bearer_auth(&self.key).json(&body).send().await
    }

    pub async fn get(&self, path: &str) -> Value {
        let get = self.http.get(format!("{ADMIN}{path}"));
        let answer = get.bearer_auth(&self.key).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    pub async fn post(&self, path: &str) {
        let post = self.http.post(format!("{ADMIN}{path}"));
        let answer = post.bearer_auth(&self.key).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.unwrap();
    }

    /// A call of the App with a token; the status of its answer.
    pub async fn call(&self, app: &str, token: &str) -> u16 {
        let call = self.http.get(format!("{REST}/acme/{app}/users/u1"));
        let answer = call.bearer_auth(token).send().await.unwrap();
        let status = answer.status().as_u16();
        answer.bytes().await.unwrap();
        status
    }

    /// A call of the App without a token: it is located, found at home, and refused.
    pub async fn decide(&self, n: usize) {
        let call = self.http.get(format!("{REST}/acme/{}/users/u1", app(n)));
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        answer.bytes().await.unwrap();
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let size = line.unwrap().split_whitespace().nth(1).unwrap();
        size.parse().unwrap()
    }

    /// kill -9.
    pub fn kill(&self) {
        let process = self.child.id().to_string();
        let killed = Command::new("kill").args(["-KILL", &process]).status();
        assert!(killed.unwrap().success());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the bench is the client")]
fn client(ip: &str) -> Client {
    let at = |port| SocketAddr::new(ip.parse().unwrap(), port);
    Client::builder()
        .no_proxy()
        .http1_only()
        .tls_danger_accept_invalid_certs(true)
        .resolve("frankfurt-admin.chat.example.com", at(7302))
        .resolve("frankfurt.chat.example.com", at(7301))
        .build()
        .unwrap()
}
