//! `domicile apps register`.

use anyhow::Context;
use serde_json::{Map, Value};

use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::confirm::typed_again;
use crate::cli::exit::{Exit, Outcome, tell};
use crate::cli::output::{Output, members};

/// Registers an App in a region, for ever
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The first half of its AppKey
    #[arg(long)]
    org: String,
    /// The second half of its AppKey
    #[arg(long)]
    app: String,
    /// The data centre that it lives in from now on
    #[arg(long)]
    region: String,
    /// A cluster inside the region; the region's first one by default
    #[arg(long)]
    zone: Option<String>,
    /// free, basic, advanced or enterprise
    #[arg(long)]
    plan: Option<String>,
    /// secure or upstream
    #[arg(long)]
    auth_mode: Option<String>,
    /// Its App ID, 32 hex digits; one is made by default
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
    /// Do not ask for the region's name to be typed again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: &Args) -> Outcome {
    let client = AdminClient::new(&args.admin)?;
    if !args.yes {
        confirm(args)?;
    }
    let app = client.post(&["apps"], Some(&body(args))).await?;
    args.output
        .data(&app, members)
        .context("the App is registered, but cannot be printed")?;
    if app["certificate"].is_object() {
        tell(
            "The certificate's value is shown this once: keep it where only your token server reads it.",
        );
    } else {
        tell("This App was registered before: nothing has changed.");
    }
    Ok(Exit::Done)
}

fn confirm(args: &Args) -> anyhow::Result<()> {
    let Args {
        org, app, region, ..
    } = args;
    let question = format!(
        "{org}#{app} will live in {region} for ever: there is no way to move it.\nType the region's name again:"
    );
    typed_again(&question, region)
}

fn body(args: &Args) -> Value {
    let members = [
        ("app_id", args.app_id.as_ref()),
        ("org", Some(&args.org)),
        ("app", Some(&args.app)),
        ("region", Some(&args.region)),
        ("zone", args.zone.as_ref()),
        ("plan", args.plan.as_ref()),
        ("auth_mode", args.auth_mode.as_ref()),
    ];
    let given = members.into_iter().filter_map(|(name, value)| {
        let value = Value::from(value?.as_str());
        Some((name.to_owned(), value))
    });
    Value::Object(given.collect::<Map<_, _>>())
}
