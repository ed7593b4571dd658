//! A data centre that dies under its sessions and comes back: a process of its own, behind a gateway
//! in another, over the files that a demo has left.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::Scene;
use crate::harness::chat_sdk::{Connection, PACKAGES};
use crate::harness::{Demo, in_time};

/// A process that is killed at the end, and not before.
struct Process(Child);

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_domicile"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// Frankfurt's gateway, as the demo has configured it.
    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    async fn gateway(data: &Path, demo: &Demo) -> Self {
        let config = data.join("frankfurt/gateway.yaml");
        let process = Self::start(&["serve", "--config", config.to_str().unwrap()]);
        let address = demo.url("frankfurt", "https");
        let address = address.strip_prefix("https://").unwrap();
        in_time("the gateway to listen", async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
        process
    }

    /// The data centre of fra1, where the gateway looks for it.
    fn centre(data: &Path) -> Self {
        let frankfurt = data.join("frankfurt");
        let yaml = std::fs::read_to_string(frankfurt.join("gateway.yaml")).unwrap();
        let listens = |upstream: &str| {
            let (_, rest) = yaml.split_once(upstream).unwrap();
            let end = rest.find(['/', '"']).unwrap();
            rest[..end].parse::<SocketAddr>().unwrap().to_string()
        };
        let file = |name: &str| frankfurt.join(name).to_str().unwrap().to_owned();
        let mut process = Self::start(&[
            "datacenter",
            "--region=frankfurt",
            "--zone=fra1",
            "--data",
            &file("datacenter/fra1"),
            "--key-file",
            &file("keys/fra1.seal"),
            "--rest",
            &listens("rest: [\"https://"),
            "--websocket",
            &listens("websocket: [\"wss://"),
            "--msync",
            &listens("msync: [\"tls://"),
            "--gateway-ca",
            &file("tls/fra1-ca.crt"),
            "--certificate",
            &file("tls/fra1-datacenter.crt"),
            "--key",
            &file("tls/fra1-datacenter.key"),
        ]);
        let mut line = String::new();
        let said = BufReader::new(process.0.stdout.as_mut().unwrap()).read_line(&mut line);
        assert!(said.unwrap() > 0, "the data centre does not start");
        process
    }

    /// As the power fails.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two users of one App who talk, one who is away, and their group.
struct Chat<'a> {
    scene: &'a Scene<'a>,
    ann: Connection<'a>,
    bob: Connection<'a>,
    group: String,
}

impl<'a> Chat<'a> {
    async fn begin(scene: &'a Scene<'a>) -> Self {
        let (ann, bob) = (scene.log_in("ann").await, scene.log_in("bob").await);
        let data = json!({
            "groupname": "crew", "desc": "sails", "members": ["bob"], "public": true,
            "approval": false, "allowinvites": true, "inviteNeedConfirm": false, "maxusers": 50,
        });
        let made = ann
            .call("createGroup", json!([{"data": data}]))
            .await
            .unwrap();
        let chat = Self {
            scene,
            group: made["data"]["groupid"].as_str().unwrap().to_owned(),
            ann,
            bob,
        };
        chat.say("before").await;
        let later = chat.ann.text("singleChat", "eve", "for later").await;
        later.unwrap();
        chat
    }

    async fn say(&self, text: &str) {
        self.ann.text("singleChat", "bob", text).await.unwrap();
        hears(&self.bob, "singleChat", text).await;
        self.bob.text("groupChat", &self.group, text).await.unwrap();
        hears(&self.ann, "groupChat", text).await;
    }

    async fn both(&self, handler: &str) {
        self.ann.event(handler).await;
        self.bob.event(handler).await;
    }

    /// Logs in again, for as long as the gateway takes to see that the data centre is back.
    async fn open_again(&self) {
        for user in [&self.ann, &self.bob] {
            let token = self.scene.token(&user.name).await;
            // Until this, it takes itself for logged in.
            user.call("close", json!([])).await.unwrap();
            in_time("the data centre to be taken for healthy", async {
                while let Err(refused) = user.open(&user.name, &token).await {
                    assert!(
                        refused.message.starts_with("home_unavailable: "),
                        "{refused:?}"
                    );
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                }
            })
            .await;
            user.event("onConnected").await;
        }
    }
}

/// Waits for a text. What was not acknowledged when the data centre died may come once more before it.
async fn hears(user: &Connection<'_>, kind: &str, text: &str) {
    loop {
        let heard = user.event("onTextMessage").await;
        if heard["msg"] == text {
            assert_eq!(heard["chatType"], kind);
            return;
        }
    }
}

#[tokio::test]
async fn sessions_come_back_after_the_data_centre() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let [one, other] = PACKAGES;
    let (one, other) = (Scene::set(&demo, one).await, Scene::set(&demo, other).await);
    demo.stop();
    let centre = Process::centre(data.path());
    let _gateway = Process::gateway(data.path(), &demo).await;
    let (one, other) = tokio::join!(Chat::begin(&one), Chat::begin(&other));

    // Back before the SDKs try again: nobody notices but by the handlers.
    centre.kill();
    tokio::join!(one.both("onReconnecting"), other.both("onReconnecting"));
    let centre = Process::centre(data.path());
    tokio::join!(one.both("onConnected"), other.both("onConnected"));
    tokio::join!(one.say("again"), other.say("again"));

    // Away for longer than they try: they say so, and log in anew.
    centre.kill();
    tokio::join!(one.both("onDisconnected"), other.both("onDisconnected"));
    let refused = one.ann.error().await;
    assert_eq!(refused.kind, 2);
    assert!(
        refused.message.starts_with("home_unavailable: "),
        "{refused:?}"
    );
    let _centre = Process::centre(data.path());
    tokio::join!(one.open_again(), other.open_again());
    tokio::join!(one.say("at last"), other.say("at last"));
    for chat in [&one, &other] {
        let eve = chat.scene.log_in("eve").await;
        assert_eq!(eve.event("onTextMessage").await["msg"], "for later");
    }
}
