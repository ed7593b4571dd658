use clap::Parser;

use super::*;
use crate::cli::exit::{Exit, Stop};
use crate::cli::gateway::Gateway;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

async fn run_line(line: &str, flags: Vec<String>) -> Outcome {
    let mut words = vec!["audit".to_owned()];
    words.extend(line.split(' ').map(str::to_owned));
    words.extend(flags);
    run(Line::try_parse_from(words).unwrap().command).await
}

#[tokio::test]
async fn a_gateways_log_is_shown_and_exported() {
    let gateway = Gateway::start().await;
    gateway.bench.as_ref().unwrap().app("chat").await;
    for line in [
        "show",
        "show --limit 1 --output json",
        "show --cursor 0",
        "export",
    ] {
        let exit = run_line(line, gateway.flags()).await.unwrap();
        assert_eq!(exit, Exit::Done, "{line}");
    }
    let error = run_line("show --limit 1001", gateway.flags())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("\n  limit: "), "{error}");
}

#[tokio::test]
async fn a_folder_is_exported_and_verified() {
    let gateway = Gateway::start().await;
    let bench = gateway.bench.as_ref().unwrap();
    bench.app("chat").await;
    let dir = bench.region.path("audit");
    let dir = dir.to_str().unwrap();
    let vkey = std::fs::read_to_string(format!("{dir}/vkey")).unwrap();
    let keyed = async |line: &str| {
        let line = format!("{line} --log {dir} --key {}", vkey.trim());
        run_line(&line, vec![]).await
    };
    for line in [
        "verify",
        "verify --output json",
        "export",
        "export --entry 1",
    ] {
        assert_eq!(keyed(line).await.unwrap(), Exit::Done, "{line}");
    }
    // A gateway that the environment names plays no part.
    let line = format!("export --log {dir} --entry 1 --key {}", vkey.trim());
    let exit = run_line(&line, gateway.flags()).await.unwrap();
    assert_eq!(exit, Exit::Done);
    // An entry that is not there, and the key in a file.
    assert!(keyed("export --entry 2").await.is_err());
    let line = format!("verify --log {dir} --key {dir}/vkey --since {dir}/checkpoint");
    assert_eq!(run_line(&line, vec![]).await.unwrap(), Exit::Done);
    // Another key is no verdict of a whole log.
    let other = tlog::Signer::from_seed("domicile/frankfurt/x", &[1; 32]).unwrap();
    let line = format!("verify --log {dir} --key {}", other.verifier_key());
    assert_eq!(run_line(&line, vec![]).await.unwrap(), Exit::Failed);
    std::fs::remove_file(format!("{dir}/vkey")).unwrap();
    assert!(
        run_line(&format!("verify --log {dir}"), vec![])
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_key_that_is_none_and_a_proof_without_a_key_are_wrong_use() {
    for line in ["verify --log . --key x", "verify --proof Cargo.toml"] {
        let error = run_line(line, vec![]).await.unwrap_err();
        assert!(
            matches!(error.downcast_ref(), Some(Stop::WrongUse(_))),
            "{line}"
        );
    }
    let key = tlog::Signer::from_seed("domicile/frankfurt/x", &[1; 32]).unwrap();
    let line = format!("verify --proof Cargo.toml --key {}", key.verifier_key());
    assert_eq!(run_line(&line, vec![]).await.unwrap(), Exit::Failed);
}
