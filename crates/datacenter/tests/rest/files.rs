use std::convert::Infallible;
use std::iter;

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Method, RequestBuilder};
use serde_json::Value;

use crate::harness::{APP, Running, answer, header};

const BOUNDARY: &str = "a-boundary";

fn form(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x.png\"\r\n\
         Content-Type: image/png\r\n\r\n"
    );
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    [head.as_bytes(), content, tail.as_bytes()].concat()
}

fn post(centre: &Running) -> RequestBuilder {
    let request = centre.request(Method::POST, &format!("{APP}/chatfiles"));
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    request.header("content-type", kind)
}

async fn upload(centre: &Running, body: Vec<u8>, restricted: bool) -> (u16, Value) {
    let request = post(centre).header("restrict-access", restricted.to_string());
    answer(request.body(body)).await
}

/// Files on disk.
fn stored(centre: &Running) -> usize {
    let files = centre.data.path().join("files");
    std::fs::read_dir(files).unwrap().count()
}

fn download(centre: &Running, entity: &Value) -> RequestBuilder {
    let uuid = entity["uuid"].as_str().unwrap();
    centre.request(Method::GET, &format!("{APP}/chatfiles/{uuid}"))
}

#[tokio::test]
async fn a_file_comes_back_as_it_went_in() {
    let centre = Running::start().await;
    for size in [0, 1, 300_001] {
        let content: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let (status, body) = upload(&centre, form("file", &content), false).await;
        assert_eq!(
            (status, body["entities"][0]["type"].as_str()),
            (200, Some("chatfile"))
        );
        assert_eq!(
            body["uri"],
            format!("http://{}{APP}/chatfiles", centre.address())
        );
        let response = download(&centre, &body["entities"][0])
            .send()
            .await
            .unwrap();
        assert_eq!(header(&response, "content-type"), "image/png");
        assert_eq!(header(&response, "content-length"), size.to_string());
        assert_eq!(response.bytes().await.unwrap(), content);
    }
}

#[tokio::test]
async fn a_restricted_file_wants_its_secret() {
    let centre = Running::start().await;
    let body = upload(&centre, form("file", b"private"), true).await.1;
    let entity = &body["entities"][0];
    assert_eq!(
        download(&centre, entity).send().await.unwrap().status(),
        403
    );
    let wrong = download(&centre, entity).header("share-secret", "wrong");
    assert_eq!(wrong.send().await.unwrap().status(), 403);
    let right =
        download(&centre, entity).header("share-secret", entity["share-secret"].as_str().unwrap());
    assert_eq!(right.send().await.unwrap().text().await.unwrap(), "private");
    let secret = entity["share-secret"].as_str().unwrap();
    let in_url = download(&centre, entity).query(&[("share-secret", secret)]);
    assert_eq!(
        in_url.send().await.unwrap().text().await.unwrap(),
        "private"
    );
}

#[tokio::test]
async fn a_file_larger_than_the_limit_is_refused() {
    let centre = Running::start().await;
    let head = format!(
        "POST {APP}/chatfiles HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 200000000\r\n"
    );
    let answer = centre.send_raw(&head).await;
    assert!(
        answer.starts_with("HTTP/1.1 413 "),
        "told by its length: {answer}"
    );

    let head = form("file", b"");
    let head = Bytes::copy_from_slice(&head[..head.len() - BOUNDARY.len() - 8]);
    let megabyte = Bytes::from(vec![0; 1024 * 1024]);
    let limit = iter::repeat_n(megabyte, 100);
    let chunks = iter::once(head)
        .chain(limit)
        .chain([Bytes::from_static(b"x")]);
    let body = Body::wrap_stream(stream::iter(chunks.map(Ok::<_, Infallible>)));
    // The connection may close while the rest is still on its way.
    if let Ok(response) = post(&centre).body(body).send().await {
        assert_eq!(response.status(), 413, "told by what came");
    }
    assert_eq!(stored(&centre), 0);
}

#[tokio::test]
async fn what_is_no_upload_leaves_nothing() {
    let centre = Running::start().await;
    assert_eq!(upload(&centre, form("picture", b"x"), false).await.0, 400);
    let mut cut = form("file", &[7; 100_000]);
    cut.truncate(50_000);
    assert_eq!(upload(&centre, cut, false).await.0, 400);
    let plain = centre
        .request(Method::POST, &format!("{APP}/chatfiles"))
        .body("x");
    assert_eq!(plain.send().await.unwrap().status(), 400);
    assert_eq!(stored(&centre), 0);
    for uuid in ["x", "019aa000-0000-7000-8000-000000000000"] {
        assert_eq!(centre.get(&format!("{APP}/chatfiles/{uuid}")).await.0, 404);
    }
}
