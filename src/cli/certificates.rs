//! `domicile certificates`: the secrets that sign an App's tokens, and their rotation.

use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;

use super::client::{AdminArgs, AdminClient};
use super::confirm::typed_again;
use super::exit::{Exit, Outcome, tell};
use super::output::{Output, columns, members, plain};

/// Lists, creates, promotes and revokes App certificates.
///
/// To rotate: create one, give it to the App's backend, promote it, revoke the old one.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists an App's certificates, without their values
    List(Args),
    /// Adds a secondary certificate, and shows its value this once
    Create(Args),
    /// Makes a certificate the primary one, which signs new tokens
    Promote(OneArgs),
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The App
    #[arg(long, value_name = "ID")]
    app_id: String,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// The certificate's id, as `list` shows it
    #[arg(value_name = "CERTIFICATE_ID")]
    id: String,
    #[command(flatten)]
    args: Args,
}

/// Revokes a secondary certificate: its tokens are refused everywhere within a second
#[derive(Debug, clap::Args)]
pub struct RevokeArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Do not ask for the certificate's id to be typed again
    #[arg(long)]
    yes: bool,
}

/// # Errors
/// When the gateway cannot be reached, or refuses.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::List(args) => list(&args).await,
        Command::Create(args) => create(&args).await,
        Command::Promote(args) => promote(&args).await,
        Command::Revoke(args) => revoke(&args).await,
    }
}

async fn list(args: &Args) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    let page = client.get(&path(args), &[]).await?;
    args.output.data(&page, table).context(NOT_PRINTED)?;
    Ok(Exit::Done)
}

async fn create(args: &Args) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    let certificate = client.post(&path(args), None).await?;
    args.output
        .data(&certificate, members)
        .context("the certificate is made, but cannot be printed: revoke it, and create another")?;
    tell(
        "The value is shown this once. Tokens signed with it verify from now on; promote it when your backend has it.",
    );
    Ok(Exit::Done)
}

async fn promote(args: &OneArgs) -> Outcome {
    let client = AdminClient::new(&args.args.admin)?;
    let path = [&path(&args.args)[..], &[args.id.as_str(), "promote"]].concat();
    let certificate = client.post(&path, None).await?;
    print(&args.args, &certificate)
}

async fn revoke(RevokeArgs { one, yes }: &RevokeArgs) -> Outcome {
    let client = AdminClient::new(&one.args.admin)?;
    if !yes {
        typed_again(
            "Every token that this certificate signed stops working. Type its id again:",
            &one.id,
        )?;
    }
    let path = [&path(&one.args)[..], &[one.id.as_str()]].concat();
    let certificate = client.delete(&path).await?;
    print(&one.args, &certificate)
}

fn path(args: &Args) -> [&str; 3] {
    ["apps", args.app_id.as_str(), "certificates"]
}

fn print(args: &Args, certificate: &Value) -> Outcome {
    args.output
        .data(certificate, members)
        .context("it is done, but cannot be printed")?;
    Ok(Exit::Done)
}

fn table(page: &Value) -> String {
    let head = ["id", "role", "created_at"];
    let items = page["items"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = items
        .map(|item| head.iter().map(|member| plain(&item[*member])).collect())
        .collect();
    columns(&head, &rows)
}

const NOT_PRINTED: &str = "cannot write to standard output";
