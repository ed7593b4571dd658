//! What an inspected frame of an SDK session costs: decode, decide, count.
//!
//! This is the session's own inspector, with the limits, rates, metrics and places of one core, over
//! text messages of 200 bytes; no socket is opened. `cargo bench --bench frames`.

#[path = "kit/inspect.rs"]
mod inspect;
#[path = "kit/mod.rs"]
mod kit;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use inspect::Session;
use kit::APP_KEY;
use session_load::{answer, masked, text};
use websocket::{Read, Reader, Role, remask};

fn frames(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut session = runtime.block_on(Session::new());
    let (text, answer) = (text(APP_KEY), answer(APP_KEY));
    let id = msync::inspect_up(&text, APP_KEY)
        .expect("a message")
        .meta_id;
    let id = id.expect("its id");

    let mut group = criterion.benchmark_group("frame");
    group.bench_function("up, 200 bytes of text", |bench| {
        bench.iter(|| {
            session.up(black_box(&text));
            session.inspector.flights.landed(id);
        });
    });
    group.bench_function("down, 200 bytes of text", |bench| {
        bench.iter(|| session.down(black_box(&answer)));
    });
    group.bench_function("up and down, with its acknowledgement", |bench| {
        bench.iter(|| {
            session.up(black_box(&text));
            session.down(black_box(&answer));
        });
    });
    let mut reader = Reader::new(Role::Server, 1 << 20);
    let mut buffer = masked(&text);
    group.bench_function("up, read, unmasked and masked again", |bench| {
        bench.iter(|| {
            let Ok(Read::Message {
                payload,
                consumed,
                header,
                ..
            }) = reader.read(black_box(&mut buffer))
            else {
                unreachable!("a whole message")
            };
            session.up(payload);
            remask(&mut buffer[..consumed], header, session_load::KEY);
            session.inspector.flights.landed(id);
        });
    });
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
