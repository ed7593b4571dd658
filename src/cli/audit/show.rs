//! `domicile audit show`.

use anyhow::Context;
use serde_json::Value;

use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Output, columns, plain};
use crate::cli::paging::tell_more;

/// Shows a gateway's audit log, a page at a time
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many entries, from 1 to 1000
    #[arg(long, value_name = "N")]
    limit: Option<u16>,
    /// The index after which to start: the next_cursor of an earlier page
    #[arg(long, value_name = "INDEX")]
    cursor: Option<u64>,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: &Args) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    let page = page(&client, args.cursor, args.limit).await?;
    let printed = args.output.data(&page, table);
    printed.context("cannot write to standard output")?;
    tell_more(&page);
    Ok(Exit::Done)
}

pub(super) async fn page(
    client: &AdminClient,
    cursor: Option<u64>,
    limit: Option<u16>,
) -> anyhow::Result<Value> {
    let cursor = cursor.map(|index| ("cursor", index.to_string()));
    let limit = limit.map(|limit| ("limit", limit.to_string()));
    let query: Vec<_> = cursor.into_iter().chain(limit).collect();
    client.get(&["audit"], &query).await
}

fn table(page: &Value) -> String {
    let head = [
        "index", "time", "actor", "action", "outcome", "code", "count", "app_id",
    ];
    let items = page["items"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = items
        .map(|entry| head.iter().map(|member| plain(&entry[*member])).collect())
        .collect();
    columns(&head, &rows)
}
