//! Layer 1 and P5: Apps never meet, not even under the same names.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Running, answer};

/// Every two of them share a name or look alike when joined.
const APPS: [&str; 4] = ["/acme/chat", "/acme/chat2", "/acme2/chat", "/acm/echat"];

async fn fill(centre: &Running, app: &str) -> String {
    centre
        .post(
            &format!("{app}/users"),
            json!({"username": "ann", "nickname": app}),
        )
        .await;
    let message = json!({"from": "ann", "to": ["bob"], "type": "txt", "body": {"msg": app}});
    centre.post(&format!("{app}/messages/users"), message).await;
    let attributes = centre
        .request(Method::PUT, &format!("{app}/metadata/user/ann"))
        .json(&json!({"app": app}));
    answer(attributes).await;
    let group = json!({"groupname": app, "owner": "ann"});
    let made = centre.post(&format!("{app}/chatgroups"), group).await.1;
    made["data"]["groupid"].as_str().unwrap().to_owned()
}

async fn roamed(centre: &Running, app: &str) -> Value {
    let body = json!({"queue": "bob@easemob.com"});
    centre
        .post(&format!("{app}/users/ann/messageroaming"), body)
        .await
        .1["data"]["msgs"]
        .clone()
}

#[tokio::test]
async fn apps_with_the_same_names_never_see_each_other() {
    let centre = Running::start().await;
    let mut groups = Vec::new();
    for app in APPS {
        groups.push(fill(&centre, app).await);
    }
    for (app, own) in APPS.iter().zip(&groups) {
        let users = centre.get(&format!("{app}/users")).await.1["entities"].clone();
        assert_eq!(
            (users.as_array().unwrap().len(), &users[0]["nickname"]),
            (1, &json!(app))
        );
        let messages = roamed(&centre, app).await;
        assert_eq!(messages.as_array().unwrap().len(), 1);
        assert_eq!(messages[0]["payload"]["bodies"][0]["msg"], json!(app));
        assert_eq!(
            centre.get(&format!("{app}/metadata/user/ann")).await.1["data"],
            json!({"app": app})
        );
        let listed = centre.get(&format!("{app}/chatgroups")).await.1["data"].clone();
        assert_eq!(
            (listed.as_array().unwrap().len(), &listed[0]["groupname"]),
            (1, &json!(app))
        );
        for foreign in groups.iter().filter(|id| *id != own) {
            assert_eq!(
                centre.get(&format!("{app}/chatgroups/{foreign}")).await.0,
                404
            );
        }
        let hour = centre.request(Method::GET, &format!("{app}/chatmessages/2026112319/lines"));
        assert_eq!(
            hour.send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap()
                .lines()
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn deleting_in_one_app_changes_no_other() {
    let centre = Running::start().await;
    for app in APPS {
        fill(&centre, app).await;
    }
    assert_eq!(centre.delete("/acme/chat/users/ann").await.0, 200);
    for app in &APPS[1..] {
        assert_eq!(centre.get(&format!("{app}/users/ann")).await.0, 200);
        assert_eq!(
            centre.get(&format!("{app}/metadata/user/ann")).await.1["data"],
            json!({"app": app})
        );
    }
}

#[tokio::test]
async fn a_file_is_found_in_its_app_only() {
    let centre = Running::start().await;
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n";
    let request = centre
        .request(Method::POST, "/acme/chat/chatfiles")
        .body(form);
    let body = answer(request.header("content-type", "multipart/form-data; boundary=b"))
        .await
        .1;
    let uuid = body["entities"][0]["uuid"].as_str().unwrap();
    assert_eq!(
        centre.get(&format!("/acme/chat2/chatfiles/{uuid}")).await.0,
        404
    );
    let own = centre.request(Method::GET, &format!("/acme/chat/chatfiles/{uuid}"));
    assert_eq!(own.send().await.unwrap().text().await.unwrap(), "x");
}
