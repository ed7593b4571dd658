//! `domicile apps revoke-user` and `erase-user`.

use anyhow::Context;
use serde_json::Value;

use super::Which;
use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::confirm::typed_again;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Output, members};

/// Refuses a user's tokens that were issued until now, and ends the user's sessions
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The user's id
    #[arg(long, value_name = "USER_ID")]
    user: String,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

/// Erases what the App's data centre keeps of a user, with evidence, and revokes the user's tokens
#[derive(Debug, clap::Args)]
pub struct EraseArgs {
    #[command(flatten)]
    args: Args,
    /// Do not ask for the user's id to be typed again
    #[arg(long)]
    yes: bool,
}

pub async fn revoke(args: &Args) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    let path = ["apps", args.which.app_id(), "users", &args.user, "revoke"];
    print(args, &client.post(&path, None).await?)
}

pub async fn erase(EraseArgs { args, yes }: &EraseArgs) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    if !yes {
        let question = "What is erased never comes back. Type the user's id again:";
        typed_again(question, &args.user)?;
    }
    let path = ["apps", args.which.app_id(), "users", &args.user];
    print(args, &client.delete(&path).await?)
}

fn print(args: &Args, done: &Value) -> Outcome {
    args.output
        .data(done, members)
        .context("it is done, but cannot be printed")?;
    Ok(Exit::Done)
}
