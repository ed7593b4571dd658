//! `domicile registry init-etcd`: the administrator's part of a registry in etcd.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use reqwest::Url;
use secrecy::SecretString;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::exit::{Exit, Outcome, Stop};
use crate::cli::output::{Output, columns};
use crate::cli::secret_file;
use crate::config::{self, Catalogue, EtcdConfig};
use crate::domain::RegionId;
use crate::registry::{
    Adding, EtcdAdmin, Randomness, RegionUser, Regions, SetUpError, SystemRandomness,
};

/// Prepares an etcd: the list of regions, a user and a role for each region, authentication. May
/// be run again, also to add regions or to replace passwords
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A member's URL, such as https://10.71.0.5:2379; several times for several members
    #[arg(long = "endpoint", value_name = "URL", required = true)]
    endpoints: Vec<String>,
    /// The folder of the public catalogue
    #[arg(long, value_name = "DIR")]
    catalogue: PathBuf,
    /// File with the password of etcd's user root, which it gets if it has none
    #[arg(long, value_name = "FILE")]
    root_password_file: PathBuf,
    /// Folder of the regions' passwords, REGION.password each; what is missing is made
    #[arg(long, value_name = "DIR")]
    passwords: PathBuf,
    /// What all keys of the registry start with
    #[arg(long, value_name = "PREFIX", default_value = "/domicile")]
    prefix: String,
    /// Certificates (PEM) that are trusted instead of the machine's own
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Client certificate (PEM) for an etcd that asks for one
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Let the list of regions become longer. Gateways without the new region register nothing
    /// until their catalogue has it
    #[arg(long)]
    add_regions: bool,
    /// Allow http endpoints: passwords go over the network for everybody to read
    #[arg(long)]
    allow_plaintext: bool,
    #[command(flatten)]
    output: Output,
}

/// What stands now.
#[derive(Debug, Serialize)]
struct Report {
    /// `written`, `extended` or `as_before`.
    regions: &'static str,
    users: Vec<User>,
}

#[derive(Debug, Serialize)]
struct User {
    region: String,
    username: String,
    role: String,
    password_file: PathBuf,
}

/// # Errors
/// When etcd cannot be reached or refuses, or files cannot be used.
pub async fn run(args: &Args) -> Outcome {
    let config = etcd(args)?;
    let catalogue = config::load_catalogue(&args.catalogue);
    let catalogue = catalogue.map_err(|faults| anyhow!("{faults}"))?;
    if catalogue.regions.is_empty() {
        bail!("there is no region in {}", args.catalogue.display());
    }
    let root = secret_file::read(&args.root_password_file, "root's password")?;
    let admin = EtcdAdmin::open(&config, SecretString::from(root.as_str())).await?;
    let regions = regions(&admin, &catalogue, args.add_regions).await?;
    let mut users = Vec::new();
    for region in &catalogue.regions {
        users.push(user(&admin, &region.id, &args.passwords).await?);
    }
    admin.enable().await?;
    let report = Report { regions, users };
    let printed = args.output.data(&report, table);
    printed.context("cannot write to standard output")?;
    Ok(Exit::Done)
}

fn etcd(args: &Args) -> anyhow::Result<EtcdConfig> {
    let endpoints = args.endpoints.iter();
    let endpoints = endpoints.map(|text| endpoint(text, args.allow_plaintext));
    let prefix = config::etcd_prefix(&args.prefix);
    let prefix = prefix.map_err(|problem| {
        let prefix = &args.prefix;
        Stop::WrongUse(format!("--prefix {prefix} {problem}, such as /domicile"))
    })?;
    Ok(EtcdConfig {
        endpoints: endpoints.collect::<Result<_, _>>()?,
        prefix,
        user: None,
        ca: args.ca.clone(),
        identity: args.certificate.clone().zip(args.key.clone()),
    })
}

fn endpoint(text: &str, plain: bool) -> Result<String, Stop> {
    let expected = if plain { "an http(s)" } else { "an https" };
    let wrong = || {
        Stop::WrongUse(format!(
            "--endpoint {text} is not {expected} URL of a host and a port, such as https://10.71.0.5:2379"
        ))
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let scheme = url.scheme() == "https" || (plain && url.scheme() == "http");
    let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    if scheme && is_bare && url.has_host() {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(wrong())
    }
}

async fn regions(
    admin: &EtcdAdmin,
    catalogue: &Catalogue,
    may_add: bool,
) -> anyhow::Result<&'static str> {
    let adding = if may_add {
        Adding::Allowed
    } else {
        Adding::Refused
    };
    match admin.regions(catalogue, adding).await {
        Ok(Regions::Written) => Ok("written"),
        Ok(Regions::Extended) => Ok("extended"),
        Ok(Regions::AsBefore) => Ok("as_before"),
        Err(error @ SetUpError::OtherRegions { .. }) => Err(Stop::Refused(format!(
            "{error}: regions can be added with --add-regions, and never taken away, since their Apps would be free to be registered elsewhere"
        ))
        .into()),
        Err(error) => Err(error.into()),
    }
}

async fn user(admin: &EtcdAdmin, region: &RegionId, folder: &Path) -> anyhow::Result<User> {
    let path = folder.join(format!("{region}.password"));
    if !path.exists() {
        make(folder, &path)?;
    }
    let password = secret_file::read(&path, "a region's password")?;
    let user = RegionUser {
        region: region.clone(),
        username: region.to_string(),
        password: SecretString::from(password.as_str()),
    };
    admin.region(&user).await?;
    Ok(User {
        region: region.to_string(),
        username: user.username,
        role: admin.role(region),
        password_file: path,
    })
}

/// A new password of 256 bits, for its owner only.
fn make(folder: &Path, path: &Path) -> anyhow::Result<()> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemRandomness.fill(bytes.as_mut_slice())?;
    let text = Zeroizing::new(format!("{}\n", hex::encode(*bytes)));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let synced = written.and_then(|()| fs::File::open(folder)?.sync_all());
    synced.with_context(|| format!("cannot write {}", path.display()))
}

fn table(report: &Report) -> String {
    let row = |user: &User| {
        vec![
            user.region.clone(),
            user.username.clone(),
            user.role.clone(),
            user.password_file.display().to_string(),
        ]
    };
    let rows: Vec<_> = report.users.iter().map(row).collect();
    columns(&["region", "username", "role", "password file"], &rows)
}
