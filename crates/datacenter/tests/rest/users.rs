use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{APP, NOW, Running, answer, header};

fn names(body: &Value) -> Vec<&str> {
    let entities = body["entities"].as_array().unwrap();
    entities
        .iter()
        .map(|e| e["username"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_user_is_registered_read_and_deleted() {
    let centre = Running::start().await;
    let (status, body) = centre
        .post(
            &format!("{APP}/users"),
            json!({"username": "bob", "password": "1"}),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(body["action"], "post");
    assert_eq!(body["organization"], "acme");
    assert_eq!(body["applicationName"], "chat");
    let bob = &body["entities"][0];
    assert_eq!(bob["type"], "user");
    assert_eq!(bob["username"], "bob");
    assert_eq!(bob["activated"], true);
    assert_eq!(bob["created"], NOW);

    let (status, read) = centre.get(&format!("{APP}/users/bob")).await;
    assert_eq!((status, &read["entities"][0]), (200, bob));
    assert_eq!(centre.delete(&format!("{APP}/users/bob")).await.0, 200);
    let (status, body) = centre.get(&format!("{APP}/users/bob")).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (404, Some("service_resource_not_found"))
    );
    assert_eq!(centre.delete(&format!("{APP}/users/bob")).await.0, 404);
}

#[tokio::test]
async fn several_users_are_registered_all_or_none() {
    let centre = Running::start().await;
    let users = format!("{APP}/users");
    let (status, body) = centre
        .post(&users, json!([{"username": "a"}, {"username": "b"}]))
        .await;
    assert_eq!((status, names(&body)), (200, vec!["a", "b"]));
    let (status, body) = centre
        .post(&users, json!([{"username": "c"}, {"username": "b"}]))
        .await;
    assert_eq!(
        (status, body["error"].as_str()),
        (400, Some("duplicate_unique_property_exists"))
    );
    let (_, listed) = centre.get(&users).await;
    let mut listed = names(&listed);
    listed.sort_unstable();
    assert_eq!(listed, ["a", "b"]);
    let (status, _) = centre
        .post(&users, json!([{"username": "d"}, {"username": "d"}]))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn of_concurrent_registrations_of_one_name_one_wins() {
    let centre = Running::start().await;
    let users = format!("{APP}/users");
    let register = || centre.post(&users, json!({"username": "bob"}));
    let (a, b, c) = tokio::join!(register(), register(), register());
    let mut statuses = [a.0, b.0, c.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400]);
}

#[tokio::test]
async fn users_are_listed_in_pages() {
    let centre = Running::start().await;
    let users: Vec<Value> = (0..25)
        .map(|n| json!({"username": format!("u{n:02}")}))
        .collect();
    centre
        .post(&format!("{APP}/users"), Value::Array(users))
        .await;
    let (mut seen, mut path) = (Vec::new(), format!("{APP}/users?limit=10"));
    loop {
        let (_, body) = centre.get(&path).await;
        seen.extend(names(&body).into_iter().map(str::to_owned));
        let Some(cursor) = body["cursor"].as_str() else {
            break;
        };
        path = format!("{APP}/users?limit=10&cursor={cursor}");
    }
    // Pages are in no order of names, which the store does not know; each user is in one of them.
    seen.sort();
    assert_eq!(
        seen,
        (0..25).map(|n| format!("u{n:02}")).collect::<Vec<_>>()
    );
    assert_eq!(centre.get(&format!("{APP}/users?limit=x")).await.0, 400);
    assert_eq!(centre.get(&format!("{APP}/users?cursor=!")).await.0, 400);
}

#[tokio::test]
async fn names_that_no_path_can_hold_are_refused() {
    let centre = Running::start().await;
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "a;b",
        "a\u{0}b",
        &"x".repeat(65),
    ] {
        let (status, body) = centre
            .post(&format!("{APP}/users"), json!({"username": name}))
            .await;
        assert_eq!(
            (status, body["error"].as_str()),
            (400, Some("illegal_argument")),
            "{name:?}"
        );
    }
    for body in [json!({}), json!([]), json!("bob"), json!({"username": 7})] {
        assert_eq!(
            centre.post(&format!("{APP}/users"), body.clone()).await.0,
            400,
            "{body}"
        );
    }
}

#[tokio::test]
async fn passwords_are_not_kept() {
    let centre = Running::start().await;
    let user = json!({"username": "bob", "password": "correct horse battery"});
    centre.post(&format!("{APP}/users"), user).await;
    let file = std::fs::read(centre.data.path().join("fra1.redb")).unwrap();
    assert!(!file.windows(13).any(|window| window == b"correct horse"));
}

#[tokio::test]
async fn contacts_and_attributes_go_with_their_user() {
    let centre = Running::start().await;
    centre
        .post(
            &format!("{APP}/users"),
            json!([{"username": "ann"}, {"username": "bob"}]),
        )
        .await;
    let contact = format!("{APP}/users/ann/contacts/users/bob");
    assert_eq!(centre.post(&contact, json!(null)).await.0, 200);
    assert_eq!(
        centre
            .get(&format!("{APP}/users/bob/contacts/users"))
            .await
            .1["data"],
        json!(["ann"])
    );
    assert_eq!(
        centre
            .post(
                &format!("{APP}/users/ann/contacts/users/nobody"),
                json!(null)
            )
            .await
            .0,
        404
    );

    let attributes = format!("{APP}/metadata/user/ann");
    let form = centre
        .request(Method::PUT, &attributes)
        .body("nickname=An+n&mail=a%40b");
    let (status, body) =
        answer(form.header("content-type", "application/x-www-form-urlencoded")).await;
    assert_eq!(
        (status, &body["data"]),
        (200, &json!({"nickname": "An n", "mail": "a@b"}))
    );
    let more = centre
        .request(Method::PUT, &attributes)
        .json(&json!({"nickname": "N"}));
    assert_eq!(
        answer(more).await.1["data"],
        json!({"nickname": "N", "mail": "a@b"})
    );

    assert_eq!(centre.delete(&format!("{APP}/users/ann")).await.0, 200);
    assert_eq!(centre.get(&attributes).await.1["data"], json!({}));
    assert_eq!(
        centre
            .get(&format!("{APP}/users/bob/contacts/users"))
            .await
            .1["data"],
        json!([])
    );
    assert_eq!(centre.delete(&contact).await.0, 404);
}

#[tokio::test]
async fn pages_of_any_origin_may_read_answers() {
    let centre = Running::start().await;
    for (path, status) in [("users", 200), ("users/nobody", 404), ("nothing", 404)] {
        let request = centre.request(Method::GET, &format!("{APP}/{path}"));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(header(&response, "access-control-allow-origin"), "*");
    }
}
