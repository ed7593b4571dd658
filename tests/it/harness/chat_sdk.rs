//! The vendor's chat SDKs, in Node with a DOM: `tests/sdk/run.js`, told what to do line by line.

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::eventually;

/// The SDKs, by the names of their packages.
pub const PACKAGES: [&str; 2] = ["agora-chat", "easemob-websdk"];

/// A page with an SDK in it, in a process of its own. It trusts the demo's CA and nothing else more.
pub struct ChatSdk {
    child: Child,
    input: Mutex<ChildStdin>,
    heard: Arc<Mutex<Vec<Heard>>>,
    next: AtomicU64,
}

/// A line from the page.
struct Heard {
    line: Value,
    /// Whether a test has looked at it.
    taken: bool,
}

/// How the SDK tells an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdkError {
    pub kind: i64,
    pub message: String,
}

pub type Told = Result<Value, SdkError>;

/// One `WebIM.connection`.
pub struct Connection<'a> {
    sdk: &'a ChatSdk,
    pub name: String,
}

impl ChatSdk {
    pub fn start(package: &str, ca: &Path) -> Self {
        let folder = folder();
        assert!(
            folder.join("node_modules").join(package).is_dir(),
            "run tests/sdk/setup.sh first"
        );
        let mut child = Command::new("node")
            .args(["run.js", package])
            .current_dir(folder)
            .env("NODE_EXTRA_CA_CERTS", ca)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let heard = Arc::default();
        listen(child.stdout.take().unwrap(), Arc::clone(&heard));
        let input = Mutex::new(child.stdin.take().unwrap());
        Self {
            child,
            input,
            heard,
            next: AtomicU64::new(1),
        }
    }

    /// Makes a connection, which does not connect yet. `name` is the test's name for it.
    pub async fn connection(&self, name: &str, options: Value) -> Connection<'_> {
        self.connection_by(name, options, Value::Null).await
    }

    /// One that asks these URLs where its App lives.
    pub async fn discovering(&self, name: &str, options: Value, ask: &[&str]) -> Connection<'_> {
        self.connection_by(name, options, json!(ask)).await
    }

    async fn connection_by(&self, name: &str, options: Value, discovery: Value) -> Connection<'_> {
        let deed =
            json!({"do": "connection", "as": name, "options": options, "discovery": discovery});
        self.ask(deed).await.unwrap();
        Connection {
            sdk: self,
            name: name.to_owned(),
        }
    }

    /// What the page gets of a URL: status and text.
    pub async fn fetch(&self, url: &str, headers: Value) -> Told {
        self.ask(json!({"do": "fetch", "url": url, "headers": headers}))
            .await
    }

    /// A user's token, made by the vendor's package.
    pub async fn token(&self, app_id: &str, certificate: &str, user: &str, ttl: u32) -> String {
        let deed = json!({
            "do": "token", "app_id": app_id, "certificate": certificate, "user": user, "ttl": ttl
        });
        let token = self.ask(deed).await.unwrap();
        token.as_str().unwrap().to_owned()
    }

    async fn ask(&self, mut deed: Value) -> Told {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        deed["id"] = json!(id);
        writeln!(self.input.lock(), "{deed}").unwrap();
        let answer = self
            .await_line(&format!("an answer to {deed}"), |line| line["id"] == id)
            .await;
        match answer.get("ok") {
            Some(ok) => Ok(ok.clone()),
            None => Err(SdkError::of(&answer["error"])),
        }
    }

    /// The first line that fits and was not taken yet.
    async fn await_line(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        eventually(what, || {
            let mut heard = self.heard.lock();
            let fitting = heard.iter_mut().find(|h| !h.taken && fits(&h.line));
            found = fitting.map(|heard| {
                heard.taken = true;
                heard.line.clone()
            });
            found.is_some()
        })
        .await;
        found.unwrap()
    }
}

impl Drop for ChatSdk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Connection<'_> {
    /// Logs in.
    pub async fn open(&self, user: &str, token: &str) -> Told {
        self.call("open", json!([{"user": user, "accessToken": token}]))
            .await
    }

    /// Calls a method of the SDK's connection, and waits for its promise.
    pub async fn call(&self, method: &str, arguments: Value) -> Told {
        let deed = json!({"do": "call", "as": self.name, "method": method, "arguments": arguments});
        self.sdk.ask(deed).await
    }

    /// Makes a message as `WebIM.message.create` wants it, and sends it.
    pub async fn send(&self, message: Value) -> Told {
        self.sdk
            .ask(json!({"do": "send", "as": self.name, "message": message}))
            .await
    }

    /// Sends a message with a file, which the SDK uploads first.
    pub async fn send_file(&self, message: Value, file: Value) -> Told {
        let deed = json!({"do": "send", "as": self.name, "message": message, "file": file});
        self.sdk.ask(deed).await
    }

    pub async fn text(&self, chat_type: &str, to: &str, text: &str) -> Told {
        self.send(json!({"chatType": chat_type, "type": "txt", "to": to, "msg": text}))
            .await
    }

    /// The next call of a handler, with what it was given. Each is seen once.
    pub async fn event(&self, handler: &str) -> Value {
        let what = format!("{} of {}", handler, self.name);
        let line = self
            .sdk
            .await_line(&what, |line| self.is_event(line, handler))
            .await;
        line["data"].clone()
    }

    /// What `onError` was given.
    pub async fn error(&self) -> SdkError {
        SdkError::of(&self.event("onError").await)
    }

    /// How often a handler was called so far, seen or not.
    pub fn count(&self, handler: &str) -> usize {
        let heard = self.sdk.heard.lock();
        let events = heard.iter().filter(|h| self.is_event(&h.line, handler));
        events.count()
    }

    fn is_event(&self, line: &Value, handler: &str) -> bool {
        line["as"] == self.name && line["event"] == handler
    }
}

impl SdkError {
    fn of(error: &Value) -> Self {
        Self {
            kind: error["type"].as_i64().unwrap_or_default(),
            message: error["message"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

fn listen(output: ChildStdout, heard: Arc<Mutex<Vec<Heard>>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let line = serde_json::from_str(&line).unwrap();
            heard.lock().push(Heard { line, taken: false });
        }
    });
}
