//! Clients of all gateways register Apps of the same names at the same time, and ask for them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::client::{Client, from_crowd};
use super::history::History;
use super::lab::{self, Gateway};

/// How often a name is asked for, by whoever comes first.
const TIMES: usize = 8;
/// One in so many asks where it lives; the others register it.
const LOOK_UPS: usize = 4;
/// Between two questions of a client: the clients are no load test.
const PACE: Duration = Duration::from_millis(60);

/// For as long as the work takes.
pub fn during(history: &History, work: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for gateway in lab::all() {
            let over = &over;
            scope.spawn(move || from_crowd(async || storm(gateway, history, over).await));
        }
        let _ends = Ends(&over);
        work();
    });
}

async fn storm(gateway: Gateway, history: &History, over: &AtomicBool) {
    static TICKETS: AtomicUsize = AtomicUsize::new(0);
    let (mut client, mut thread) = (Client::new(gateway), history.thread());
    while !over.load(Ordering::Relaxed) {
        let ticket = TICKETS.fetch_add(1, Ordering::Relaxed);
        let name = format!("storm-{}", ticket / TIMES);
        if ticket % LOOK_UPS == LOOK_UPS - 1 {
            history.looks_up(&mut thread, &mut client, &name).await;
        } else {
            history.registers(&mut thread, &mut client, &name).await;
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Also when the work panics.
struct Ends<'o>(&'o AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
