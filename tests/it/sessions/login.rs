//! A session that is let in, and what the data centre is told of it.

use msync::schema::Provision;
use prost::Message as _;

use crate::harness::im::Do;
use crate::harness::sdk::{BOTH, By, Login, framed, text, unread};
use crate::harness::{Wish, World};

#[tokio::test]
async fn a_session_at_home_is_let_in_and_its_frames_pass_as_they_are() {
    let world = World::new().await;
    for by in BOTH {
        let app = world.app("fra1").await;
        let before = world.im("fra1").sessions().len();
        let login = Login::of(&app, "u1");
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send(&login.frame()).await;
        let answer = sdk.provision_answer().await;
        assert_eq!(answer.status.unwrap().error_code, Some(0));
        // The end of the token, in milliseconds, so that the SDK renews in time.
        let expires = u64::from(app.now() + 3600) * 1000;
        let told = format!("{{\"expires_in\":{expires}}}");
        assert_eq!(answer.auth_token.as_deref(), Some(told.as_str()));
        sdk.send(&unread()).await;
        sdk.message().await;
        let message = text(Some(&app.app_key()), 7, "u2", "hello");
        sdk.send(&message).await;
        assert_eq!(sdk.sync_answer().await.meta_id, Some(7));
        let seen = world.im("fra1").frames(before, 3).await;
        assert_eq!(seen.frames, [login.frame(), unread(), message], "{by:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn the_data_centre_is_told_whose_session_it_is() {
    let world = World::new().await;
    let app = world.app("vip6").await;
    for by in BOTH {
        let _sdk = world.session(&app, "u1", by).await;
    }
    let [websocket, tcp] = [world.im("vip6").session(0), world.im("vip6").session(1)];
    for (header, member, value) in [
        ("domicile-app-id", "app_id", app.app_id.as_str()),
        ("domicile-zone", "zone", "vip6"),
        ("domicile-channel", "channel", "general"),
        ("domicile-retention-days", "retention_days", "7"),
        ("x-forwarded-for", "forwarded_for", "127.0.0.1"),
    ] {
        assert_eq!(websocket.fact(header), Some(value), "{header}");
        assert_eq!(tcp.fact(member), Some(value), "{member}");
    }
    let id = websocket.fact("domicile-request-id").unwrap();
    assert!(websocket.fact("traceparent").unwrap().contains(id));
    assert!(
        tcp.fact("traceparent")
            .unwrap()
            .contains(tcp.fact("request_id").unwrap())
    );
    assert_eq!(websocket.fact(":path"), Some("/websocket"));
    let host = format!("{}", world.im("vip6").websocket);
    assert_eq!(websocket.fact("host"), Some(host.as_str()));
    assert_eq!(websocket.fact("sec-websocket-extensions"), None);
    world.finish().await;
}

#[tokio::test]
async fn only_a_trusted_proxy_is_believed_who_came() {
    for (plan, told) in [
        (World::plan(), "127.0.0.1"),
        (
            World::plan().trusted_proxy("127.0.0.0/8"),
            "10.1.2.3, 10.4.5.6, 127.0.0.1",
        ),
    ] {
        let world = World::of(plan).await;
        let app = world.app("fra1").await;
        let head = UPGRADE.replace(
            "\r\n\r\n",
            "\r\nX-Forwarded-For: 10.1.2.3\r\nX-Forwarded-For: 10.4.5.6\r\n\r\n",
        );
        let mut wire = world.wire("frankfurt").await;
        let login = Login::of(&app, "u1").frame();
        wire.send([head.as_bytes(), &framed(By::Websocket, &login)].concat())
            .await;
        let seen = world.im("fra1").frames(0, 1).await;
        assert_eq!(seen.fact("x-forwarded-for"), Some(told));
        world.finish().await;
    }
}

#[tokio::test]
async fn offers_that_would_hide_frames_are_taken_out() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let login = Login::of(&app, "u1").change(|envelope, provision| {
        envelope.encrypt_type = vec![0, 2];
        envelope.encrypt_key = Some("k".to_owned());
        envelope.trace_id = Some(9);
        provision.compress_type = vec![1, 0];
        provision.encrypt_type = vec![0, 1];
        provision.encrypt_key = Some("k".to_owned());
        provision.protocol_compress_type = vec![2];
        provision.protocol_compress_direction = Some(2);
    });
    for (n, by) in BOTH.into_iter().enumerate() {
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send(&login.frame()).await;
        sdk.provision_answer().await;
        let came = world.im("fra1").frames(n, 1).await.messages().remove(0);
        let mut expected = login.clone().change(|envelope, provision| {
            envelope.encrypt_type = vec![0];
            envelope.encrypt_key = None;
            provision.compress_type = vec![0];
            provision.encrypt_type = vec![0];
            provision.encrypt_key = None;
            provision.protocol_compress_type = vec![];
            provision.protocol_compress_direction = None;
        });
        let provision = Provision::decode(&came.payload.clone().unwrap()[..]).unwrap();
        assert_eq!(provision, expected.provision);
        expected.envelope.payload = came.payload.clone();
        assert_eq!(came, expected.envelope);
    }
    world.finish().await;
}

/// Whoever does not wait for an answer is looked at all the same, and not before it is let in.
#[tokio::test]
async fn what_comes_right_behind_the_login_is_looked_at() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let foreign = world.app("bj1").await;
    let behind = [
        text(Some("acme#other"), 1, "u2", "x"),
        text(None, 2, "u2", "x"),
    ];
    for (n, by) in BOTH.into_iter().enumerate() {
        let at_once = |login: Login| {
            let frames = [&login.frame(), &behind[0], &behind[1]];
            frames.map(|frame| framed(by, frame)).concat()
        };
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send_raw(&at_once(Login::of(&app, "u1"))).await;
        sdk.provision_answer().await;
        for (id, code) in [(1, 19), (2, 0)] {
            let answer = sdk.sync_answer().await;
            let status = answer.status.unwrap();
            assert_eq!((answer.meta_id, status.error_code), (Some(id), Some(code)));
        }
        let seen = world.im("fra1").session(n);
        assert_eq!(seen.frames[1..], behind[1..]);
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send_raw(&at_once(Login::of(&foreign, "u1"))).await;
        assert_eq!(sdk.refusal().await.0, 8);
    }
    assert_eq!(world.im("fra1").sessions().len(), 2);
    world.finish().await;
}

