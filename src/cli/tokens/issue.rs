//! `domicile tokens issue`: by a gateway's token server, or offline.

use std::path::{Path, PathBuf};

use access_token::{build_app_token, build_user_token};
use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::admin::{expires_at, salt, warnings};
use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::exit::{Exit, Outcome, Stop, tell};
use crate::cli::output::{Output, plain};
use crate::cli::{secret_file, span};
use crate::domain::{AppId, Clock, SystemClock};
use crate::registry::SystemRandomness;

/// Issues a token for a user or for the App's own administrator
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("bearer").required(true).args(["user", "app"]))]
pub struct Args {
    /// The App
    #[arg(long, value_name = "ID")]
    app_id: String,
    /// A token for this user
    #[arg(long, value_name = "USER_ID")]
    user: Option<String>,
    /// A token for administrator-level calls
    #[arg(long)]
    app: bool,
    /// How long it lives: at most 24h
    #[arg(long, default_value = "24h", value_parser = span::seconds)]
    ttl: u64,
    /// Sign it here with the App certificate in this file, instead of asking a gateway
    #[arg(long, value_name = "FILE")]
    certificate_file: Option<PathBuf>,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: &Args) -> Outcome {
    let issued = match &args.certificate_file {
        Some(file) => offline(args, file)?,
        None => online(args).await?,
    };
    for warning in issued["warnings"].as_array().into_iter().flatten() {
        tell(&format!("Warning: {}", plain(warning)));
    }
    let token = |issued: &Value| plain(&issued["token"]);
    args.output
        .data(&issued, token)
        .context("cannot write to standard output")?;
    Ok(Exit::Done)
}

const WHO_SIGNS: &str = "who signs the token? Name a gateway (--admin URL --key-file FILE, or \
                         DOMICILE_ADMIN and DOMICILE_ADMIN_KEY) or the App's certificate (--certificate-file FILE)";

async fn online(args: &Args) -> anyhow::Result<Value> {
    if !args.admin.is_given() {
        return Err(Stop::WrongUse(WHO_SIGNS.to_owned()).into());
    }
    let body = match &args.user {
        Some(user) => json!({"kind": "user", "user_id": user, "ttl": args.ttl}),
        None => json!({"kind": "app", "ttl": args.ttl}),
    };
    let path = ["apps", args.app_id.as_str(), "tokens"];
    AdminClient::new(&args.admin)?
        .post(&path, Some(&body))
        .await
}

fn offline(args: &Args, file: &Path) -> anyhow::Result<Value> {
    let app_id = AppId::parse(&args.app_id).map_err(|error| Stop::WrongUse(error.to_string()))?;
    let ttl = u32::try_from(args.ttl)
        .ok()
        .filter(|ttl| (1..=DAY).contains(ttl));
    let too_long =
        || Stop::WrongUse("--ttl must be from 1s to 24h: verifiers allow no more".to_owned());
    let ttl = ttl.ok_or_else(too_long)?;
    let certificate = secret_file::read(file, "the App certificate")?;
    let now = u32::try_from(SystemClock.unix()).context("this machine's clock is wrong")?;
    let salt = salt::random(&SystemRandomness)?;
    let token = match &args.user {
        Some(user) => build_user_token(app_id.as_str(), &certificate, user, ttl, now, salt),
        None => build_app_token(app_id.as_str(), &certificate, ttl, now, salt),
    };
    let Ok(token) = token else {
        bail!(
            "cannot sign: {} must hold a certificate of 32 hex digits, and --user must not be empty",
            file.display()
        );
    };
    let warnings = args.user.as_deref().map(warnings).unwrap_or_default();
    let expires_at = expires_at(u64::from(now) + u64::from(ttl));
    Ok(json!({"token": token, "expires_at": expires_at, "warnings": warnings}))
}

const DAY: u32 = 86_400;
