//! `domicile accounts create --offline`: a new owner for a region whose owner keys are lost, by
//! whoever has its gateway's files.

use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;

use crate::admin::AdminKey;
use crate::audit::Action;
use crate::cli::exit::{Exit, Outcome, Stop, tell};
use crate::cli::output::{Output, members};
use crate::cli::stopped;
use crate::registry::{NewAccount, Role, SystemRandomness};

/// Where a stopped gateway's files are.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Makes an owner in the files of a stopped gateway, where the owner keys are lost
    #[arg(long, requires = "place")]
    pub offline: bool,
    /// The stopped gateway's folder, as init lays it out: its gateway.yaml is read
    #[arg(long, value_name = "DIR", group = "place", requires = "offline")]
    data: Option<PathBuf>,
    /// The stopped gateway's configuration, where it is elsewhere
    #[arg(long, value_name = "FILE", group = "place", requires = "offline")]
    config: Option<PathBuf>,
}

/// What is printed.
#[derive(Serialize)]
struct Made {
    id: String,
    name: String,
    role: Role,
    key: String,
}

const NAME: &str = "recovered owner";

/// # Errors
/// When the gateway runs, or its registry is not believed.
pub async fn run(args: &Args, name: Option<&str>, output: Output) -> Outcome {
    let path = match (&args.config, &args.data) {
        (Some(config), _) => config.clone(),
        (None, data) => data.clone().unwrap_or_default().join("gateway.yaml"),
    };
    let name = crate::admin::account_name(name.unwrap_or(NAME));
    let name = name.map_err(|fault| Stop::WrongUse(format!("--name {fault}")))?;
    let config = stopped::load(&path)?;
    let store = stopped::any_store(&config)?;
    let registry = stopped::registry(&config, store, config.registry.anchor.clone()).await?;
    let log = stopped::audit_log(&config)?;
    let key = AdminKey::generate(&SystemRandomness)?;
    let act = log.begin(stopped::deed(Action::CreateAccount)).await?;
    let account = registry.create_account(NewAccount {
        name,
        role: Role::Owner,
        apps: Vec::new(),
        orgs: Vec::new(),
        allow_from: Vec::new(),
        key_hash: key.hash().as_str().to_owned(),
    });
    let account = match account.await {
        Ok(account) => account,
        Err(error) => {
            act.failed("registry_unavailable").await?;
            return Err(error).context("no account is made");
        }
    };
    act.done().await?;
    let made = Made {
        id: account.id.clone(),
        name: account.name.clone(),
        role: account.role,
        key: key.expose().to_owned(),
    };
    let table = |made: &Made| members(&serde_json::to_value(made).unwrap_or_default());
    let printed = output.data(&made, table);
    printed.context("the account is made, but its key cannot be printed: make another one")?;
    tell(
        "The key is shown this once: keep it where only its user reads it. Revoke the lost one's account.",
    );
    Ok(Exit::Done)
}
