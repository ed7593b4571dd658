//! What a message of 200 bytes costs on its way through: `cargo bench -p websocket`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use websocket::{Opcode, Read, Reader, Role, append_frame, remask};

criterion_group!(benches, client_to_data_centre, data_centre_to_client);
criterion_main!(benches);

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Masked frame in, unmasked, masked again.
fn client_to_data_centre(c: &mut Criterion) {
    let mut buffer = frame(Some(KEY));
    let mut reader = Reader::new(Role::Server, 1 << 20);
    c.bench_function("read and remask 200 bytes", |b| {
        b.iter(|| {
            let (header, consumed) = read(&mut reader, black_box(&mut buffer));
            remask(&mut buffer[..consumed], header, black_box(KEY));
        });
    });
}

/// Unmasked frame in.
fn data_centre_to_client(c: &mut Criterion) {
    let mut buffer = frame(None);
    let mut reader = Reader::new(Role::Client, 1 << 20);
    c.bench_function("read 200 bytes", |b| {
        b.iter(|| read(&mut reader, black_box(&mut buffer)));
    });
}

fn read(reader: &mut Reader, buffer: &mut [u8]) -> (usize, usize) {
    match reader.read(buffer) {
        Ok(Read::Message {
            payload,
            consumed,
            header,
            ..
        }) => {
            black_box(payload);
            (header, consumed)
        }
        other => unreachable!("{other:?}"),
    }
}

fn frame(key: Option<[u8; 4]>) -> Vec<u8> {
    let mut out = Vec::new();
    append_frame(&mut out, Opcode::Binary, &[7; 200], key);
    out
}
