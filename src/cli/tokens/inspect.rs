//! `domicile tokens inspect`: offline.

use std::io::{self, Read};
use std::path::PathBuf;

use access_token::{Inspection, Policy, inspect};
use anyhow::Context;
use serde::Serialize;

use crate::cli::exit::{Exit, Outcome, Stop};
use crate::cli::output::{Output, members};
use crate::cli::secret_file;
use crate::domain::{Clock, SystemClock};

/// Says what a token is and whether it holds, without asking anybody
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The App that it should be for
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
    /// File with the App's certificate; without it the signature is not checked
    #[arg(long, value_name = "FILE")]
    certificate_file: Option<PathBuf>,
    /// The time to judge by, in unix seconds; now by default
    #[arg(long, value_name = "UNIX")]
    now: Option<u64>,
    /// The token, or - to read it from standard input, where no process list shows it
    #[arg(value_name = "TOKEN", allow_hyphen_values = true)]
    token: String,
    #[command(flatten)]
    output: Output,
}

/// What is printed: SPEC 5.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Verdict {
    valid: Option<bool>,
    app_id: Option<String>,
    kind: Option<&'static str>,
    user_id: Option<String>,
    issued_at: Option<u64>,
    not_after: Option<u64>,
    reason: Option<&'static str>,
}

pub fn run(args: &Args) -> Outcome {
    let token = read(&args.token)?;
    let certificate = match &args.certificate_file {
        Some(file) => Some(secret_file::read(file, "the App certificate")?),
        None => None,
    };
    let certificate = certificate.as_ref().map(|text| text.as_str());
    let now = args.now.unwrap_or_else(|| SystemClock.unix());
    let verdict = judge(token.trim(), args.app_id.as_deref(), certificate, now);
    let table = |verdict: &Verdict| {
        serde_json::to_value(verdict).map_or_else(|e| e.to_string(), |v| members(&v))
    };
    args.output
        .data(&verdict, table)
        .context("cannot write to standard output")?;
    Ok(Exit::Done)
}

fn read(argument: &str) -> anyhow::Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut bytes = Vec::new();
    let input = io::stdin().lock().take(LONGEST);
    { input }
        .read_to_end(&mut bytes)
        .context("cannot read the token from standard input")?;
    let text = String::from_utf8(bytes);
    Ok(text.map_err(|_| {
        Stop::WrongUse("standard input is not a text: pipe one token into it".to_owned())
    })?)
}

/// Bytes of standard input; no token is that long.
const LONGEST: u64 = 1 << 20;

fn judge(token: &str, app_id: Option<&str>, certificate: Option<&str>, now: u64) -> Verdict {
    // SDKs put this in front of a token.
    let token = token.strip_prefix("$t$").unwrap_or(token);
    let inspection = inspect(token, app_id, certificate, now, &Policy::default());
    Verdict::of(inspection)
}

impl Verdict {
    fn of(inspection: Inspection) -> Self {
        Self {
            valid: inspection.valid,
            app_id: inspection.app_id,
            kind: inspection.kind.map(access_token::Kind::as_str),
            user_id: inspection.user_id,
            issued_at: inspection.issued_at,
            not_after: inspection.not_after,
            reason: inspection.reason.map(access_token::Fault::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "970CA35de60c44645bbae8a215061b33";
    const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
    const TOKEN: &str = "007eJxTYLD+1l3eJ8fwVGDbK1uh/yFqJ57vKjgVubv3rGZ2ZpoN51IFBktzA2dHY9OUVDODZBMTMxPTpKTEVItEI0NTAzPDJGNjhornGQJ8DAw8DAwMjAysDIwMjAwgPitDYk5mcioA2PgcNA==";

    #[test]
    fn the_document_is_the_contracts() {
        let verdict = judge(TOKEN, Some(APP), Some(CERTIFICATE), 1_760_000_600);
        assert_eq!(
            serde_json::to_string(&verdict).unwrap(),
            r#"{"valid":true,"app_id":"970CA35de60c44645bbae8a215061b33","kind":"user","user_id":"alice","issued_at":1760000000,"not_after":1760003600,"reason":null}"#
        );
        let verdict = judge("006x", None, None, 1_760_000_600);
        assert_eq!(
            serde_json::to_string(&verdict).unwrap(),
            r#"{"valid":false,"app_id":null,"kind":null,"user_id":null,"issued_at":null,"not_after":null,"reason":"bad_version"}"#
        );
    }

    #[test]
    fn without_a_certificate_only_faults_are_certain() {
        let unsure = judge(TOKEN, Some(APP), None, 1_760_000_600);
        assert_eq!((unsure.valid, unsure.reason), (None, None));
        let late = judge(TOKEN, None, None, 1_760_003_600);
        assert_eq!(
            (late.valid, late.reason),
            (Some(false), Some("token_expired"))
        );
        let other = judge(TOKEN, Some("x"), Some(CERTIFICATE), 1_760_000_600);
        assert_eq!(other.reason, Some("app_mismatch"));
    }

    #[test]
    fn the_sdks_prefix_does_no_harm() {
        let token = format!("$t${TOKEN}");
        assert_eq!(
            judge(&token, None, Some(CERTIFICATE), 1_760_000_600).valid,
            Some(true)
        );
    }
}
