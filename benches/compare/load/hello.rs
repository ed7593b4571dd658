//! Opens connections, says the ClientHello of a browser of today with a server name that is nobody's
//! here, and expects to be refused by the alert `unrecognized_name`. Prints how often that happened;
//! anything else ends it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Parser;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

#[derive(Parser)]
struct Args {
    #[arg(long)]
    to: SocketAddr,
    #[arg(long)]
    name: String,
    #[arg(long)]
    seconds: u64,
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

/// A record of alerts: of level fatal, `unrecognized_name` (RFC 8446 section 6).
const RECORD: u8 = 21;
const ALERT: [u8; 2] = [2, 112];

#[expect(clippy::disallowed_methods, reason = "the load's own end")]
#[expect(clippy::print_stdout, reason = "it says what it counted")]
fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let hello = hello(&args.name)?;
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let refused = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..args.connections)
            .map(|_| {
                scope.spawn(|| {
                    let mut refused = 0_u64;
                    while Instant::now() < end {
                        is_refused(args.to, &hello)?;
                        refused += 1;
                    }
                    anyhow::Ok(refused)
                })
            })
            .collect();
        let mut sum = 0;
        for client in clients {
            sum += client
                .join()
                .map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        anyhow::Ok(sum)
    })?;
    println!("{refused} requests in {} s", args.seconds);
    Ok(())
}

/// The first flight of a handshake, the same for all.
fn hello(name: &str) -> anyhow::Result<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned())?;
    let mut client = ClientConnection::new(Arc::new(config), name)?;
    let mut hello = Vec::new();
    client.write_tls(&mut hello)?;
    Ok(hello)
}

#[expect(clippy::disallowed_methods, reason = "it is the client")]
fn is_refused(to: SocketAddr, hello: &[u8]) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(hello)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(
        answer.first() == Some(&RECORD) && answer.get(5..7) == Some(&ALERT),
        "not refused as it should be: {answer:?}"
    );
    Ok(())
}
