//! `domicile accounts`: who may use the admin API.

mod offline;

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::confirm::typed_again;
use crate::cli::exit::{Exit, Outcome, tell};
use crate::cli::output::{Output, columns, members, plain};
use crate::cli::paging::{Paging, tell_more};

/// Creates, lists and revokes admin accounts.
#[derive(Debug, Subcommand)]
pub enum Command {
    Create(CreateArgs),
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Makes an account, and shows its key this once
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// What people call it
    #[arg(long, required_unless_present = "offline")]
    name: Option<String>,
    /// owner, registrar, issuer or auditor
    #[arg(long, required_unless_present = "offline", conflicts_with = "offline")]
    role: Option<String>,
    /// An App of an issuer; may be repeated
    #[arg(long = "app-id", value_name = "ID", conflicts_with = "offline")]
    apps: Vec<String>,
    /// An org of a registrar; may be repeated; none: all orgs
    #[arg(long = "org", conflicts_with = "offline")]
    orgs: Vec<String>,
    /// An address or range that an issuer's key works from; may be repeated
    #[arg(long, value_name = "RANGE", conflicts_with = "offline")]
    allow_from: Vec<String>,
    #[command(flatten)]
    stopped: offline::Args,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

/// Lists the accounts of the gateway's region, a page at a time
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

/// Deletes an account: its key is refused within a second
#[derive(Debug, clap::Args)]
pub struct RevokeArgs {
    /// The account's id, as `list` shows it
    #[arg(value_name = "ACCOUNT_ID")]
    id: String,
    /// Do not ask for the id to be typed again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

/// # Errors
/// When the gateway cannot be reached, or refuses.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Create(args) => create(&args).await,
        Command::List(args) => list(&args).await,
        Command::Revoke(args) => revoke(&args).await,
    }
}

async fn create(args: &CreateArgs) -> Outcome {
    if args.stopped.offline {
        return offline::run(&args.stopped, args.name.as_deref(), args.output).await;
    }
    let client = AdminClient::new(&args.admin)?;
    let body = json!({
        "name": args.name,
        "role": args.role,
        "apps": args.apps,
        "orgs": args.orgs,
        "allow_from": args.allow_from,
    });
    let account = client.post(&["accounts"], Some(&body)).await?;
    args.output
        .data(&account, members)
        .context("the account is made, but cannot be printed: revoke it, and create another")?;
    tell("The key is shown this once: keep it in a file that only its user reads (mode 0600).");
    Ok(Exit::Done)
}

async fn list(args: &ListArgs) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    let page = client.get(&["accounts"], &args.paging.query()).await?;
    args.output
        .data(&page, table)
        .context("cannot write to standard output")?;
    tell_more(&page);
    Ok(Exit::Done)
}

async fn revoke(args: &RevokeArgs) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    if !args.yes {
        typed_again(
            "The account's key stops working, for ever. Type the account's id again:",
            &args.id,
        )?;
    }
    let account = client.delete(&["accounts", &args.id]).await?;
    args.output
        .data(&account, members)
        .context("it is done, but cannot be printed")?;
    Ok(Exit::Done)
}

fn table(page: &Value) -> String {
    let head = ["id", "name", "role", "created_at", "last_used_at"];
    let items = page["items"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = items
        .map(|item| head.iter().map(|member| plain(&item[*member])).collect())
        .collect();
    columns(&head, &rows)
}
