//! `domicile apps list` and `show`.

use anyhow::Context;
use serde_json::Value;

use super::Which;
use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Output, columns, members, plain};
use crate::cli::paging::{Paging, tell_more};

/// Lists the Apps of the gateway's region, a page at a time
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only active, suspended or retired ones
    #[arg(long)]
    status: Option<String>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

/// Shows an App
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

pub async fn list(args: &ListArgs) -> Outcome {
    let mut query = args.paging.query();
    query.extend(args.status.clone().map(|status| ("status", status)));
    let page = AdminClient::new(&args.admin)?
        .get(&["apps"], &query)
        .await?;
    args.output.data(&page, table).context(NOT_PRINTED)?;
    tell_more(&page);
    Ok(Exit::Done)
}

pub async fn show(args: &ShowArgs) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    let app = client.get(&["apps", args.which.app_id()], &[]).await?;
    args.output.data(&app, members).context(NOT_PRINTED)?;
    Ok(Exit::Done)
}

fn table(page: &Value) -> String {
    let head = ["app_id", "app_key", "region", "zone", "plan", "status"];
    let items = page["items"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = items
        .map(|app| head.iter().map(|member| plain(&app[*member])).collect())
        .collect();
    columns(&head, &rows)
}

const NOT_PRINTED: &str = "cannot write to standard output";
