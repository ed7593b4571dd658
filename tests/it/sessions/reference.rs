//! Sessions at the real reference data centre, through the gateway.

use msync::schema::{CommNotice, CommSyncDl, CommSyncUl, MSync, MessageBody};
use prost::Message as _;

use crate::harness::sdk::{BOTH, By, Login, Sdk, envelope, text};
use crate::harness::{Call, TestApp, World};

async fn user(world: &World, app: &TestApp, name: &str) {
    let call = Call::post(&app.path("users"))
        .token(&app.app_token())
        .json(&serde_json::json!({"username": name, "password": "x"}));
    assert_eq!(world.call(app.region, call).await.status, 200);
}

/// The next frame with this command; others are let by.
async fn await_command(sdk: &mut Sdk, command: i32) -> MSync {
    loop {
        let message = sdk.message().await;
        if message.command.unwrap_or(0) == command {
            return message;
        }
    }
}

/// What waits in the queue that a NOTICE names.
async fn fetch(sdk: &mut Sdk) -> Vec<String> {
    let notice = await_command(sdk, 2).await;
    let notice = CommNotice::decode(&notice.payload.unwrap()[..]).unwrap();
    let pull = CommSyncUl {
        queue: notice.queue,
        ..CommSyncUl::default()
    };
    sdk.send(&envelope(0, pull.encode_to_vec())).await;
    let answer = await_command(sdk, 0).await;
    let answer = CommSyncDl::decode(&answer.payload.unwrap()[..]).unwrap();
    let texts = answer.metas.iter().map(|meta| {
        let body = MessageBody::decode(meta.payload.as_deref().unwrap()).unwrap();
        body.contents[0].text.clone().unwrap()
    });
    texts.collect()
}

#[tokio::test]
async fn two_users_talk_over_either_transport() {
    let world = World::of(World::plan().reference()).await;
    let app = world.app("fra1").await;
    for name in ["u1", "u2"] {
        user(&world, &app, name).await;
    }
    for by in BOTH {
        let other = if by == By::Tcp {
            By::Websocket
        } else {
            By::Tcp
        };
        let mut sender = world.session(&app, "u1", by).await;
        let mut receiver = world.session(&app, "u2", other).await;
        let hello = format!("hello over {by:?}");
        let message = text(Some(&app.app_key()), 5, "u2", &hello);
        sender.send(&message).await;
        assert_eq!(sender.sync_answer().await.meta_id, Some(5));
        // What was not acknowledged before is there again.
        assert_eq!(fetch(&mut receiver).await.last(), Some(&hello));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_user_that_does_not_exist_is_declined_by_the_data_centre() {
    let world = World::of(World::plan().reference()).await;
    let app = world.app("fra1").await;
    for by in BOTH {
        let mut sdk = world.sdk("frankfurt", by).await;
        sdk.send(&Login::of(&app, "nobody").frame()).await;
        assert_eq!(sdk.refusal().await, (1, "Sorry, user not found".to_owned()));
    }
    world.finish().await;
}
