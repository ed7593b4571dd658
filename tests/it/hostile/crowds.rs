//! Many connections at once: up to the limits they are let in, and never do they stop the service.

use std::net::TcpStream;

use domicile::domain::Code;

use super::alone;
use super::raw::{Raw, connect};
use super::site::{Site, until};
use super::upstream::Upstream;

#[track_caller]
fn is_served(site: &Site) {
    let mut client = Raw::plain(site.http);
    client.send(format!(
        "GET /acme/chat/users HTTP/1.1\r\n{}\r\n",
        site.auth()
    ));
    assert_eq!(client.answer().map(|answer| answer.status), Some(200));
}

#[test]
fn connections_are_limited_in_all() {
    let site = Site::start(Upstream::answering().address, &[("connections", "8")]);
    full_at(&site, 8);
}

#[test]
fn connections_are_limited_by_address() {
    let site = Site::start(
        Upstream::answering().address,
        &[("connections_per_address", "8")],
    );
    full_at(&site, 8);
}

/// The limit's worth of connections is served, one more is closed at once, and places come back.
fn full_at(site: &Site, limit: i64) {
    let mut held: Vec<Raw> = (0..limit).map(|_| Raw::plain(site.http)).collect();
    until("all are in", || site.connections() == limit);
    let refused = site.refusals(Code::RateLimited);
    assert_eq!(Raw::plain(site.http).rest(), b"", "one too many");
    site.await_refusals(Code::RateLimited, refused, "one too many");
    for client in &mut held {
        client.send(format!(
            "GET /acme/chat/users HTTP/1.1\r\n{}\r\n",
            site.auth()
        ));
        assert_eq!(client.answer().map(|answer| answer.status), Some(200));
    }
    held.pop();
    until("a place is free", || site.connections() < limit);
    is_served(site);
}

/// On loopback, by count, in a process of its own: it ends by itself, and so do its descriptors.
#[test]
fn a_crowd_that_says_nothing_does_not_stop_the_service() {
    let name = "hostile::crowds::a_crowd_that_says_nothing_does_not_stop_the_service";
    alone::run(name, idle_crowd);
}

fn idle_crowd() {
    let site = Site::start(Upstream::answering().address, &[("head_time", "60s")]);
    // Both ends of each connection are in this process.
    let count = usize::min(5_000, (alone::descriptors() - 500) / 2);
    assert!(
        count >= 200,
        "the limit of open files leaves room for {count} connections"
    );
    let crowd: Vec<TcpStream> = (0..count).map(|_| connect(site.http)).collect();
    let all = i64::try_from(count).unwrap();
    until("all are in", || site.connections() == all);
    for _ in 0..20 {
        is_served(&site);
    }
    drop(crowd);
    until("all have left", || site.connections() == 0);
    is_served(&site);
}
