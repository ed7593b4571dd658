//! `domicile demo`.

use std::path::PathBuf;

use super::exit::{Exit, Outcome};
use super::output::print;
use super::{logging, serve};
use crate::config::{Log, LogFormat, LogLevel};
use crate::demo::{Demo, Plan};

/// Runs four regions on this machine, with their data centres and sample Apps.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The first port; region n listens on it plus n, 10+n, 20+n and 30+n
    #[arg(long, value_name = "PORT", default_value_t = 7400)]
    pub port: u16,
    /// Keep everything in this folder; without it, in a temporary one
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one JSON document about the demo, instead of a tour
    #[arg(long)]
    pub json: bool,
}

/// # Errors
/// When the demo cannot start.
pub async fn run(args: Args) -> Outcome {
    logging::start(Log {
        format: LogFormat::Text,
        level: LogLevel::Error,
    });
    let ending = serve::Ending::listen()?;
    let demo = Demo::start(&Plan {
        port: args.port,
        data: args.data,
    })
    .await?;
    let text = if args.json { demo.json()? } else { demo.tour() };
    print(&text)?;
    ending.told().await;
    demo.shutdown().await;
    Ok(Exit::Done)
}
