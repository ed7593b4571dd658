//! `domicile keys status`: what each seal key seals, as the gateway last counted it.

use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;

use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::{Output, columns};
use crate::cli::stopped;
use crate::config::key_use::UNKNOWN;
use crate::config::{Config, Count, KeyFile, KeyUse, SealKey};

/// Tells how many records and accounts each seal key seals
///
/// The gateway counts them when it starts and while it seals anew. A key that seals nothing any
/// more can be taken out of the file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Report {
    /// When it was counted; null: not since the newest key is there.
    time: Option<String>,
    /// Newest first, as the file has them.
    keys: Vec<Line>,
    /// Texts that no key of the file opens: altered, or of a key that is lost.
    unknown: u64,
}

#[derive(Debug, Serialize)]
struct Line {
    key_id: String,
    seals: Seals,
    /// Null: not counted yet.
    records: Option<u64>,
    accounts: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Seals {
    /// The newest key: it seals what is new.
    New,
    /// It opens what it sealed.
    Old,
    /// It seals nothing, and can go.
    Nothing,
}

/// # Errors
/// When the key file or the count cannot be read.
pub fn run(args: &Args) -> Outcome {
    let config = stopped::load(&args.config)?;
    let report = report(&config)?;
    let printed = args.output.data(&report, table);
    printed.context("cannot write to standard output")?;
    Ok(Exit::Done)
}

fn report(config: &Config) -> anyhow::Result<Report> {
    let keys = KeyFile::<SealKey>::read(&config.keys.seal)?;
    let counted = KeyUse::read(&config.data_dir);
    let counted = counted
        .with_context(|| format!("cannot read {}", KeyUse::file(&config.data_dir).display()))?;
    // Before the newest key was there, an older one went on sealing.
    let newest = keys.newest().map(|key| key.id.as_str());
    let counted = counted.filter(|counted| Some(counted.newest.as_str()) == newest);
    let count = |id: &str| counted.as_ref()?.keys.get(id).copied();
    let lines = keys.keys.iter().enumerate();
    Ok(Report {
        keys: lines
            .map(|(at, key)| line(at, &key.id, count(&key.id)))
            .collect(),
        unknown: count(UNKNOWN).map_or(0, |count| count.records + count.accounts),
        time: counted.map(|counted| counted.time),
    })
}

fn line(at: usize, id: &str, count: Option<Count>) -> Line {
    let seals = match count {
        _ if at == 0 => Seals::New,
        Some(Count {
            records: 0,
            accounts: 0,
        }) => Seals::Nothing,
        _ => Seals::Old,
    };
    Line {
        key_id: id.to_owned(),
        seals,
        records: count.map(|count| count.records),
        accounts: count.map(|count| count.accounts),
    }
}

fn table(report: &Report) -> String {
    let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let rows = report.keys.iter().map(|line| {
        let seals = match line.seals {
            Seals::New => "new",
            Seals::Old => "old",
            Seals::Nothing => "nothing",
        };
        vec![
            line.key_id.clone(),
            seals.to_owned(),
            number(line.records),
            number(line.accounts),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let head = ["key_id", "seals", "records", "accounts"];
    let time = report.time.as_deref().unwrap_or("not yet");
    let mut text = format!("{}\ncounted: {time}", columns(&head, &rows));
    if report.unknown > 0 {
        text.push_str(&format!("\nopened by none of them: {}", report.unknown));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_counted_as_nothing_can_go() {
        let none = Count::default();
        let some = Count {
            records: 0,
            accounts: 1,
        };
        let seals = |at, count| line(at, "k", count).seals;
        assert_eq!(seals(0, Some(none)), Seals::New);
        assert_eq!(seals(1, Some(none)), Seals::Nothing);
        assert_eq!(seals(1, Some(some)), Seals::Old);
        assert_eq!(seals(1, None), Seals::Old, "it was not counted");
    }
}