/// As the web SDKs have it.
const UPGRADE: &str = "GET /websocket HTTP/1.1\r\nHost: ws.frankfurt.test\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/// Nor need it wait for the end of the handshake; the plain listener is no exception.
#[tokio::test]
async fn what_comes_right_behind_the_upgrade_is_read() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for mut wire in [
        world.wire("frankfurt").await,
        world.plain_wire("frankfurt").await,
    ] {
        let login = Login::of(&app, "u1").frame();
        let bytes = [UPGRADE.as_bytes(), &framed(By::Websocket, &login)].concat();
        wire.send(bytes).await;
        let head = wire.head().await;
        assert_eq!(head.word(1), "101");
        let extension = head.headers.iter();
        let extension = extension.filter(|(name, _)| name == "sec-websocket-extensions");
        assert_eq!(extension.count(), 0);
        let answer = wire.some().await;
        let answer = msync::read_provision_answer(&answer[2..], &app.app_key());
        assert_eq!(answer.unwrap().error_code, Some(0));
    }
    world.finish().await;
}

/// go-im-sdk sends no `MSync.auth` and no mark before the token.
#[tokio::test]
async fn tokens_may_stand_in_any_of_their_places() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let token = app.user_token("u1");
    let json = format!("{{\"token\":\"{token}\"}}");
    for (envelope_auth, auth, auth_token) in [
        (None, None, Some(json.clone())),
        (Some(token.clone()), None, None),
        (None, Some(token.clone()), None),
        (Some(token.clone()), Some(format!("$t${token}")), Some(json)),
    ] {
        let login = Login::of(&app, "u1").change(|envelope, provision| {
            envelope.auth = envelope_auth;
            provision.auth = auth;
            provision.auth_token = auth_token;
            provision.app_id = Some(app.app_id.clone());
        });
        let mut sdk = world.sdk("frankfurt", By::Tcp).await;
        sdk.send(&login.frame()).await;
        sdk.provision_answer().await;
    }
    world.finish().await;
}

#[tokio::test]
async fn in_upstream_mode_the_data_centre_decides_on_other_tokens_and_passwords() {
    let world = World::new().await;
    let app = world.app_with("fra1", Wish::upstream_mode()).await;
    for by in BOTH {
        let login = Login::with(&app.app_key(), "u1", "YWMtOpaque").change(|_, provision| {
            provision.password = Some("secret".to_owned());
        });
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send(&login.frame()).await;
        let answer = sdk.provision_answer().await;
        assert_eq!(answer.auth_token, None, "no end is known");
    }
    let mut sdk = world.sdk("frankfurt", By::Websocket).await;
    let foreign = world.app("fra1").await.user_token("u1");
    sdk.send(&Login::with(&app.app_key(), "u1", &foreign).frame())
        .await;
    assert_eq!(
        sdk.refusal().await.0,
        8,
        "an AccessToken2 is still looked at"
    );
    world.finish().await;
}

#[tokio::test]
async fn what_the_data_centre_declines_is_passed_on_and_the_session_ends() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let declined = msync::provision_refusal(1, "Sorry, user not found");
    let answer = declined.clone();
    world
        .im("fra1")
        .answers(move || vec![Do::Send(answer.clone())]);
    for by in BOTH {
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send(&Login::of(&app, "u1").frame()).await;
        assert_eq!(sdk.next().await.frame(), declined);
        sdk.closed().await;
    }
    world.finish().await;
}
