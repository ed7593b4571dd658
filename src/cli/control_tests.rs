//! `certificates`, `accounts` and what `apps` does beyond registering, against an admin API over TLS.

use clap::Parser;

use super::exit::{Exit, Outcome, Stop};
use super::gateway::Gateway;
use super::{accounts, apps, certificates};

#[derive(Parser)]
enum Line {
    #[command(subcommand)]
    Apps(apps::Command),
    #[command(subcommand)]
    Certificates(certificates::Command),
    #[command(subcommand)]
    Accounts(accounts::Command),
}

async fn run(gateway: &Gateway, line: &str) -> Outcome {
    let mut words = vec!["domicile".to_owned()];
    words.extend(line.split(' ').map(str::to_owned));
    words.extend(gateway.flags());
    match Line::try_parse_from(words).unwrap() {
        Line::Apps(command) => apps::run(command).await,
        Line::Certificates(command) => certificates::run(command).await,
        Line::Accounts(command) => accounts::run(command).await,
    }
}

async fn done(gateway: &Gateway, line: &str) {
    let outcome = run(gateway, line).await;
    assert!(matches!(outcome, Ok(Exit::Done)), "{line}: {outcome:?}");
}

async fn fails(gateway: &Gateway, line: &str, with: &str) {
    let error = run(gateway, line).await.unwrap_err();
    assert!(error.to_string().contains(with), "{line}: {error}");
}

#[tokio::test]
async fn a_certificate_is_rotated_from_the_command_line() {
    let gateway = Gateway::start().await;
    let bench = gateway.bench.as_ref().unwrap();
    let app = bench.app("chat").await;
    let list = || async {
        let path = format!("/v1/apps/{app}/certificates");
        let list = bench.call("GET", &path, "").await;
        let ids = list.json["items"].as_array().unwrap().iter();
        ids.map(|item| item["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let old = list().await[0].clone();
    let named = format!("--app-id {app}");
    done(&gateway, &format!("certificates create {named}")).await;
    done(
        &gateway,
        &format!("certificates list {named} --output json"),
    )
    .await;
    let new = list().await[1].clone();
    let revoke = format!("certificates revoke {old} {named} --yes");
    fails(&gateway, &revoke, "primary_certificate").await;
    done(&gateway, &format!("certificates promote {new} {named}")).await;
    done(&gateway, &revoke).await;
    assert_eq!(list().await, std::slice::from_ref(&new));
    let last = format!("certificates revoke {new} {named} --yes");
    fails(&gateway, &last, "last_certificate").await;
}

#[tokio::test]
async fn accounts_are_made_and_revoked_from_the_command_line() {
    let gateway = Gateway::start().await;
    let bench = gateway.bench.as_ref().unwrap();
    let made = "accounts create --name ci --role registrar --org acme --output json";
    done(&gateway, made).await;
    done(&gateway, "accounts list --limit 2").await;
    let list = bench.call("GET", "/v1/accounts", "").await;
    let accounts = list.json["items"].as_array().unwrap();
    let own = accounts
        .iter()
        .find(|account| account["name"] == "ci")
        .unwrap();
    assert_eq!(own["orgs"], serde_json::json!(["acme"]));
    let revoke = format!("accounts revoke {} --yes", own["id"].as_str().unwrap());
    done(&gateway, &revoke).await;
    fails(&gateway, &revoke, "account_unknown").await;
    let issuer = "accounts create --name backend --role issuer";
    fails(&gateway, issuer, "allow_from: an issuer needs one").await;
}

#[tokio::test]
async fn settings_and_users_are_changed_from_the_command_line() {
    let gateway = Gateway::start().await;
    let bench = gateway.bench.as_ref().unwrap();
    let app = bench.app("chat").await;
    let set = format!("apps set {app}");
    done(
        &gateway,
        &format!("{set} --plan enterprise --retention-days 400 --rate 50"),
    )
    .await;
    done(&gateway, &format!("{set} --in-flight 3")).await;
    let record = bench.record(&app).await;
    assert_eq!(record.retention_days, 400);
    assert_eq!(record.limits.rate.map(std::num::NonZeroU32::get), Some(50));
    assert_eq!(record.limits.in_flight, Some(3));
    done(&gateway, &format!("{set} --rate none")).await;
    assert_eq!(bench.record(&app).await.limits.rate, None);
    for line in ["", " --rate many"] {
        let error = run(&gateway, &format!("{set}{line}")).await.unwrap_err();
        assert!(
            matches!(error.downcast_ref(), Some(Stop::WrongUse(_))),
            "{error}"
        );
    }
    done(&gateway, &format!("apps revoke-user {app} --user u7")).await;
    assert_eq!(bench.record(&app).await.revoked_users.len(), 1);
    done(&gateway, &format!("apps erase-user {app} --user u7 --yes")).await;
    assert_eq!(bench.eraser.asked.lock().len(), 1);
}
