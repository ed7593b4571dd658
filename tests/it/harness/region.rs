//! One region with the real binary: its gateway is a process of its own, or stopped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use access_token::build_app_token;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use super::process::{Process, system_now};
use super::{World, in_time};

/// Frankfurt, with the admin API and plain HTTP on an address of its own.
pub struct Region {
    pub world: World,
    pub http: Client,
    pub admin: SocketAddr,
}

/// An App, as its owner knows it.
#[derive(Clone)]
pub struct Mine {
    pub id: String,
    pub app: String,
    pub certificate: String,
}

impl Region {
    /// `n` as for [`Process::own_ip`].
    pub async fn new(n: u8) -> Self {
        let ip = Process::own_ip(n);
        let plan = World::plan().reference().regions(&["frankfurt"]);
        let world = World::without_gateways(plan.listens_on(&ip)).await;
        world.configure();
        let admin = SocketAddr::new(ip.parse().unwrap(), 7403);
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let http = Client::builder()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .pool_max_idle_per_host(0)
            .resolve("admin.frankfurt.test", admin)
            .resolve("rest.frankfurt.test", SocketAddr::new(admin.ip(), 7402))
            .build()
            .unwrap();
        Self { world, http, admin }
    }

    pub async fn serve(&self) -> Process {
        let process = Process::serve(&self.world, &[]).await;
        in_time("the admin API to listen", async {
            while !self.answers().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        process
    }

    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    pub async fn answers(&self) -> bool {
        tokio::net::TcpStream::connect(self.admin).await.is_ok()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.world.root().join("frankfurt").join(name)
    }

    /// The path of the configuration.
    pub fn config(&self) -> String {
        self.path("gateway.yaml").to_str().unwrap().to_owned()
    }

    /// A call of the admin API by the owner.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let key = std::fs::read_to_string(self.path("admin.key")).unwrap();
        self.request_with(key.trim(), method, path)
    }

    pub fn request_with(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        let url = format!(
            "https://admin.frankfurt.test:{}/v1/{path}",
            self.admin.port()
        );
        self.http.request(method, url).bearer_auth(key)
    }

    /// What the App's backend gets: the status, and the gateway's code if it refused.
    pub async fn served(&self, app: &Mine) -> (u16, String) {
        let token = build_app_token(&app.id, &app.certificate, 3600, system_now(), 1).unwrap();
        let url = format!("http://rest.frankfurt.test:7402/acme/{}/users", app.app);
        let call = self.http.get(url).bearer_auth(token);
        let answer = call.send().await.unwrap();
        let code = answer.headers().get("domicile-code");
        let code = code.map_or("-", |code| code.to_str().unwrap()).to_owned();
        (answer.status().as_u16(), code)
    }
}

/// What a command did.
pub fn domicile(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.args(args).stdin(Stdio::null()).output().unwrap()
}

/// # Panics
/// When the command ended otherwise, or did not say that on standard error.
#[track_caller]
pub fn ends(output: &Output, code: i32, says: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{said}{printed}");
    assert!(said.contains(says), "{says} is not in {said}");
}

/// What it printed, as JSON.
pub fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}
