//! What may pass in a session that stands (SPEC 6.7).

use msync::schema::{self, CommSyncDl, CommUnreadDl, MSync, Meta, MetaQueue, MucBody};
use prost::Message as _;

use crate::harness::World;
use crate::harness::im::{Do, well_behaved};
use crate::harness::sdk::{BOTH, By, Event, Login, envelope, jid, meta, sync, text, unread};

fn room(app_key: Option<&str>, id: u64, to: Vec<schema::Jid>) -> Meta {
    let body = MucBody {
        muc_id: Some(jid(app_key, "room")),
        operation: Some(2),
        is_chatroom: Some(true),
        to,
        ..MucBody::default()
    };
    Meta {
        id: Some(id),
        ns: Some(2),
        payload: Some(body.encode_to_vec()),
        ..Meta::default()
    }
}

/// Promise P5: whichever JID it is.
#[tokio::test]
async fn a_message_to_another_app_is_refused_and_the_session_goes_on() {
    let world = World::new().await;
    for by in BOTH {
        let app = world.app("fra1").await;
        let own = app.app_key();
        let other = jid(Some("acme#other"), "u2");
        let mut sdk = world.session(&app, "u1", by).await;
        let n = world.im("fra1").sessions().len() - 1;
        let mut from = meta(Some(&own), 2, "u2", "x");
        from.from = Some(other.clone());
        let mut inside = meta(Some(&own), 3, "u2", "x");
        let mut body = schema::MessageBody::decode(&inside.payload.unwrap()[..]).unwrap();
        body.to = Some(other.clone());
        inside.payload = Some(body.encode_to_vec());
        let queue = schema::CommSyncUl {
            meta: Some(meta(Some(&own), 6, "u2", "x")),
            queue: Some(other.clone()),
            ..Default::default()
        };
        for (id, frame) in [
            (1, text(Some("acme#other"), 1, "u2", "x")),
            (2, sync(&from)),
            (3, sync(&inside)),
            (4, sync(&room(Some("acme#other"), 4, vec![]))),
            (
                5,
                sync(&room(
                    Some(&own),
                    5,
                    vec![jid(Some(&own), "a"), other.clone()],
                )),
            ),
            (6, envelope(0, queue.encode_to_vec())),
            (
                9,
                sync(&room(
                    Some(&own),
                    9,
                    vec![other.clone(), jid(Some("third#app"), "u3")],
                )),
            ),
            // Keys are compared byte by byte.
            (7, text(Some(&own.to_uppercase()), 7, "u2", "x")),
        ] {
            sdk.send(&frame).await;
            let answer = sdk.sync_answer().await;
            let status = answer.status.unwrap();
            assert_eq!(
                (answer.meta_id, status.error_code),
                (Some(id), Some(19)),
                "{by:?}"
            );
            assert!(status.reason.unwrap().contains("app_mismatch"));
        }
        sdk.send(&text(None, 8, "u2", "x")).await;
        assert_eq!(
            sdk.sync_answer().await.meta_id,
            Some(8),
            "no key is no other key"
        );
        assert_eq!(world.im("fra1").session(n).frames.len(), 2);
    }
    let ended = world.finish().await;
    let refused = ended.audit("frankfurt");
    let counts = refused.iter().filter(|e| e["code"] == "app_mismatch");
    let total: u64 = counts.map(|e| e["count"].as_u64().unwrap()).sum();
    assert_eq!(total, 16);
}

#[tokio::test]
async fn anything_else_that_names_another_app_ends_the_session() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let queue = schema::CommSyncUl {
        key: Some(1),
        queue: Some(jid(Some("acme#other"), "u2")),
        ..Default::default()
    };
    let mut guid = MSync::decode(&unread()[..]).unwrap();
    guid.guid = Some(jid(Some("acme#other"), "u1"));
    for by in BOTH {
        for frame in [envelope(0, queue.encode_to_vec()), guid.encode_to_vec()] {
            let mut sdk = world.session(&app, "u1", by).await;
            let n = world.im("fra1").sessions().len() - 1;
            sdk.send(&frame).await;
            let code = sdk.closed().await;
            assert_eq!(code, (by == By::Websocket).then_some(1008));
            world.im("fra1").ended(n).await;
            assert_eq!(world.im("fra1").session(n).frames.len(), 1);
        }
    }
    let ended = world.finish().await;
    assert_eq!(
        ended.refused("frankfurt", "app_mismatch", Some(&app.app_id)),
        4
    );
}

