//! What `benches/instructions/run` counts without a socket: one core's decision on a request, and
//! its look at a frame. Callgrind writes down its counters whenever [`edge`] is called, so what
//! lies between two calls is counted alone: neither the start nor what is made ready beforehand.
//!
//! A line a case goes to standard output, in their order: how often it was done, and its name.

#![allow(clippy::print_stdout, reason = "its output")]

#[path = "../kit/decide.rs"]
mod decide;
#[path = "../kit/inspect.rs"]
mod inspect;
#[path = "../kit/mod.rs"]
mod kit;

use std::hint::black_box;

use decide::{Core, head};
use domicile::call::classify;
use inspect::Session;
use kit::APP_KEY;
use mimalloc::MiMalloc;
use session_load::{answer, text};

/// The product's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Before counting: caches fill and tables grow.
const FIRST: u32 = 100;

const COUNTED: u32 = 400;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    decisions(&runtime.block_on(Core::new()));
    frames(&mut runtime.block_on(Session::new()));
}

fn decisions(core: &Core) {
    let known = head(&kit::token(&core.app, 1));
    count("classify", || &known, |head| classify(head, &core.names));
    count(
        "decide, known token",
        || known.clone(),
        |head| core.decide_at_once(head),
    );
    let mut salt = 1;
    let fresh = || {
        salt += 1;
        head(&kit::token(&core.app, salt))
    };
    count("decide, new token", fresh, |head| core.decide_at_once(head));
}

fn frames(session: &mut Session) {
    let (text, answer) = (text(APP_KEY), answer(APP_KEY));
    let id = msync::inspect_up(&text, APP_KEY)
        .expect("a message")
        .meta_id;
    let id = id.expect("its id");
    let up = |frame: &Vec<u8>| {
        session.up(frame);
        session.inspector.flights.landed(id);
    };
    count("inspect, client's frame", || &text, up);
    let down = |frame: &Vec<u8>| session.down(frame);
    count("inspect, data centre's frame", || &answer, down);
}

/// Has `work` counted on what `input` makes ready, and its result's end.
fn count<I, O>(name: &str, mut input: impl FnMut() -> I, mut work: impl FnMut(I) -> O) {
    for _ in 0..FIRST {
        drop(black_box(work(black_box(input()))));
    }
    let inputs: Vec<I> = (0..COUNTED).map(|_| input()).collect();
    println!("{COUNTED} {name}");
    edge();
    for input in inputs {
        drop(black_box(work(black_box(input))));
    }
    edge();
}

/// A place that callgrind finds by its name (`--dump-before`).
#[inline(never)]
fn edge() {
    // Without an effect it would not be called at all.
    black_box(());
}
