//! Only gateways of the own region come in.

use std::fs;

use datacenter::{DataCentre, GatewayAuth, StartError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use reqwest::{Certificate, Identity};
use tempfile::TempDir;

use crate::harness::{APP, Running, client, settings, standing_clock};

type Authority = CertifiedIssuer<'static, KeyPair>;

#[tokio::test]
async fn without_the_secret_nothing_is_served() {
    let centre = Running::start().await;
    let url = format!("http://{}{APP}/users", centre.address());
    for secret in [
        None,
        Some(""),
        Some("wrong"),
        Some("between the two of u"),
        Some("between the two of us ,"),
    ] {
        let mut request = client().build().unwrap().get(&url);
        if let Some(secret) = secret {
            request = request.header("Domicile-Gateway-Secret", secret);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 403, "{secret:?}");
        assert_eq!(
            response.headers()["dc-app"],
            "none",
            "nothing was looked at"
        );
    }
}

#[tokio::test]
async fn a_secret_is_for_loopback_only() {
    let data = tempfile::tempdir().unwrap();
    let mut open = settings(&data, GatewayAuth::Secret("s".into()), standing_clock());
    open.rest = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(
        DataCentre::start(open).await,
        Err(StartError::NotLoopback(_))
    ));
    let empty = settings(&data, GatewayAuth::Secret(String::new()), standing_clock());
    assert!(matches!(
        DataCentre::start(empty).await,
        Err(StartError::EmptySecret)
    ));
}

#[tokio::test]
async fn a_gateway_of_this_region_is_served() {
    let tls = Tls::start().await;
    let own = leaf(&tls.authority, &["domicile://region/frankfurt/gateway"]);
    assert_eq!(tls.ask(Some(&own)).await, Some(404));
}

#[tokio::test]
async fn others_are_not_let_in() {
    let tls = Tls::start().await;
    let names = |names: &[&str]| leaf(&tls.authority, names);
    assert_eq!(tls.ask(None).await, None, "no certificate");
    assert_eq!(
        tls.ask(Some(&names(&["domicile://region/virginia/gateway"])))
            .await,
        None,
        "another region"
    );
    assert_eq!(
        tls.ask(Some(&names(&["domicile://region/frankfurt/gateway/x"])))
            .await,
        None,
        "more than the name"
    );
    let both = [
        "domicile://region/frankfurt/gateway",
        "domicile://region/virginia/gateway",
    ];
    assert_eq!(tls.ask(Some(&names(&both))).await, None, "two regions");
    assert_eq!(tls.ask(Some(&names(&[]))).await, None, "no name at all");
    let stranger = leaf(
        &authority("stranger"),
        &["domicile://region/frankfurt/gateway"],
    );
    assert_eq!(tls.ask(Some(&stranger)).await, None, "another authority");
}

#[tokio::test]
async fn files_that_are_no_certificates_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("empty.pem");
    fs::write(&file, "").unwrap();
    let auth = GatewayAuth::MutualTls {
        ca: file.clone(),
        certificate: file.clone(),
        key: file,
    };
    let started = DataCentre::start(settings(&data, auth, standing_clock())).await;
    assert!(matches!(started, Err(StartError::Tls(_))));
}

/// A data centre behind mutual TLS.
struct Tls {
    centre: DataCentre,
    authority: Authority,
    _data: TempDir,
}

impl Tls {
    async fn start() -> Tls {
        let data = tempfile::tempdir().unwrap();
        let authority = authority("zone");
        let (ca, certificate, key) = (
            data.path().join("ca"),
            data.path().join("crt"),
            data.path().join("key"),
        );
        fs::write(&ca, authority.pem()).unwrap();
        let own = server(&authority);
        fs::write(&certificate, &own.0).unwrap();
        fs::write(&key, &own.1).unwrap();
        let auth = GatewayAuth::MutualTls {
            ca,
            certificate,
            key,
        };
        let centre = DataCentre::start(settings(&data, auth, standing_clock()))
            .await
            .unwrap();
        Tls {
            centre,
            authority,
            _data: data,
        }
    }

    /// The status of an answer; nothing when the connection is refused.
    async fn ask(&self, identity: Option<&(String, String)>) -> Option<u16> {
        let ca = Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        let mut client = client().tls_certs_only([ca]);
        if let Some((certificate, key)) = identity {
            let pem = format!("{certificate}{key}");
            client = client.identity(Identity::from_pem(pem.as_bytes()).unwrap());
        }
        let url = format!("https://{}{APP}/users/nobody", self.centre.rest_addr());
        let response = client.build().unwrap().get(url).send().await.ok()?;
        Some(response.status().as_u16())
    }
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key, PEM.
fn leaf(authority: &Authority, uris: &[&str]) -> (String, String) {
    let mut params = CertificateParams::default();
    params.subject_alt_names = uris
        .iter()
        .map(|uri| SanType::URI((*uri).try_into().unwrap()))
        .collect();
    sign(authority, &params)
}

fn server(authority: &Authority) -> (String, String) {
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    sign(authority, &params)
}

fn sign(authority: &Authority, params: &CertificateParams) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}