/// Promise P5: a LOGOUT brings a token along.
#[tokio::test]
async fn a_token_of_another_app_ends_the_session() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let other = world.app("fra1").await;
    let logout = |token: &str| MSync {
        guid: Some(jid(Some(&app.app_key()), "u1")),
        auth: Some(token.to_owned()),
        command: Some(4),
        payload: Some(Vec::new()),
        ..MSync::default()
    };
    for by in BOTH {
        for (token, passes) in [
            (format!("$t${}", app.user_token("u1")), true),
            ("YWMtOpaque".to_owned(), true),
            (format!("$t${}", other.user_token("u1")), false),
            (other.app_token(), false),
        ] {
            let mut sdk = world.session(&app, "u1", by).await;
            let n = world.im("fra1").sessions().len() - 1;
            sdk.send(&logout(&token).encode_to_vec()).await;
            sdk.closed().await;
            world.im("fra1").ended(n).await;
            let seen = world.im("fra1").session(n).frames.len() - 1;
            assert_eq!(seen, usize::from(passes), "{by:?}");
        }
    }
    let ended = world.finish().await;
    assert_eq!(
        ended.refused("frankfurt", "app_mismatch", Some(&app.app_id)),
        4
    );
}

#[tokio::test]
async fn what_cannot_be_read_ends_the_session() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let own = app.app_key();
    let mut compressed = MSync::decode(&text(Some(&own), 1, "u2", "x")[..]).unwrap();
    let (mut encrypted, mut keyed) = (compressed.clone(), compressed.clone());
    compressed.compress_algorithm = Some(1);
    encrypted.encrypt_type = vec![1];
    keyed.encrypt_key = Some("key".to_owned());
    let mut twice = text(Some(&own), 1, "u2", "x");
    twice.extend([0x4a, 0x00]);
    for by in BOTH {
        for frame in [
            Login::of(&app, "u1").frame(),
            compressed.encode_to_vec(),
            encrypted.encode_to_vec(),
            keyed.encode_to_vec(),
            twice.clone(),
            vec![0x08, 0xff],
            vec![0x40, 0x07],
        ] {
            let mut sdk = world.session(&app, "u1", by).await;
            let n = world.im("fra1").sessions().len() - 1;
            sdk.send(&frame).await;
            sdk.closed().await;
            world.im("fra1").ended(n).await;
            assert_eq!(world.im("fra1").session(n).frames.len(), 1);
        }
    }
    let metrics = world.metrics("frankfurt").await;
    let refused = metrics.sum("domicile_refusals_total", &[("code", "bad_request")]);
    assert_eq!(refused, 14.0);
    world.finish().await;
}

