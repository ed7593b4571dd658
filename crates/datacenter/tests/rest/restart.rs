use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{APP, Running, SECRET, answer};

#[tokio::test]
async fn a_restart_keeps_everything() {
    let centre = Running::start().await;
    centre
        .post(&format!("{APP}/users"), json!({"username": "ann"}))
        .await;
    let message = json!({"from": "ann", "to": ["bob"], "type": "txt", "body": {"msg": "hi"}});
    let before = centre
        .post(&format!("{APP}/messages/users"), message.clone())
        .await
        .1;
    let made = centre
        .post(
            &format!("{APP}/chatgroups"),
            json!({"groupname": "g", "owner": "ann"}),
        )
        .await
        .1;
    let room = centre
        .post(
            &format!("{APP}/chatrooms"),
            json!({"name": "r", "owner": "ann"}),
        )
        .await
        .1;
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n";
    let request = centre
        .request(Method::POST, &format!("{APP}/chatfiles"))
        .body(form);
    let file = answer(request.header("content-type", "multipart/form-data; boundary=b"))
        .await
        .1;

    let centre = centre.restart().await;
    assert_eq!(centre.get(&format!("{APP}/users/ann")).await.0, 200);
    let id = |body: &serde_json::Value, name: &str| body["data"][name].as_str().unwrap().to_owned();
    assert_eq!(
        centre
            .get(&format!("{APP}/chatgroups/{}", id(&made, "groupid")))
            .await
            .0,
        200
    );
    assert_eq!(
        centre
            .get(&format!("{APP}/chatrooms/{}", id(&room, "id")))
            .await
            .0,
        200
    );
    let uuid = file["entities"][0]["uuid"].as_str().unwrap();
    let file = centre.request(Method::GET, &format!("{APP}/chatfiles/{uuid}"));
    assert_eq!(file.send().await.unwrap().text().await.unwrap(), "x");

    // The clock stands: only the stored sequence keeps the second message off the first one's id.
    let after = centre
        .post(&format!("{APP}/messages/users"), message)
        .await
        .1;
    assert_ne!(id(&before, "bob"), id(&after, "bob"));
    let roam = json!({"queue": "bob@easemob.com"});
    let found = centre
        .post(&format!("{APP}/users/ann/messageroaming"), roam)
        .await
        .1;
    assert_eq!(found["data"]["msgs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn shutting_down_ends_idle_and_hanging_connections() {
    let centre = Running::start().await;
    let mut idle = centre.connect().await;
    let mut hanging = centre.connect().await;
    let head = format!(
        "POST {APP}/users HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nDomicile-Gateway-Secret: {SECRET}\r\n\r\n{{"
    );
    hanging.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(centre.get(&format!("{APP}/users")).await.0, 200);
    // Starting again at once shows that the store was closed, too.
    let _again = centre.restart().await;
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).await.unwrap_or_default(), 0);
    assert_eq!(hanging.read_to_end(&mut rest).await.unwrap_or_default(), 0);
}
