//! A real nginx as the data centre. It records every request line it sees, and how long each body
//! was: what was smuggled through would stand in its log as a request of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use tempfile::TempDir;

use super::raw;
use super::site::{UPSTREAM, until};

/// A running nginx.
pub struct Nginx {
    pub rest: SocketAddr,
    child: Child,
    log: PathBuf,
    _folder: TempDir,
}

/// What nginx saw of one request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seen {
    /// The request line; empty when it was none.
    pub line: String,
    pub status: String,
    pub body: String,
    pub host: String,
    pub app: String,
    pub length: String,
    pub coding: String,
}

impl Nginx {
    /// # Panics
    /// When there is no nginx, or it does not start.
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let rest = free();
        // Bodies are read to their end when they are passed on, so there is a second server to pass
        // them on to; only the first one writes a log.
        let behind = free();
        let path = folder.path().display();
        let config = format!(
            r#"
            daemon off; master_process off; worker_processes 1;
            pid {path}/pid; error_log {path}/error.log;
            events {{ worker_connections 512; }}
            http {{
                client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;
                fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;
                log_format seen escape=json '{{"line":"$request","status":"$status",'
                    '"body":"$request_body","host":"$http_host","app":"$http_domicile_app_id",'
                    '"length":"$http_content_length","coding":"$http_transfer_encoding"}}';
                keepalive_requests 100000; client_max_body_size 0; client_body_buffer_size 1m;
                server {{
                    listen {rest}; access_log {path}/access.log seen;
                    location / {{ proxy_pass http://{behind}; }}
                }}
                server {{ listen {behind}; access_log off; return 200 "here\n"; }}
            }}"#
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let nginx = Self {
            rest,
            child: spawn(&file, folder.path()),
            log: folder.path().join("access.log"),
            _folder: folder,
        };
        until("nginx listens", || raw::accepts(rest));
        nginx
    }

    /// Everything seen so far.
    pub fn seen(&self) -> Vec<Seen> {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(config: &Path, folder: &Path) -> Child {
    let found = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
    let nginx = found.into_iter().find(|path| Path::new(path).exists());
    let nginx =
        nginx.expect("these tests need nginx: scripts/test installs it (Debian's nginx-light)");
    Command::new(nginx)
        .args(["-e", "error.log", "-p"])
        .arg(folder)
        .arg("-c")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nginx cannot be started")
}

/// An address that nobody listens on.
fn free() -> SocketAddr {
    let listener = TcpListener::bind((UPSTREAM, 0)).unwrap();
    listener.local_addr().unwrap()
}
