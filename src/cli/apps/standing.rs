//! `domicile apps suspend`, `resume` and `retire`.

use anyhow::Context;
use serde_json::Value;

use super::Which;
use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::confirm::typed_again;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Output, members};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

/// Retires an App, for ever: its secrets are erased, its names are never given again
#[derive(Debug, clap::Args)]
pub struct RetireArgs {
    #[command(flatten)]
    args: Args,
    /// Do not ask for the App ID to be typed again
    #[arg(long)]
    yes: bool,
}

pub async fn suspend(args: &Args) -> Outcome {
    post(args, "suspend").await
}

pub async fn resume(args: &Args) -> Outcome {
    post(args, "resume").await
}

pub async fn retire(args: &RetireArgs) -> Outcome {
    let client = AdminClient::new(&args.args.admin)?;
    let app_id = args.args.which.app_id();
    if !args.yes {
        typed_again(
            "A retired App never comes back. Type its App ID again:",
            app_id,
        )?;
    }
    let app = client.delete(&["apps", app_id]).await?;
    print(&args.args, &app)
}

async fn post(args: &Args, action: &str) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    let path = ["apps", args.which.app_id(), action];
    let app = client.post(&path, None).await?;
    print(args, &app)
}

fn print(args: &Args, app: &Value) -> Outcome {
    args.output
        .data(app, members)
        .context("it is done, but the App cannot be printed")?;
    Ok(Exit::Done)
}