/// The data centre's frames are looked at as well.
#[tokio::test]
async fn what_the_data_centre_may_not_send_ends_the_session() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let status = |code, redirect: bool| schema::Status {
        error_code: Some(code),
        redirect_info: redirect
            .then(schema::RedirectInfo::default)
            .into_iter()
            .collect(),
        ..Default::default()
    };
    let unread_with = |status| {
        let answer = CommUnreadDl {
            status: Some(status),
            ..Default::default()
        };
        envelope(1, answer.encode_to_vec())
    };
    let mut compressed = MSync::decode(&msync::unread_answer(1)[..]).unwrap();
    let mut chosen = compressed.clone();
    compressed.compress_algorithm = Some(1);
    chosen.encrypt_type = vec![1];
    let logout = schema::Logout {
        status: Some(status(5, false)),
        ..Default::default()
    };
    let rows = [
        (
            "redirect in UNREAD",
            unread_with(status(5, false)),
            "cross_region_reference",
        ),
        (
            "redirect_info in UNREAD",
            unread_with(status(0, true)),
            "cross_region_reference",
        ),
        (
            "compressed",
            compressed.encode_to_vec(),
            "upstream_protocol",
        ),
        (
            "a second answer",
            msync::provision_answer(None, None),
            "upstream_protocol",
        ),
        ("half a frame", vec![0x4a, 0x7f], "upstream_protocol"),
        (
            "redirect in an acknowledgement",
            msync::sync_refusal(1, 5, ""),
            "cross_region_reference",
        ),
        (
            "redirect in LOGOUT",
            envelope(4, logout.encode_to_vec()),
            "cross_region_reference",
        ),
        (
            "an encryption chosen",
            chosen.encode_to_vec(),
            "upstream_protocol",
        ),
    ];
    let mut counted = std::collections::BTreeMap::new();
    for by in BOTH {
        for (name, frame, code) in &rows {
            let mut sdk = world.session(&app, "u1", by).await;
            let sessions = world.im("fra1").sessions();
            sessions.last().unwrap().say(Do::Send(frame.clone()));
            sdk.closed().await;
            *counted.entry(*code).or_insert(0.0) += 1.0;
            let metrics = world.metrics("frankfurt").await;
            let refused = metrics.sum("domicile_refusals_total", &[("code", code)]);
            assert_eq!(refused, counted[code], "{name} {by:?}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn another_apps_frame_from_the_data_centre_is_a_violation() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let delivered = CommSyncDl {
        metas: vec![Meta {
            from: Some(jid(Some("acme#other"), "u2")),
            ..Meta::default()
        }],
        ..CommSyncDl::default()
    };
    let unread = CommUnreadDl {
        unread: vec![MetaQueue {
            queue: Some(jid(Some("acme#other"), "u2")),
            n: Some(1),
        }],
        ..CommUnreadDl::default()
    };
    let frames = [
        envelope(0, delivered.encode_to_vec()),
        envelope(1, unread.encode_to_vec()),
        msync::notice("acme#other", "u2"),
    ];
    for frame in &frames {
        let mut sdk = world.session(&app, "u1", By::Websocket).await;
        let sessions = world.im("fra1").sessions();
        sessions.last().unwrap().say(Do::Send(frame.clone()));
        assert_eq!(sdk.closed().await, Some(1008));
    }
    let metrics = world.metrics("frankfurt").await;
    let violations = metrics.sum("domicile_residency_violations_total", &[]);
    assert_eq!(violations, 3.0);
    let ended = world.finish_with_violations(3.0).await;
    // Promise P10.
    assert_eq!(
        ended.refused("frankfurt", "upstream_protocol", Some(&app.app_id)),
        3
    );
}

#[tokio::test]
async fn a_channel_over_its_rate_is_told_so_and_others_are_not() {
    let world = World::of(World::plan().limit("frames_per_session", "2/s")).await;
    let app = world.app("fra1").await;
    for by in BOTH {
        let mut sdk = world.session(&app, "u1", by).await;
        for id in 1..=40 {
            sdk.send(&text(None, id, "u2", "x")).await;
        }
        let mut refused = 0;
        for _ in 1..=40 {
            let status = sdk.sync_answer().await.status.unwrap();
            if status.error_code == Some(19) {
                assert!(status.reason.unwrap().contains("rate_limited"));
                refused += 1;
            }
        }
        assert!(refused > 20, "{refused} of 40");
        let mut other = meta(None, 50, "g", "x");
        let mut body = schema::MessageBody::decode(&other.payload.unwrap()[..]).unwrap();
        body.r#type = Some(2);
        other.payload = Some(body.encode_to_vec());
        sdk.send(&sync(&other)).await;
        let answer = sdk.sync_answer().await;
        assert_eq!(
            answer.status.unwrap().error_code,
            Some(0),
            "another channel"
        );
        // What has no id to be refused by waits its turn.
        for _ in 0..4 {
            sdk.send(&unread()).await;
        }
        for _ in 0..4 {
            assert_eq!(sdk.message().await.command, Some(1));
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_full_channel_refuses_messages_until_some_are_acknowledged() {
    let world = World::of(World::plan().limit("in_flight_per_channel", "2")).await;
    let app = world.app("fra1").await;
    world.im("fra1").script(|frame| match frame.command {
        None | Some(0) => Vec::new(),
        _ => well_behaved(frame),
    });
    let mut sdk = world.session(&app, "u1", By::Websocket).await;
    for id in 1..=3 {
        sdk.send(&text(None, id, "u2", "x")).await;
    }
    let answer = sdk.sync_answer().await;
    assert_eq!(answer.meta_id, Some(3));
    assert!(
        answer
            .status
            .unwrap()
            .reason
            .unwrap()
            .contains("channel_full")
    );
    let at_the_centre = world.im("fra1").frames(0, 3).await;
    at_the_centre.say(Do::Send(msync::sync_ack(1, 9, 9)));
    assert_eq!(sdk.sync_answer().await.meta_id, Some(1));
    sdk.send(&text(None, 4, "u2", "x")).await;
    world.im("fra1").frames(0, 4).await;
    drop(sdk);
    world.im("fra1").ended(0).await;
    // What the session had under way is no longer in the way of others.
    world.im("fra1").script(well_behaved);
    let mut sdk = world.session(&app, "u1", By::Tcp).await;
    for id in 1..=2 {
        sdk.send(&text(None, id, "u2", "x")).await;
        assert_eq!(sdk.sync_answer().await.status.unwrap().error_code, Some(0));
    }
    world.finish().await;
}

#[tokio::test]
async fn what_the_data_centre_sends_by_itself_arrives_as_it_is() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for (n, by) in BOTH.into_iter().enumerate() {
        let mut sdk = world.session(&app, "u1", by).await;
        let session = world.im("fra1").frames(n, 1).await;
        let mut kick = MSync::decode(&msync::kick(&app.app_key(), "u1", 4, "bye")[..]).unwrap();
        kick.trace_id = Some(77);
        let mut kick = kick.encode_to_vec();
        // An unknown field survives.
        kick.extend([0xa0, 0x06, 0x01]);
        for frame in [msync::notice(&app.app_key(), "u2"), kick] {
            session.say(Do::Send(frame.clone()));
            assert_eq!(sdk.next().await, Event::Frame(frame));
        }
    }
    world.finish().await;
}
