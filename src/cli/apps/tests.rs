use axum::Router;
use axum::response::Redirect;
use clap::{Args, FromArgMatches, Parser};
use serde_json::json;

use super::*;
use crate::cli::client::{AdminArgs, AdminClient};
use crate::cli::exit::Stop;
use crate::cli::gateway::Gateway;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

async fn run_line(gateway: &Gateway, line: &str) -> Outcome {
    let mut words = vec!["apps".to_owned()];
    words.extend(line.split(' ').map(str::to_owned));
    words.extend(gateway.flags());
    run(Line::try_parse_from(words).unwrap().command).await
}

fn client(flags: Vec<String>) -> anyhow::Result<AdminClient> {
    let command = AdminArgs::augment_args(clap::Command::new("test").no_binary_name(true));
    let matches = command.try_get_matches_from(flags)?;
    AdminClient::new(&AdminArgs::from_arg_matches(&matches)?)
}

fn is_refusal(outcome: Outcome) -> bool {
    let error = outcome.unwrap_err();
    matches!(error.downcast_ref(), Some(Stop::Refused(_)))
}

#[tokio::test]
async fn an_app_is_registered_over_tls() {
    let gateway = Gateway::start().await;
    let client = client(gateway.flags()).unwrap();
    let body = json!({"org": "acme", "app": "chat", "region": "frankfurt"});
    let app = client.post(&["apps"], Some(&body)).await.unwrap();
    let app_id = app["app_id"].as_str().unwrap();
    let list = client
        .get(&["apps"], &[("status", "active".to_owned())])
        .await
        .unwrap();
    assert_eq!(list["items"][0]["app_id"], app_id);
    let app = client
        .post(&["apps", app_id, "suspend"], None)
        .await
        .unwrap();
    assert_eq!(app["status"], "suspended");
    let app = client.delete(&["apps", app_id]).await.unwrap();
    assert_eq!(app["status"], "retired");
}

#[tokio::test]
async fn what_policy_refuses_is_told_from_what_fails() {
    let gateway = Gateway::start().await;
    let elsewhere = "register --org acme --app chat --region virginia --yes";
    let error = run_line(&gateway, elsewhere).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("--admin https://admin.virginia.example"),
        "{error}"
    );
    assert!(is_refusal(Err(error)));
    let wrong = "register --org acme --app chat --region Frankfurt --yes";
    let error = run_line(&gateway, wrong).await.unwrap_err();
    assert!(error.downcast_ref::<Stop>().is_none());
    assert!(
        error
            .to_string()
            .contains("\n  region: must be one of frankfurt, virginia"),
        "{error}"
    );
    let unknown = "show 970CA35de60c44645bbae8a215061b33";
    let error = run_line(&gateway, unknown).await.unwrap_err();
    assert!(error.to_string().contains("404 app_unknown"), "{error}");
}

#[tokio::test]
async fn a_move_is_refused_without_a_gateway() {
    for line in [
        "apps move",
        "apps move --app-id x --region virginia",
        "apps move x virginia",
    ] {
        let command = Line::try_parse_from(line.split(' ')).unwrap().command;
        assert!(is_refusal(run(command).await), "{line}");
    }
}

/// Without the redirect policy, the key would go to wherever an answer points (P8).
#[tokio::test]
async fn redirects_are_not_followed() {
    let trap = Gateway::start().await;
    let target = trap.flags()[0].replace("--admin=", "");
    let router = Router::new().fallback(move || async move { Redirect::temporary(&target) });
    let gateway = Gateway::of(router).await;
    let error = run_line(&gateway, "list").await.unwrap_err();
    assert!(error.to_string().contains("307"), "{error}");
}

#[test]
fn an_address_without_tls_is_wrong_use() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "dk_something").unwrap();
    let key = format!("--key-file={}", key.display());
    for admin in ["http://localhost:7423", "localhost:7423", ""] {
        let error = client(vec![format!("--admin={admin}"), key.clone()])
            .err()
            .unwrap();
        assert!(
            matches!(error.downcast_ref(), Some(Stop::WrongUse(_))),
            "{admin}: {error:#}"
        );
    }
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_a_failure_with_advice() {
    let gateway = Gateway::start().await;
    let mut flags = gateway.flags();
    flags[0] = "--admin=https://localhost:1".to_owned();
    let error = client(flags)
        .unwrap()
        .get(&["apps"], &[])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("check --admin"), "{error:#}");
    assert!(error.downcast_ref::<Stop>().is_none());
}
