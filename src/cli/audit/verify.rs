//! `domicile audit verify`: offline.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use tlog::{EntryProof, MAX_NOTE};

use super::keys::KeyArgs;
use crate::audit::{Flaw, Folder, Whole, verify};
use crate::cli::exit::{Exit, Outcome};
use crate::cli::output::Output;

/// Verifies that an audit log is whole, without asking anybody
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The log's folder: checkpoint, tile/, vkey
    #[arg(long, value_name = "DIR", required_unless_present = "proof")]
    log: Option<PathBuf>,
    /// An earlier checkpoint of the log, kept elsewhere: nothing that it spoke of may have changed;
    /// - reads it from standard input
    #[arg(long, value_name = "CHECKPOINT", requires = "log")]
    since: Option<PathBuf>,
    /// The proof of one entry, as `export --entry` prints it; - reads it from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["log", "since"])]
    proof: Option<PathBuf>,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    output: Output,
}

/// What is printed.
#[derive(Debug, Default, Serialize)]
struct Verdict {
    ok: bool,
    /// `domicile/{region}/{gateway id}`.
    origin: Option<String>,
    /// How many the checkpoint speaks of.
    entries: Option<u64>,
    /// The signed root, base64.
    root: Option<String>,
    /// The key that has signed.
    key: Option<String>,
    /// Entries of the earlier checkpoint.
    since: Option<u64>,
    /// Files in the folder that are not of the log.
    beside: Vec<String>,
    /// The entry that was proved, or the first that is not as it was.
    entry: Option<u64>,
    /// Where that was found.
    file: Option<String>,
    problem: Option<String>,
}

pub fn run(args: &Args) -> Outcome {
    let verdict = match (&args.log, &args.proof) {
        (Some(dir), _) => log(args, dir)?,
        (None, Some(file)) => proof(args, file)?,
        // clap demands the one or the other.
        (None, None) => Verdict::default(),
    };
    let printed = args.output.data(&verdict, Verdict::text);
    printed.context("cannot write to standard output")?;
    Ok(if verdict.ok { Exit::Done } else { Exit::Failed })
}

fn log(args: &Args, dir: &Path) -> anyhow::Result<Verdict> {
    let since = args.since.as_deref().map(|file| read(file, "--since"));
    let since = since.transpose()?;
    let folder = Folder::new(dir);
    let keys = args.keys.of(&folder)?;
    Ok(match verify(&folder, &keys, since.as_deref()) {
        Ok(whole) => Verdict::whole(whole),
        Err(flaw) => Verdict::flawed(&flaw),
    })
}

fn proof(args: &Args, file: &Path) -> anyhow::Result<Verdict> {
    let keys = args.keys.given()?;
    let text = String::from_utf8(read(file, "--proof")?);
    let text = text.context("--proof is not a text")?;
    let verified = EntryProof::parse(&text).and_then(|proof| {
        let head = proof.verify(&keys)?;
        Ok((proof, head))
    });
    Ok(match verified {
        Ok((proof, head)) => Verdict {
            ok: true,
            origin: Some(head.origin().to_owned()),
            entries: Some(head.size()),
            root: Some(head.root().to_string()),
            entry: Some(proof.index),
            ..Verdict::default()
        },
        Err(error) => Verdict {
            problem: Some(format!("the proof does not hold: {error}")),
            ..Verdict::default()
        },
    })
}

fn read(file: &Path, flag: &str) -> anyhow::Result<Vec<u8>> {
    let place = file.display();
    let unreadable = || format!("cannot read {flag} {place}");
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        let input = io::stdin().lock().take(MAX_NOTE as u64 + 1);
        { input }.read_to_end(&mut bytes).with_context(unreadable)?;
    } else {
        let input = fs::File::open(file).with_context(unreadable)?;
        let read = input.take(MAX_NOTE as u64 + 1).read_to_end(&mut bytes);
        read.with_context(unreadable)?;
    }
    Ok(bytes)
}

impl Verdict {
    fn whole(whole: Whole) -> Self {
        Self {
            ok: true,
            origin: Some(whole.checkpoint.origin().to_owned()),
            entries: Some(whole.checkpoint.size()),
            root: Some(whole.checkpoint.root().to_string()),
            key: Some(whole.key.to_string()),
            since: whole.since,
            beside: whole.beside,
            ..Self::default()
        }
    }

    fn flawed(flaw: &Flaw) -> Self {
        Self {
            entry: flaw.entry(),
            file: flaw.file(),
            problem: Some(flaw.to_string()),
            ..Self::default()
        }
    }

    fn text(&self) -> String {
        if let Some(problem) = &self.problem {
            return format!("not whole: {problem}");
        }
        let named =
            |name: &str, value: Option<String>| value.map(|value| format!("{name:9}{value}"));
        let lines = [
            Some("ok".to_owned()),
            named("log", self.origin.clone()),
            named("entries", self.entries.map(|entries| entries.to_string())),
            named("root", self.root.clone()),
            named("key", self.key.clone()),
            named(
                "since",
                self.since
                    .map(|entries| format!("the first {entries} are as they were")),
            ),
            named(
                "entry",
                self.entry.map(|index| format!("{index} is in the log")),
            ),
        ];
        let beside = self.beside.iter();
        let beside = beside.map(|name| Some(format!("warning: {name} is not part of the log")));
        let lines: Vec<_> = lines.into_iter().chain(beside).flatten().collect();
        lines.join("\n")
    }
}
