//! Keys that are replaced: what is sealed with an older one is sealed anew, and only then its line may go.

use std::error::Error;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use datacenter::StartError;

use crate::harness::{APP, DEADLINE, Running, answer};

async fn running(data: TempDir, keys: &[u8]) -> Running {
    let started = Running::with_keys(data, keys).await;
    started.map_err(|(_, error)| error).unwrap()
}

async fn refused(data: TempDir, keys: &[u8]) -> (TempDir, String) {
    let (data, error) = Running::with_keys(data, keys).await.err().unwrap();
    (data, told(&error))
}

fn told(error: &StartError) -> String {
    error.source().unwrap().to_string()
}

#[tokio::test]
async fn a_store_opens_with_its_key_only_and_keys_can_be_replaced() {
    let data = tempfile::tempdir().unwrap();
    let data = running(data, &[1]).await.stop().await;
    let (data, told) = refused(data, &[2]).await;
    assert!(told.contains("was sealed with another key"), "{told}");
    let data = running(data, &[2, 1]).await.stop().await;
    when_done(data, 2).await.stop().await;
}

/// Starts with a key alone once all that the other has sealed is sealed anew; each pass before that is
/// cut off after a while.
async fn when_done(data: TempDir, alone: u8) -> Running {
    let trying = async {
        let mut data = data;
        for patience in 1.. {
            match Running::with_keys(data, &[alone]).await {
                Ok(centre) => return Some(centre),
                Err((back, error)) => {
                    let told = told(&error);
                    assert!(told.contains("the key key-1 is missing"), "{told}");
                    data = back;
                }
            }
            let centre = running(data, &[alone, 1]).await;
            // Nothing is waited for: this is how far the pass gets before it is cut off.
            tokio::time::sleep(PASS * patience).await;
            data = centre.stop().await;
        }
        None
    };
    timeout(DEADLINE, trying).await.unwrap().unwrap()
}

async fn upload(centre: &Running, content: &str) -> String {
    let form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{content}\r\n--b--\r\n"
    );
    let request = centre.request(Method::POST, &format!("{APP}/chatfiles"));
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    let told = answer(request.body(form)).await.1;
    told["entities"][0]["uuid"].as_str().unwrap().to_owned()
}

async fn download(centre: &Running, uuid: &str) -> String {
    let file = centre.request(Method::GET, &format!("{APP}/chatfiles/{uuid}"));
    file.send().await.unwrap().text().await.unwrap()
}

async fn say(centre: &Running, recipients: usize) {
    let to: Vec<String> = (0..recipients).map(|n| format!("u{n}")).collect();
    let message = json!({"from": "ann", "to": to, "type": "txt", "body": {"msg": "hi"}});
    let said = centre.post(&format!("{APP}/messages/users"), message).await;
    assert_eq!(said.0, 200);
}

async fn history(centre: &Running, name: &str) -> usize {
    let roam = json!({"queue": format!("{name}@easemob.com")});
    let path = format!("{APP}/users/ann/messageroaming");
    let found = centre.post(&path, roam).await.1;
    found["data"]["msgs"].as_array().unwrap().len()
}

/// Controls: the marks that the store notes, without which the line of an older key goes too early; the
/// pass over values and the one over files, without which it never goes.
#[tokio::test]
async fn everything_is_sealed_anew_before_the_old_key_may_go() {
    let content = "what the file says ".repeat(10_000);
    let centre = running(tempfile::tempdir().unwrap(), &[1]).await;
    let user = json!({"username": "ann"});
    assert_eq!(centre.post(&format!("{APP}/users"), user).await.0, 200);
    say(&centre, 2_000).await;
    let file = upload(&centre, &content).await;
    let data = centre.stop().await;

    // Shorter than a pass, which waits between two batches, and here are more than twenty.
    let centre = running(data, &[2, 1]).await;
    say(&centre, 1).await;
    let data = centre.stop().await;

    let centre = when_done(data, 2).await;
    assert_eq!(centre.get(&format!("{APP}/users/ann")).await.0, 200);
    assert_eq!(history(&centre, "u0").await, 2);
    assert_eq!(history(&centre, "u1999").await, 1);
    assert_eq!(download(&centre, &file).await, content);
    // An older key that comes back has nothing to say.
    let data = centre.stop().await;
    let (data, _) = refused(data, &[1]).await;
    running(data, &[2, 1]).await.stop().await;
}

/// Control: `missing` in `store/index.rs`.
#[tokio::test]
async fn a_key_that_is_in_use_has_to_be_there() {
    let centre = running(tempfile::tempdir().unwrap(), &[1]).await;
    let damaged = upload(&centre, "what the file says").await;
    let whole = upload(&centre, "what another says").await;
    let data = centre.stop().await;
    let content = |data: &TempDir, uuid: &str| data.path().join("files").join(uuid);
    let path = content(&data, &damaged);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();

    // It can't be sealed anew, though the pass comes by: the other file was.
    let path = content(&data, &whole);
    let old = std::fs::read(&path).unwrap();
    let centre = running(data, &[2, 1]).await;
    let passing = async {
        while std::fs::read(&path).unwrap_or_default() == old {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, passing).await.unwrap();
    let (data, told) = refused(centre.stop().await, &[2]).await;
    assert!(
        told.contains("the key key-1 is missing in the key file"),
        "{told}"
    );
    let centre = running(data, &[2, 1]).await;
    assert_eq!(download(&centre, &whole).await, "what another says");
}

/// Shorter than a pass takes.
const PASS: Duration = Duration::from_millis(200);
