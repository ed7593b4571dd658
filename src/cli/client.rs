//! The way to a gateway's admin API. The only place that builds an HTTP client.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Certificate, Client, Identity, Method, Response, Url};
use serde_json::Value;
use zeroize::Zeroizing;

use super::exit::Stop;
use super::secret_file;

/// Where the admin API is, and the key to it.
#[derive(Debug, Clone, clap::Args)]
pub struct AdminArgs {
    /// The gateway's admin API, such as https://admin-71.chat.example.com:9443
    #[arg(long, value_name = "URL", env = "DOMICILE_ADMIN")]
    admin: Option<String>,
    /// File with an admin key; DOMICILE_ADMIN_KEY may hold the file's name or the key itself
    #[arg(
        long,
        value_name = "FILE",
        env = "DOMICILE_ADMIN_KEY",
        hide_env_values = true
    )]
    key_file: Option<PathBuf>,
    /// Certificates (PEM) that are trusted instead of the machine's own
    #[arg(long, value_name = "FILE", env = "DOMICILE_CA")]
    ca: Option<PathBuf>,
    /// Certificate and private key (PEM, in one file) for an admin API that asks for one
    #[arg(long, value_name = "FILE", env = "DOMICILE_CLIENT_CERTIFICATE")]
    client_certificate: Option<PathBuf>,
}

/// A gateway's admin API.
pub struct AdminClient {
    http: Client,
    base: Url,
    key: Zeroizing<String>,
}

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(30);

impl AdminArgs {
    /// Whether a gateway is named at all.
    pub const fn is_given(&self) -> bool {
        self.admin.is_some()
    }
}

impl AdminClient {
    /// # Errors
    /// When the address, the key or the certificates cannot be used.
    pub fn new(args: &AdminArgs) -> anyhow::Result<Self> {
        let base = address(args.admin.as_deref().ok_or_else(nameless)?)?;
        let key = key(args.key_file.as_deref().ok_or_else(keyless)?)?;
        let http = http(args.ca.as_deref(), args.client_certificate.as_deref())?;
        Ok(Self { http, base, key })
    }

    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.call(Method::GET, path, query, None, None).await
    }

    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub async fn post(&self, path: &[&str], body: Option<&Value>) -> anyhow::Result<Value> {
        self.call(Method::POST, path, &[], body, None).await
    }

    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub async fn delete(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.call(Method::DELETE, path, &[], None, None).await
    }

    /// Changes what has this revision still.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses.
    pub async fn patch(
        &self,
        path: &[&str],
        body: &Value,
        revision: &Value,
    ) -> anyhow::Result<Value> {
        let tag = format!("\"{revision}\"");
        self.call(Method::PATCH, path, &[], Some(body), Some(&tag))
            .await
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
        if_match: Option<&str>,
    ) -> anyhow::Result<Value> {
        let mut url = self.base.clone();
        // An https address always has a path to extend.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        let mut request = self.http.request(method, url).query(query);
        request = request.bearer_auth(self.key.as_str());
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(tag) = if_match {
            request = request.header(reqwest::header::IF_MATCH, tag);
        }
        let response = request.send().await.with_context(|| self.unreachable())?;
        answer(response).await
    }

    fn unreachable(&self) -> String {
        let base = &self.base;
        format!(
            "cannot reach the gateway at {base}: check --admin, --ca for a private CA, and --client-certificate if it asks for one"
        )
    }
}

/// Without redirects and proxies: the key goes to the address that was named, or nowhere.
#[expect(clippy::disallowed_methods, reason = "the one builder")]
pub fn http(ca: Option<&Path>, identity: Option<&Path>) -> anyhow::Result<Client> {
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .https_only(true)
        .connect_timeout(CONNECT)
        .timeout(WHOLE);
    if let Some(path) = ca {
        builder = builder.tls_certs_only(certificates(path)?);
    }
    if let Some(path) = identity {
        builder = builder.identity(client_certificate(path)?);
    }
    builder.build().context("cannot set up TLS on this machine")
}

fn client_certificate(path: &Path) -> anyhow::Result<Identity> {
    let place = path.display();
    let pem = fs::read(path).map(Zeroizing::new);
    let pem = pem.with_context(|| format!("cannot read --client-certificate {place}"))?;
    Identity::from_pem(&pem).with_context(|| {
        format!("--client-certificate {place}: must be a PEM file with a certificate and its key")
    })
}

fn certificates(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    let place = path.display();
    let pem = fs::read(path).with_context(|| format!("cannot read --ca {place}"))?;
    let certificates = Certificate::from_pem_bundle(&pem);
    let certificates = certificates.with_context(|| format!("--ca {place} is not PEM"))?;
    if certificates.is_empty() {
        bail!("--ca {place} holds no certificate: it must be a PEM file with the CA's certificate");
    }
    Ok(certificates)
}

fn nameless() -> Stop {
    Stop::WrongUse(
        "which gateway? Name its admin API with --admin URL or DOMICILE_ADMIN".to_owned(),
    )
}

fn keyless() -> Stop {
    Stop::WrongUse(
        "no admin key: name its file with --key-file FILE or DOMICILE_ADMIN_KEY".to_owned(),
    )
}

fn address(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https");
    let problem =
        || format!("--admin {text} is not an https address, such as https://localhost:9443");
    let url = url.ok_or_else(|| Stop::WrongUse(problem()))?;
    Ok(url)
}

fn key(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = file.to_str().unwrap_or_default();
    if !text.starts_with("dk_") {
        return secret_file::read(file, "the admin key");
    }
    // Everybody on a machine sees the arguments of its processes; its environment they don't.
    if std::env::args_os().any(|argument| argument.to_string_lossy().contains(text)) {
        let problem = "an admin key was given as an argument, where others on this machine see it: \
                       put it into a file and name the file, and replace the key";
        return Err(Stop::WrongUse(problem.to_owned()).into());
    }
    Ok(Zeroizing::new(text.to_owned()))
}

async fn answer(response: Response) -> anyhow::Result<Value> {
    let status = response.status();
    let body = response
        .bytes()
        .await
        .context("the gateway's answer broke off: try again")?;
    let json: Option<Value> = serde_json::from_slice(&body).ok();
    match json {
        Some(json) if status.is_success() => Ok(json),
        Some(problem) if problem["code"].is_string() => Err(refusal(status.as_u16(), &problem)),
        _ => bail!("{status} is not an answer of an admin API: check --admin"),
    }
}

fn refusal(status: u16, problem: &Value) -> anyhow::Error {
    let code = problem["code"].as_str().unwrap_or_default();
    let title = problem["title"].as_str().unwrap_or_default();
    let mut message = format!("the gateway refused ({status} {code}): {title}");
    for fault in problem["errors"].as_array().into_iter().flatten() {
        let field = fault["field"].as_str().unwrap_or_default();
        let text = fault["message"].as_str().unwrap_or_default();
        message.push_str(&format!("\n  {field}: {text}"));
    }
    if let Some(home) = problem["home_region"].as_str() {
        let admin = problem["home_endpoints"]["admin"][0]
            .as_str()
            .unwrap_or_default();
        message.push_str(&format!("\n  home: {home}, --admin {admin}"));
    }
    match code {
        "region_immutable" | "app_lives_elsewhere" | "forbidden" => Stop::Refused(message).into(),
        _ => anyhow::Error::msg(message),
    }
}
