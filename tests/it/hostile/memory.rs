//! What is on its way through a gateway is not kept in it.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::alone;
use super::raw::Raw;
use super::site::{Site, until};
use super::upstream::{Upstream, length};

const MIB: u64 = 1024 * 1024;

const UPLOAD: u64 = 100 * MIB;

/// How much more memory the process may have meanwhile: client, gateway and data centre together.
const GROWTH: u64 = 32 * MIB;

#[test]
fn an_upload_to_a_slow_data_centre_is_not_kept() {
    let name = "hostile::memory::an_upload_to_a_slow_data_centre_is_not_kept";
    alone::run(name, upload);
}

fn upload() {
    let (taken, may_go_on) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let upstream = stopping(&taken, &may_go_on);
    let site = Site::start(upstream.address, &[]);
    let mut client = Raw::plain(site.http);
    client.send(format!(
        "POST /acme/chat/chatfiles HTTP/1.1\r\n{}Content-Length: {UPLOAD}\r\n\r\n",
        site.auth()
    ));
    let piece = vec![b'a'; 64 * 1024];
    let before = alone::resident();
    let mut sent = 0;
    let tcp = client.tcp();
    // Until every buffer on the way is full, the kernel's included.
    tcp.set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    while sent < UPLOAD {
        match tcp.write(&piece) {
            Ok(count) => sent += count as u64,
            Err(_) => break,
        }
    }
    let stuck = alone::resident();
    assert!(sent < 40 * MIB, "{sent} bytes went nowhere");
    assert!(stuck < before + GROWTH, "{before} to {stuck} bytes");
    may_go_on.store(true, Ordering::SeqCst);
    tcp.set_write_timeout(None).unwrap();
    let mut most = stuck;
    while sent < UPLOAD {
        let rest = usize::try_from(UPLOAD - sent).unwrap().min(piece.len());
        sent += tcp.write(&piece[..rest]).unwrap() as u64;
        if sent.is_multiple_of(MIB) {
            most = most.max(alone::resident());
        }
    }
    assert_eq!(client.answer().map(|answer| answer.status), Some(200));
    assert_eq!(taken.load(Ordering::SeqCst), UPLOAD);
    assert!(most < before + GROWTH, "{before} to {most} bytes");
}

/// Takes a MiB, then nothing until it may go on.
fn stopping(taken: &Arc<AtomicU64>, may_go_on: &Arc<AtomicBool>) -> Upstream {
    let (taken, may_go_on) = (Arc::clone(taken), Arc::clone(may_go_on));
    Upstream::start(move |mut connection| {
        let Some(head) = connection.head() else {
            return;
        };
        let mut left = length(&head);
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            if taken.load(Ordering::SeqCst) > MIB {
                until("it may go on", || may_go_on.load(Ordering::SeqCst));
            }
            let Ok(count @ 1..) = connection.reader.read(&mut buffer) else {
                return;
            };
            taken.fetch_add(count as u64, Ordering::SeqCst);
            left -= count as u64;
        }
        connection.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    })
}

/// An answer that its client does not take stays where it is.
#[test]
fn an_answer_to_a_slow_client_is_not_kept() {
    let name = "hostile::memory::an_answer_to_a_slow_client_is_not_kept";
    alone::run(name, download);
}

fn download() {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let upstream = Upstream::start(move |mut connection| {
        if connection.head().is_some() {
            connection.say("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
            while connection.say([b'a'; 64 * 1024]) {
                counted.fetch_add(64 * 1024, Ordering::SeqCst);
            }
        }
    });
    let site = Site::start(upstream.address, &[("body_idle", "1s")]);
    let before = alone::resident();
    let mut client = Raw::plain(site.http);
    client.send(format!(
        "GET /acme/chat/users HTTP/1.1\r\n{}\r\n",
        site.auth()
    ));
    until("the first bytes are on their way", || {
        sent.load(Ordering::SeqCst) > 0
    });
    until("the client is cut", || site.connections() == 0);
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 40 * MIB, "{sent} bytes went nowhere");
    let after = alone::resident();
    assert!(after < before + GROWTH, "{before} to {after} bytes");
    let _ = client.tcp().shutdown(Shutdown::Both);
}
