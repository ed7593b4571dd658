//! Clients that neither wrk nor h2load can be, a thread each. Whatever is not as it should be ends
//! them with an error; otherwise they say in the end how many requests there were.
//!
//! - `hello`: the ClientHello of a browser of today, with a server name that is nobody's here: it
//!   must be refused by the alert `unrecognized_name`.
//! - `handshake`: a full TLS handshake and one request, then the connection is closed. wrk resumes
//!   its sessions, which takes no signature.
//! - `paced`: requests at a steady pace, spread evenly. h2load's timer has 10 ms, so it sends them
//!   in bursts, and a burst wakes a proxy only once.

mod call;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Args {
    #[arg(long)]
    to: SocketAddr,
    #[arg(long)]
    seconds: u64,
    #[arg(long)]
    clients: u32,
    #[command(subcommand)]
    load: Load,
}

#[derive(Subcommand)]
enum Load {
    Hello {
        #[arg(long)]
        name: String,
    },
    Handshake {
        #[arg(long)]
        ca: PathBuf,
        #[command(flatten)]
        call: call::Call,
    },
    Paced {
        /// Requests a second, of all clients together.
        #[arg(long)]
        rate: u32,
        #[command(flatten)]
        call: call::Call,
    },
}

/// A client's next request, to its end.
type Step = Box<dyn FnMut() -> anyhow::Result<()> + Send>;

#[expect(clippy::print_stdout, reason = "it says what it counted")]
fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let steps = (0..args.clients).map(|n| step(&args, n));
    let steps = steps.collect::<anyhow::Result<Vec<_>>>()?;
    let end = now() + Duration::from_secs(args.seconds);
    let clients: Vec<_> = steps
        .into_iter()
        .map(|step| std::thread::spawn(move || repeat(step, end)))
        .collect();
    let mut requests = 0;
    for client in clients {
        requests += client.join().map_err(|_| anyhow!("a client panicked"))??;
    }
    println!("{requests} requests in {} s", args.seconds);
    Ok(())
}

fn step(args: &Args, n: u32) -> anyhow::Result<Step> {
    let to = args.to;
    match &args.load {
        Load::Hello { name } => {
            let hello = tls::hello(name)?;
            Ok(Box::new(move || tls::is_refused(to, &hello)))
        }
        Load::Handshake { ca, call } => {
            let config = tls::full_handshakes(ca)?;
            let request = call.request("close");
            Ok(Box::new(move || tls::call(to, &config, &request)))
        }
        Load::Paced { rate, call } => {
            let mut client = call::Client::connect(to, call.request("keep-alive"))?;
            let pause = Duration::from_secs(1) * args.clients / *rate;
            let mut next = now() + pause * n / args.clients;
            Ok(Box::new(move || {
                std::thread::sleep(next.saturating_duration_since(now()));
                next += pause;
                client.call()
            }))
        }
    }
}

fn repeat(mut step: Step, end: Instant) -> anyhow::Result<u64> {
    let mut requests = 0;
    while now() < end {
        step()?;
        requests += 1;
    }
    Ok(requests)
}

#[expect(clippy::disallowed_methods, reason = "the load's own clock")]
fn now() -> Instant {
    Instant::now()
}
