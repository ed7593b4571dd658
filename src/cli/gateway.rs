//! An admin API over TLS, for the tests of the commands that call one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::admin::bench::Bench;
use crate::registry::Role;

pub struct Gateway {
    pub bench: Option<Bench>,
    dir: tempfile::TempDir,
    url: String,
}

impl Gateway {
    /// The admin API of Frankfurt, with its owner's key in a file.
    pub async fn start() -> Self {
        let bench = Bench::new().await;
        let mut gateway = Self::serving(bench.service()).await;
        gateway.write_key(bench.key(Role::Owner));
        gateway.bench = Some(bench);
        gateway
    }

    /// Anything else that answers.
    pub async fn of(router: Router) -> Self {
        let gateway = Self::serving(TowerToHyperService::new(router)).await;
        gateway.write_key("dk_something");
        gateway
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write_key(&self, key: &str) {
        fs::write(self.path("key"), key).unwrap();
        fs::set_permissions(self.path("key"), Permissions::from_mode(0o600)).unwrap();
    }

    /// `--admin`, `--key-file` and `--ca`.
    pub fn flags(&self) -> Vec<String> {
        let text = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let flags = [
            ("--admin", self.url.clone()),
            ("--key-file", text("key")),
            ("--ca", text("ca.pem")),
        ];
        let flags = flags
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"));
        flags.collect()
    }

    async fn serving(service: TowerToHyperService<Router>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(dir.path().join("ca.pem"), signed.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "https://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        tokio::spawn(accept(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            service,
        ));
        Self {
            bench: None,
            dir,
            url,
        }
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, service: TowerToHyperService<Router>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, service) = (tls.clone(), service.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else {
                return;
            };
            let builder = auto::Builder::new(TokioExecutor::new());
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
