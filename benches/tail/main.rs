//! Sends calls at a constant rate over many connections, and says how long they took. Each is timed
//! from when it was due, not from when it could be sent: while nothing is answered the calls that
//! fall due wait, and their waiting counts.
//!
//! A line on standard input begins a phase of that name; figures are told for each phase, as one
//! JSON document once standard input has ended.

mod call;
mod desk;
mod link;
mod pace;
mod record;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use session_load::ends::lines;

use call::Calls;
use desk::{Desk, Orders};
use link::Dialler;
use pace::Pace;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    to: SocketAddr,
    /// Speak TLS, and trust this CA's certificates.
    #[arg(long)]
    ca: Option<PathBuf>,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Calls a second; without it each connection sends its next call when the last was answered.
    #[arg(long)]
    rate: Option<f64>,
    /// What is sent, in turns: a line is `METHOD PATH TOKEN [BODY]`, `-` for no token; `{n}` in path
    /// and body becomes a number that no other call has.
    #[arg(long)]
    calls: PathBuf,
    /// A status that is no failure.
    #[arg(long, default_value = "200")]
    expect: Vec<u16>,
    /// A new connection for each call: TCP and TLS handshakes are part of its time.
    #[arg(long)]
    fresh: bool,
    /// Send nothing but in phases of this name.
    #[arg(long)]
    during: Option<String>,
    /// Tell the longest time of each slot of so many milliseconds.
    #[arg(long)]
    slot: Option<u64>,
}

/// For what was sent when the phases are over.
const GRACE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let slot = args.slot.map(Duration::from_millis);
    let calls = Calls::read(&args.calls)?;
    let dialler = Arc::new(Dialler::new(args.to, args.ca.as_deref())?);
    let desk = Arc::new(Desk::new(Orders {
        connections: args.connections,
        expect: args.expect,
        at_once: args.rate.is_none(),
        during: args.during,
        slot,
    }));
    let calls = Arc::new(calls);
    for place in 0..args.connections {
        let (desk, calls, dialler) = (Arc::clone(&desk), Arc::clone(&calls), Arc::clone(&dialler));
        let fresh = args.fresh;
        tokio::spawn(async move {
            let mut link = dialler.link(fresh);
            loop {
                let due = desk.next(place).await;
                let answer = link.ask(&calls.numbered(due.number)).await;
                desk.answered(place, answer, now());
            }
        });
    }
    direct(&desk, args.rate).await?;
    desk.finish(GRACE, LOOK).await;
    println!("{}", desk.report(now())?);
    Ok(())
}

/// Until standard input has ended.
async fn direct(desk: &Desk, rate: Option<f64>) -> anyhow::Result<()> {
    let mut phases = lines();
    let first = phases.recv().await.context("no phase")?;
    desk.begin(&first, now())?;
    let mut pace = rate.map(|rate| Pace::start(rate, now)).transpose()?;
    loop {
        tokio::select! {
            biased;
            due = due(&mut pace) => {
                for due in due? {
                    desk.due(due, now());
                }
            }
            phase = phases.recv() => match phase {
                Some(phase) => desk.begin(&phase, now())?,
                None => return Ok(()),
            },
        }
    }
}

async fn due(pace: &mut Option<Pace>) -> anyhow::Result<impl Iterator<Item = Instant> + use<>> {
    match pace {
        Some(pace) => pace.due().await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "it is what is measured with")]
fn now() -> Instant {
    Instant::now()
}
