//! `domicile datacenter`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use datacenter::{DataCentre, GatewayAuth, SealKeys, Settings};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::centre_keys;
use super::exit::{Exit, Outcome, Stop};
use super::logging;
use super::output::Output;
use super::secret_file;
use crate::config::{Log, LogFormat, LogLevel};
use crate::domain::{Clock, SystemClock};

/// Runs the reference data centre of a zone
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("door").required(true).args(["gateway_ca", "secret_file"]))]
pub struct Args {
    /// The region; only its gateways may connect
    #[arg(long)]
    region: String,
    /// The zone
    #[arg(long)]
    zone: String,
    /// The folder of its store
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where REST listens
    #[arg(long, value_name = "ADDR")]
    rest: SocketAddr,
    /// Where MSYNC over WebSocket listens
    #[arg(long, value_name = "ADDR")]
    websocket: Option<SocketAddr>,
    /// Where MSYNC over TCP listens
    #[arg(long, value_name = "ADDR")]
    msync: Option<SocketAddr>,
    /// The CA of the gateways' client certificates
    #[arg(long, value_name = "FILE", requires_all = ["certificate", "key"])]
    gateway_ca: Option<PathBuf>,
    /// This data centre's certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "gateway_ca")]
    certificate: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "gateway_ca")]
    key: Option<PathBuf>,
    /// On loopback, instead of certificates: file with the secret that gateways send
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Keys that seal the store, newest first; without it, one is made in the store's own folder
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What is printed once it listens.
#[derive(Debug, Serialize)]
struct Listening {
    region: String,
    zone: String,
    rest: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    websocket: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msync: Option<SocketAddr>,
}

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// When the data centre cannot start.
pub async fn run(args: Args) -> Outcome {
    logging::start(Log {
        level: LogLevel::Info,
        format: LogFormat::Json,
    });
    let (auth, keys) = (door(&args)?, keys(&args)?);
    let settings = Settings {
        region: args.region.clone(),
        zone: args.zone.clone(),
        data: args.data.clone(),
        rest: args.rest,
        websocket: args.websocket,
        msync: args.msync,
        keys,
        auth,
        away: datacenter::AWAY,
        sweep_every: datacenter::SWEEP_EVERY,
        clock: Arc::new(WallClock),
    };
    let started = DataCentre::start(settings).await;
    let centre =
        started.with_context(|| format!("the data centre of {} cannot start", args.zone))?;
    let listening = Listening {
        region: args.region.clone(),
        zone: args.zone.clone(),
        rest: centre.rest_addr(),
        websocket: centre.websocket_addr(),
        msync: centre.msync_addr(),
    };
    args.output
        .data(&listening, text)
        .context("cannot write to standard output")?;
    until_told_to_stop().await?;
    centre.shutdown().await;
    Ok(Exit::Done)
}

fn keys(args: &Args) -> anyhow::Result<SealKeys> {
    if let Some(file) = &args.key_file {
        return centre_keys::read(file).context("cannot use --key-file");
    }
    let beside = args.data.join(format!("{}.seal", args.zone));
    std::fs::create_dir_all(&args.data)
        .with_context(|| format!("cannot make the folder {}", args.data.display()))?;
    let keys = centre_keys::read_or_make(&beside, &format!("{}-1", args.zone));
    tracing::warn!(
        file = %beside.display(),
        "the key of the store lies beside what it seals: who copies the folder has both. Keep it elsewhere with --key-file"
    );
    keys.context("cannot use the key of the store")
}

fn door(args: &Args) -> anyhow::Result<GatewayAuth> {
    if let Some(file) = &args.secret_file {
        let secret = secret_file::read(file, "the gateways' secret")?;
        return Ok(GatewayAuth::Secret(secret.as_str().to_owned()));
    }
    match (&args.gateway_ca, &args.certificate, &args.key) {
        (Some(ca), Some(certificate), Some(key)) => Ok(GatewayAuth::MutualTls {
            ca: ca.clone(),
            certificate: certificate.clone(),
            key: key.clone(),
        }),
        _ => {
            let problem = "--gateway-ca, --certificate and --key belong together";
            Err(Stop::WrongUse(problem.to_owned()).into())
        }
    }
}

