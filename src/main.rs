//! `domicile`: one binary for gateways, data centres and their administrators.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use domicile::cli::{
    Outcome, accounts, apps, audit, backup, certificates, check, completions, datacenter, demo,
    finish, init, install_secrets, keys, probe, registry, restore, serve, tokens,
};

/// Requests allocate and free buffers of a few KiB all the time, which glibc does the slow way.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A data-residency gateway: every App lives in one data centre, for ever.
#[derive(Debug, Parser)]
#[command(name = "domicile", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Serve(serve::Args),
    Check(check::Args),
    InstallSecrets(install_secrets::Args),
    #[command(subcommand)]
    Apps(apps::Command),
    #[command(subcommand)]
    Certificates(certificates::Command),
    #[command(subcommand)]
    Accounts(accounts::Command),
    #[command(subcommand)]
    Tokens(tokens::Command),
    Backup(backup::Args),
    Restore(restore::Args),
    #[command(subcommand)]
    Registry(registry::Command),
    #[command(subcommand)]
    Keys(keys::Command),
    #[command(subcommand)]
    Audit(audit::Command),
    Probe(probe::Args),
    Datacenter(datacenter::Args),
    Completions(completions::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    finish(run(Cli::parse().command).await)
}

async fn run(command: Command) -> Outcome {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Init(args) => init::run(&args),
        Command::Serve(args) => serve::run(args).await,
        Command::Check(args) => check::run(&args),
        Command::InstallSecrets(args) => install_secrets::run(&args),
        Command::Apps(command) => apps::run(command).await,
        Command::Certificates(command) => certificates::run(command).await,
        Command::Accounts(command) => accounts::run(command).await,
        Command::Backup(args) => backup::run(&args).await,
        Command::Restore(args) => restore::run(&args).await,
        Command::Registry(command) => registry::run(command).await,
        Command::Keys(command) => keys::run(&command),
        Command::Tokens(command) => tokens::run(command).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Probe(args) => probe::run(args).await,
        Command::Datacenter(args) => datacenter::run(args).await,
        Command::Completions(args) => completions::run(&args, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn commands_are_as_documented() {
        for line in [
            "demo --port 7400 --data d --json",
            "init --region frankfurt --data d --join e",
            "serve --config a.yaml --config b.yaml --require-anchor",
            "check --config a.yaml --output json",
            "apps register --org o --app a --region r --zone z --plan free --app-id i --yes --admin u --key-file f --ca c",
            "apps list --status active --admin u --key-file f",
            "apps show 970CA35de60c44645bbae8a215061b33 --admin u --key-file f",
            "apps suspend --app-id 970CA35de60c44645bbae8a215061b33 --admin u --key-file f",
            "apps set i --plan enterprise --retention-days 400 --auth-mode secure --rate 50 --in-flight none",
            "apps revoke-user i --user u",
            "apps erase-user i --user u --yes",
            "certificates list --app-id i --output json",
            "certificates create --app-id i",
            "certificates promote c --app-id i",
            "certificates revoke c --app-id i --yes",
            "accounts create --name n --role issuer --app-id i --app-id j --allow-from 192.0.2.0/24",
            "accounts create --name n --role registrar --org o",
            "accounts list --limit 3 --cursor c",
            "accounts revoke a --yes",
            "completions bash",
            "apps move",
            "apps move --app-id x --to virginia",
            "tokens issue --app-id i --user u --ttl 24h --certificate-file f",
            "tokens issue --app-id i --app",
            "tokens inspect --app-id i --certificate-file f --now 1760000000 -",
            "backup --config g --out f --passphrase-file -",
            "backup --new-recovery-key k",
            "restore --config g --from f --recovery-key-file k --output json",
            "registry reconcile --config g --audit-log d --audit-log e",
            "registry init-etcd --endpoint u --endpoint v --catalogue d --root-password-file f --passwords p --output json",
            "accounts create --offline --data d",
            "keys rotate --config g --output json",
            "keys status --config g",
            "audit show --limit 10 --cursor 7 --admin u --key-file f --output json",
            "audit export --admin u --key-file f",
            "audit export --log d --entry 17 --key k",
            "audit verify --log d --key k --key l --since c --output json",
            "audit verify --log d --since -",
            "audit verify --proof p --key k",
            "probe --apps f --catalogue d --ca c --timeout 3s --output json",
            "probe --apps f --config g",
            "datacenter --region r --zone z --data d --rest 127.0.0.1:0 --websocket 127.0.0.1:0 --msync 127.0.0.1:0 --secret-file s",
        ] {
            let words = std::iter::once("domicile").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn wrong_use_is_refused() {
        for line in [
            "",
            "move",
            "check",
            "serve",
            "tokens issue --app-id i --user u --app",
            "tokens issue --app-id i",
            "backup --config g",
            "backup --out f",
            "restore --from f",
            "restore --config g --from f --passphrase-file p --recovery-key-file k",
            "registry reconcile",
            "registry init-etcd --endpoint u --catalogue d --passwords p",
            "keys rotate",
            "accounts create --offline",
            "audit verify",
            "probe --apps f",
            "probe --catalogue d",
            "probe --apps f --catalogue d --config g",
            "audit verify --log d --proof p",
            "audit export --entry 17 --admin u",
            "datacenter --region r --zone z --data d --rest 127.0.0.1:0",
        ] {
            let words = std::iter::once("domicile").chain(line.split_whitespace());
            let error = Cli::try_parse_from(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
