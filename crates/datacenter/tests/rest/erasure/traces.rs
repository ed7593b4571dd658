//! What is on disk: nothing in the clear, neither values nor names. That what was erased is not there
//! sealed either is tested where the store renews its file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::kit::{befriend, describe, erase, fill, made, say, upload};
use crate::harness::Running;

const TEXT: &str = "canary-9f2c41d07be8";
const NAME: &str = "uname-5e7710acd3f6";

/// The files below the data folder that hold a text.
fn holding(centre: &Running, text: &str) -> Vec<PathBuf> {
    let all = files(centre.data.path());
    let holds = |file: &PathBuf| {
        let bytes = fs::read(file).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    all.into_iter().filter(holds).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    entries.flat_map(below).collect()
}

/// Among much that stays, so that the file has pages of both.
async fn write(centre: &Running, app: &str) {
    for name in [NAME, "bob"] {
        let user = json!({ "username": name, "nickname": name });
        centre.post(&format!("{app}/users"), user).await;
    }
    befriend(centre, app, NAME, "bob").await;
    describe(centre, app, NAME, TEXT).await;
    made(centre, app, "chatgroups", NAME, &["bob"]).await;
    made(centre, app, "chatrooms", "bob", &[NAME]).await;
    let long = format!("{TEXT} {}", "and more ".repeat(200));
    for _ in 0..40 {
        say(centre, app, "users", NAME, "bob", &long).await;
        say(centre, app, "users", "bob", "eve", "what stays").await;
    }
}

/// Control: with a cipher that keeps values, or places, as they are, each of these is found.
#[tokio::test]
async fn nothing_is_on_disk_in_the_clear() {
    let centre = Running::start().await;
    write(&centre, "/canaryorg-51c/canaryapp-7ce").await;
    let app = "/canaryorg-51c/canaryapp-7ce";
    upload(
        &centre,
        app,
        None,
        &format!("filetext-88d1 {TEXT}").repeat(9_000),
    )
    .await;
    upload(&centre, app, None, "shortfile-0b52").await;
    for (list, member) in [("chatgroups", "groupname"), ("chatrooms", "name")] {
        let new = json!({ member: "title-3f90ab", "description": "about-3f90ab", "owner": "bob" });
        assert_eq!(centre.post(&format!("{app}/{list}"), new).await.0, 200);
    }
    let centre = centre.restart().await;
    for text in [
        TEXT,
        NAME,
        "canaryorg-51c",
        "canaryapp-7ce",
        "filetext-88d1",
        "shortfile-0b52",
        "title-3f90ab",
        "about-3f90ab",
        "what stays",
    ] {
        assert_eq!(holding(&centre, text), [] as [PathBuf; 0], "{text}");
    }
    assert_eq!(centre.get(&format!("{app}/users/bob")).await.0, 200);
}

#[tokio::test]
async fn nothing_of_a_user_is_left_in_any_file() {
    let centre = Running::start().await;
    write(&centre, "/acme/chat").await;
    erase(&centre, json!({ "app_key": "acme#chat", "user_id": NAME })).await;
    assert_eq!(holding(&centre, TEXT), [] as [PathBuf; 0]);
    assert_eq!(holding(&centre, NAME), [] as [PathBuf; 0]);
    let centre = centre.restart().await;
    assert_eq!(holding(&centre, TEXT), [] as [PathBuf; 0]);
    assert_eq!(holding(&centre, NAME), [] as [PathBuf; 0]);
    assert_eq!(centre.get("/acme/chat/users/bob").await.0, 200);
}

#[tokio::test]
async fn nothing_of_an_app_is_left_in_any_file() {
    let centre = Running::start().await;
    write(&centre, "/acme/chat").await;
    let file = upload(&centre, "/acme/chat", None, &TEXT.repeat(9_000)).await;
    let content = centre.data.path().join("files").join(&file);
    assert!(content.exists());
    // Whoever holds on to the file's place on disk finds it empty.
    let held = centre.data.path().join("held");
    fs::hard_link(&content, &held).unwrap();
    let list = fill(&centre, "acme#chat2", "what stays").await;
    erase(&centre, json!({ "app_key": "acme#chat" })).await;
    for text in [TEXT, NAME, &file] {
        assert_eq!(holding(&centre, text), [] as [PathBuf; 0], "{text}");
    }
    assert!(!content.exists() && held.exists());
    let evidence = erase(&centre, json!({ "app_key": "acme#chat2" })).await;
    assert_eq!(evidence["digest"], json!(list.digest()));
}

#[tokio::test]
async fn a_file_whose_content_is_lost_is_erased_and_told_of() {
    let centre = Running::start().await;
    let uuid = upload(&centre, "/acme/chat", None, "content").await;
    fs::remove_file(centre.data.path().join("files").join(&uuid)).unwrap();
    assert_eq!(
        centre.get(&format!("/acme/chat/chatfiles/{uuid}")).await.0,
        404
    );
    let evidence = erase(&centre, json!({ "app_key": "acme#chat" })).await;
    assert_eq!(evidence["erased"]["files"], 1);
    assert_eq!(evidence["erased"]["unreadable_files"], 1);
}