fn text(listening: &Listening) -> String {
    let Listening {
        region, zone, rest, ..
    } = listening;
    let mut planes = format!("REST on {rest}");
    let more = [
        ("WebSocket", listening.websocket),
        ("MSYNC", listening.msync),
    ];
    for (plane, addr) in more {
        if let Some(addr) = addr {
            planes.push_str(&format!(", {plane} on {addr}"));
        }
    }
    format!("Data centre {zone} of {region}: {planes}. Stop it with Ctrl-C.")
}

async fn until_told_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped.context("cannot wait for SIGINT"),
        _ = terminate.recv() => Ok(()),
    }
}

/// This program's clock, as the data centre wants it.
struct WallClock;

impl datacenter::Clock for WallClock {
    fn unix_millis(&self) -> u64 {
        SystemClock.unix_millis()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    #[command(no_binary_name = true)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(rest: &[&str]) -> Result<Args, clap::Error> {
        let mut words = vec![
            "--region=frankfurt",
            "--zone=fra1",
            "--data=d",
            "--rest=127.0.0.1:0",
        ];
        words.extend(rest);
        Line::try_parse_from(words).map(|line| line.args)
    }

    #[test]
    fn a_door_is_certificates_or_a_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::File::create(&path).unwrap();
        fs::write(&path, "s3cret\n").unwrap();
        let flag = format!("--secret-file={}", path.display());
        let door = door(&args(&[&flag]).unwrap()).unwrap();
        assert!(matches!(door, GatewayAuth::Secret(secret) if secret == "s3cret"));
        let tls = ["--gateway-ca=a", "--certificate=b", "--key=c"];
        let door = super::door(&args(&tls).unwrap()).unwrap();
        assert!(matches!(door, GatewayAuth::MutualTls { .. }));
        assert!(args(&tls[..2]).is_err());
        assert!(args(&[]).is_err());
        assert!(args(&[tls[0], tls[1], tls[2], &flag]).is_err());
    }

    #[test]
    fn it_tells_where_it_listens() {
        let mut listening = Listening {
            region: "frankfurt".to_owned(),
            zone: "fra1".to_owned(),
            rest: "127.0.0.1:1".parse().unwrap(),
            websocket: None,
            msync: Some("127.0.0.1:3".parse().unwrap()),
        };
        let said = text(&listening);
        assert!(
            said.contains("REST on 127.0.0.1:1, MSYNC on 127.0.0.1:3."),
            "{said}"
        );
        assert!(
            !serde_json::to_string(&listening)
                .unwrap()
                .contains("websocket")
        );
        listening.websocket = Some("127.0.0.1:2".parse().unwrap());
        assert!(text(&listening).contains("WebSocket on 127.0.0.1:2"));
    }

    #[test]
    fn a_wrong_key_file_is_told_and_the_key_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let flag = format!("--key-file={}", path.display());
        let told = |content: Option<&str>| {
            use std::os::unix::fs::PermissionsExt as _;
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            }
            let read = keys(&args(&["--secret-file=s", &flag]).unwrap());
            read.map(drop).map_err(|error| format!("{error:#}"))
        };
        assert!(told(None).unwrap_err().contains(&*path.to_string_lossy()));
        for (content, why) in [
            ("a c2hvcnQ=\n", "not 32 bytes"),
            ("a !\n", "not base64"),
            ("", "has no key"),
        ] {
            let said = told(Some(content)).unwrap_err();
            assert!(said.contains(why) && !said.contains("c2hv"), "{said}");
        }
        let good = "a AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
        assert!(told(Some(good)).is_ok());
    }

    #[test]
    fn without_a_key_file_a_key_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let mut args = args(&["--secret-file=s"]).unwrap();
        args.data = data.clone();
        keys(&args).unwrap();
        let made = fs::read(data.join("fra1.seal")).unwrap();
        keys(&args).unwrap();
        assert_eq!(fs::read(data.join("fra1.seal")).unwrap(), made);
    }
}
