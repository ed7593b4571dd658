//! `domicile apps set`.

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::Which;
use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::exit::{Exit, Outcome, Stop};
use crate::cli::output::{Output, members};

/// Changes an App's plan, retention, mode or limits; never its region
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// free, basic, advanced or enterprise
    #[arg(long)]
    plan: Option<String>,
    /// How many days messages are kept, for enterprise Apps only
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<u32>,
    /// secure or upstream
    #[arg(long)]
    auth_mode: Option<String>,
    /// Its own limit of calls a second, or none: as the gateway's
    #[arg(long, value_name = "N|none")]
    rate: Option<String>,
    /// Its own limit of calls at once, or none: as the gateway's
    #[arg(long, value_name = "N|none")]
    in_flight: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

/// Reads the App, and changes what was read: a change by somebody else in between is told.
pub async fn run(args: &Args) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    let path = ["apps", args.which.app_id()];
    let app = client.get(&path, &[]).await?;
    let body = body(args, &app)?;
    let app = client.patch(&path, &body, &app["revision"]).await?;
    args.output
        .data(&app, members)
        .context("it is done, but the App cannot be printed")?;
    Ok(Exit::Done)
}

fn body(args: &Args, app: &Value) -> anyhow::Result<Value> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("plan", args.plan.as_deref().map(Value::from));
    set("retention_days", args.retention_days.map(Value::from));
    set("auth_mode", args.auth_mode.as_deref().map(Value::from));
    if args.rate.is_some() || args.in_flight.is_some() {
        let mut limits = json!({});
        for (name, given) in [("rate", &args.rate), ("in_flight", &args.in_flight)] {
            limits[name] = limit(given.as_deref(), &app["limits"][name])?;
        }
        set("limits", Some(limits));
    }
    if body.is_empty() {
        return Err(Stop::WrongUse("nothing to change: see --help".to_owned()).into());
    }
    Ok(Value::Object(body))
}

/// Limits are set together: the one that was not given stays as it is.
fn limit(given: Option<&str>, present: &Value) -> anyhow::Result<Value> {
    let Some(text) = given else {
        return Ok(present.clone());
    };
    if text == "none" {
        return Ok(Value::Null);
    }
    let number: Option<u32> = text.parse().ok();
    let wrong = || Stop::WrongUse(format!("{text} is neither a number nor none"));
    Ok(Value::from(number.ok_or_else(wrong)?))
}
