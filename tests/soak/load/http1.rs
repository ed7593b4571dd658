//! Clients of HTTP/1.1.

use std::io;
use std::sync::Arc;

use super::Load;
use super::wire::{Wire, get, plain, post, tls};
use crate::site::{ORG, REST, connect_from_few, fresh};

/// Requests on a connection that stays.
const REQUESTS: usize = 300;

/// Each of how many brings a body, and each of how many of these a large one, which passes through a pipe.
const UPLOADS: usize = 8;
const LARGE: usize = 4;
const SIZE: usize = 200_000;

/// Requests of an App, one after the other.
const OF_AN_APP: usize = 4;

/// A connection for many requests, of one App after the other, each with a token that nobody has seen.
pub async fn keeps_alive(load: Arc<Load>) -> io::Result<()> {
    let mut wire = plain(&load.site).await?;
    let (body, large) = ("x".repeat(4_096), "x".repeat(SIZE));
    let mut app = load.app();
    for n in 0..REQUESTS {
        if load.is_over() {
            break;
        }
        if n % OF_AN_APP == 0 {
            app = load.app();
        }
        let token = app.token("u1");
        let request = match n % UPLOADS {
            0 if n % (UPLOADS * LARGE) == 0 => post(&app.name, "chatgroups", &token, &large),
            0 => post(&app.name, "chatgroups", &token, &body),
            _ => get(&app.name, "users/u1", Some(&token)),
        };
        load.answered("keep-alive", wire.ask(&request).await?, &[200]);
    }
    Ok(())
}

/// A connection for one request.
pub async fn comes_and_goes(load: Arc<Load>) -> io::Result<()> {
    let mut wire = plain(&load.site).await?;
    let app = load.app();
    let request = get(&app.name, "users/u1", Some(&app.token("u1")));
    load.answered("short", wire.ask(&request).await?, &[200]);
    Ok(())
}

/// One that leaves: in its head, in its body, or while the data centre works. Then another asks and
/// waits, so that there are no more of those who leave than the gateway can bear.
pub async fn leaves(load: Arc<Load>) -> io::Result<()> {
    let mut wire = plain(&load.site).await?;
    let app = load.app().clone();
    let token = app.token("u1");
    match fresh() % 3 {
        0 => {
            wire.say(&get(&app.name, "users/u1", Some(&token))[..40])
                .await?;
        }
        1 => {
            let whole = post(&app.name, "chatgroups", &token, &"x".repeat(SIZE));
            wire.say(&whole[..whole.len() - 5_000]).await?;
        }
        _ => {
            wire.say(&get(&app.name, "chatgroups/slow", Some(&token)))
                .await?;
        }
    }
    drop(wire);
    load.counted("left");
    comes_and_goes(load).await
}

/// Refusals of every kind, on one connection each.
pub async fn is_refused(load: Arc<Load>) -> io::Result<()> {
    let app = load.app();
    let other = load.app().token("u1");
    let token = app.token("u1");
    let forged = format!("{}AAAAAAA=", &token[..token.len() - 8]);
    let nobody = format!("nobody-{}", fresh());
    let requests = [
        ("no token", get(&app.name, "users/u1", None), 401),
        (
            "forged token",
            get(&app.name, "users/u1", Some(&forged)),
            401,
        ),
        (
            "token of another",
            get(&app.name, "users/u1", Some(&other)),
            403,
        ),
        (
            "elsewhere",
            get(load.app_elsewhere(), "users/u1", Some(&token)),
            421,
        ),
        (
            "elsewhere",
            get(load.app_elsewhere(), "users/u1", None),
            421,
        ),
        ("unknown", get(&nobody, "users/u1", Some(&token)), 404),
        ("path", get(&app.name, "users//u1", Some(&token)), 400),
    ];
    for (kind, request, status) in requests {
        let mut wire = plain(&load.site).await?;
        load.answered(kind, wire.ask(&request).await?, &[status]);
    }
    Ok(())
}

/// Discovery, which is counted for each address.
pub async fn asks_where(load: Arc<Load>) -> io::Result<()> {
    let mut wire = Wire::new(connect_from_few(load.site.http).await?);
    let name = load.app_elsewhere();
    let request =
        format!("GET /easemob/server.json?app_key={ORG}%23{name} HTTP/1.1\r\nHost: {REST}\r\n\r\n");
    load.answered("discovery", wire.ask(&request).await?, &[200]);
    Ok(())
}

/// A handshake and a request; and a handshake with a name that is not of this region.
pub async fn shakes_hands(load: Arc<Load>) -> io::Result<()> {
    let stream = tls(&load.site, &load.http1, REST).await?;
    let mut wire = Wire::new(stream);
    let app = load.app();
    let request = get(&app.name, "users/u1", Some(&app.token("u1")));
    load.answered("handshake", wire.ask(&request).await?, &[200]);
    let refused = tls(&load.site, &load.http1, "rest.singapore.test").await;
    load.answered("name of another", u16::from(refused.is_ok()), &[0]);
    Ok(())
}
