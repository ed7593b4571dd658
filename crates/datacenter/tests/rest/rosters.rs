use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{APP, Running, answer};

async fn group(centre: &Running) -> String {
    let new = json!({
        "groupname": "crew", "description": "d", "public": true, "maxusers": 3,
        "owner": "ann", "members": ["bob", "ann", "bob"],
    });
    let (status, body) = centre.post(&format!("{APP}/chatgroups"), new).await;
    assert_eq!(status, 200);
    body["data"]["groupid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_group_lives_and_ends() {
    let centre = Running::start().await;
    let id = group(&centre).await;
    let one = format!("{APP}/chatgroups/{id}");
    let details = centre.get(&one).await.1["data"][0].clone();
    assert_eq!(
        (
            &details["name"],
            &details["owner"],
            &details["affiliations_count"]
        ),
        (&json!("crew"), &json!("ann"), &json!(2))
    );
    assert_eq!(
        details["affiliations"],
        json!([{"member": "bob"}, {"owner": "ann"}])
    );

    let (status, body) = centre.post(&format!("{one}/users/eve"), json!(null)).await;
    assert_eq!(
        (status, &body["data"]["action"]),
        (200, &json!("add_member"))
    );
    assert_eq!(
        centre
            .post(&format!("{one}/users/eve"), json!(null))
            .await
            .0,
        403,
        "already in"
    );
    assert_eq!(
        centre
            .post(&format!("{one}/users/dan"), json!(null))
            .await
            .0,
        403,
        "full"
    );
    let joined = centre
        .get(&format!("{APP}/users/eve/joined_chatgroups"))
        .await
        .1["data"]
        .clone();
    assert_eq!(
        joined,
        json!([{"groupid": id, "groupname": "crew", "id": id, "name": "crew"}])
    );

    assert_eq!(centre.delete(&format!("{one}/users/eve")).await.0, 200);
    assert_eq!(centre.delete(&format!("{one}/users/eve")).await.0, 404);
    assert_eq!(
        centre.delete(&format!("{one}/users/ann")).await.0,
        403,
        "the owner stays"
    );
    let members = centre.get(&format!("{one}/users")).await.1["data"].clone();
    assert_eq!(members, json!([{"member": "bob"}, {"owner": "ann"}]));

    assert_eq!(centre.delete(&one).await.0, 200);
    assert_eq!(centre.get(&one).await.0, 404);
    assert_eq!(centre.delete(&one).await.0, 404);
}

#[tokio::test]
async fn several_groups_are_read_and_listed() {
    let centre = Running::start().await;
    let (one, two) = (group(&centre).await, group(&centre).await);
    let body = centre
        .get(&format!("{APP}/chatgroups/{one},{two},9"))
        .await
        .1;
    assert_eq!(body["data"].as_array().unwrap().len(), 2);
    let first = centre.get(&format!("{APP}/chatgroups?limit=1")).await.1;
    assert_eq!(first["data"][0]["groupid"], json!(one));
    let cursor = first["cursor"].as_str().unwrap();
    let second = centre
        .get(&format!("{APP}/chatgroups?limit=1&cursor={cursor}"))
        .await
        .1;
    assert_eq!(
        (&second["data"][0]["groupid"], &second["cursor"]),
        (&json!(two), &Value::Null)
    );
}

#[tokio::test]
async fn a_room_lives_and_ends() {
    let centre = Running::start().await;
    let new = json!({"name": "hall", "description": "d", "maxusers": 300, "owner": "ann", "members": ["bob"]});
    let (status, body) = centre.post(&format!("{APP}/chatrooms"), new).await;
    assert_eq!(status, 200);
    let id = body["data"]["id"].as_str().unwrap();
    let one = format!("{APP}/chatrooms/{id}");
    assert_eq!(
        centre
            .post(&format!("{one}/users/eve"), json!(null))
            .await
            .0,
        200
    );
    let joined = centre
        .get(&format!("{APP}/users/eve/joined_chatrooms"))
        .await
        .1["data"]
        .clone();
    let names = ["id", "name", "title", "owner"].map(|name| joined[0][name].clone());
    assert_eq!(json!(names), json!([id, "hall", "hall", "acme#chat_ann"]));
    assert_eq!(
        centre.get(&format!("{APP}/chatrooms")).await.1["data"][0]["affiliations_count"],
        3
    );
    assert_eq!(centre.delete(&format!("{one}/users/eve")).await.0, 200);
    assert_eq!(centre.get(&one).await.1["data"][0]["affiliations_count"], 2);
    assert_eq!(
        centre.get(&format!("{APP}/chatgroups/{id}")).await.0,
        404,
        "a room is no group"
    );
    assert_eq!(centre.delete(&one).await.0, 200);
    assert_eq!(centre.get(&one).await.0, 404);
}

#[tokio::test]
async fn what_makes_no_group_is_refused() {
    let centre = Running::start().await;
    for body in [
        json!({"groupname": "x"}),
        json!({"groupname": "x", "owner": ""}),
        json!({"groupname": "x", "owner": "a/b"}),
        json!({"groupname": "x", "owner": "ann", "members": [""]}),
        json!({"groupname": "x", "owner": "ann", "members": ["b", "c"], "maxusers": 2}),
    ] {
        assert_eq!(
            centre
                .post(&format!("{APP}/chatgroups"), body.clone())
                .await
                .0,
            400,
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_deleted_user_is_in_no_group() {
    let centre = Running::start().await;
    centre
        .post(&format!("{APP}/users"), json!({"username": "bob"}))
        .await;
    group(&centre).await;
    centre.delete(&format!("{APP}/users/bob")).await;
    assert_eq!(
        centre
            .get(&format!("{APP}/users/bob/joined_chatgroups"))
            .await
            .1["data"],
        json!([])
    );
}

/// From the public samples of AgoraIO/Tools: a token of the user 2882341273.
const TOKEN: &str = "007eJxTYNAIsnbS3v/A5t2TC6feR15r+6cq8bqAvfaW+tk/Vzz+p6xTYLA0N3B2NDZNSTUzSDYxMTMxTUpKTLVINDI0NTAzTDI2dv8iwBDBxMDAyADCrAyMDIxgPheDkYWFkbGJoZG5MQAfpR64";
const ITS_USER: &str = "2882341273";

#[tokio::test]
async fn a_user_joins_a_public_group_and_quits() {
    let centre = Running::start().await;
    let id = group(&centre).await;
    let one = format!("{APP}/chatgroups/{id}");
    let by_user = |method, path: &str| {
        let request = centre.request(method, &format!("{one}/{path}"));
        answer(request.bearer_auth(TOKEN).json(&json!({"message": ""})))
    };
    assert_eq!(centre.post(&format!("{one}/apply"), json!({})).await.0, 401);
    let (status, body) = by_user(Method::POST, "apply").await;
    let joined = json!({"result": true, "action": "apply", "id": id, "user": ITS_USER});
    assert_eq!((status, &body["data"]), (200, &joined));
    let listed = centre
        .get(&format!("{APP}/publicchatgroups?limit=20"))
        .await
        .1;
    assert_eq!(
        listed["data"],
        json!([{"groupid": id, "groupname": "crew", "id": id, "name": "crew"}])
    );
    let (status, body) = by_user(Method::DELETE, "quit").await;
    assert_eq!((status, &body["data"]), (200, &json!({"result": true})));
    assert_eq!(by_user(Method::DELETE, "quit").await.0, 404);
}

#[tokio::test]
async fn a_private_group_is_joined_by_invitation_only() {
    let centre = Running::start().await;
    let new = json!({"groupname": "secret", "owner": "ann", "public": false});
    let made = centre.post(&format!("{APP}/chatgroups"), new).await.1;
    let one = format!(
        "{APP}/chatgroups/{}",
        made["data"]["groupid"].as_str().unwrap()
    );
    let apply = centre.request(Method::POST, &format!("{one}/apply"));
    assert_eq!(answer(apply.bearer_auth(TOKEN)).await.0, 403);
    let listed = centre.get(&format!("{APP}/publicchatgroups")).await.1;
    assert_eq!(listed["data"], json!([]));
    let (status, body) = centre
        .post(
            &format!("{one}/invite"),
            json!({"usernames": ["bob", "eve"]}),
        )
        .await;
    assert_eq!((status, &body["data"][1]["user"]), (200, &json!("eve")));
    let members = centre.get(&format!("{one}/users")).await.1;
    assert_eq!(members["count"], 3);
}

#[tokio::test]
async fn lists_come_in_numbered_pages() {
    let centre = Running::start().await;
    let mut rooms = Vec::new();
    for name in ["a", "b", "c"] {
        let new = json!({"name": name, "owner": "ann", "members": ["bob", "eve"]});
        let body = centre.post(&format!("{APP}/chatrooms"), new).await.1;
        rooms.push(body["data"]["id"].clone());
    }
    let names = async |path: &str, member: &str| -> Vec<Value> {
        let (status, body) = centre.get(&format!("{APP}/{path}")).await;
        assert_eq!(status, 200, "{path}: {body}");
        let data = body["data"].as_array().unwrap();
        data.iter().map(|entry| entry[member].clone()).collect()
    };
    assert_eq!(
        names("chatrooms?pagenum=1&pagesize=2", "id").await,
        rooms[..2]
    );
    assert_eq!(
        names("chatrooms?pagenum=2&pagesize=2", "id").await,
        rooms[2..]
    );
    let joined = names("users/bob/joined_chatrooms?pagenum=2&pagesize=2", "title").await;
    assert_eq!(joined, [json!("c")]);
    let room = rooms[0].as_str().unwrap();
    let members = names(
        &format!("chatrooms/{room}/users?pagenum=2&pagesize=1"),
        "member",
    )
    .await;
    assert_eq!(members, [json!("eve")]);
    // Of what a user has joined, groups begin with 0 and rooms with 1: so do SDKs.
    let first = group(&centre).await;
    group(&centre).await;
    let joined = names(
        "users/bob/joined_chatgroups?pagenum=0&pagesize=1",
        "groupid",
    )
    .await;
    assert_eq!(joined, [json!(first)]);
    let (status, _) = centre.get(&format!("{APP}/chatrooms?pagenum=x")).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_group_is_changed() {
    let centre = Running::start().await;
    let id = group(&centre).await;
    let one = format!("{APP}/chatgroups/{id}");
    let change = json!({"groupname": "choir", "description": "sings", "newowner": "bob"});
    let (status, body) = centre.put(&one, change).await;
    let done = json!({"groupname": true, "description": true, "newowner": true});
    assert_eq!((status, &body["data"]), (200, &done));
    let details = centre.get(&one).await.1["data"][0].clone();
    assert_eq!(details["name"], "choir");
    assert_eq!(details["description"], "sings");
    assert_eq!(
        details["affiliations"],
        json!([{"member": "ann"}, {"owner": "bob"}])
    );
    for wrong in [json!({"newowner": "eve"}), json!({"maxusers": 1})] {
        assert_eq!(centre.put(&one, wrong).await.0, 400);
    }
    let body = centre.get(&format!("{APP}/chatgroups/user/ann")).await.1;
    let entity = &body["entities"][0];
    assert_eq!(
        (&entity["groupId"], &entity["permission"]),
        (&json!(id), &json!("member"))
    );
}

#[tokio::test]
async fn several_members_at_once() {
    let centre = Running::start().await;
    let new = json!({"name": "hall", "owner": "ann"});
    let body = centre.post(&format!("{APP}/chatrooms"), new).await.1;
    let users = format!(
        "{APP}/chatrooms/{}/users",
        body["data"]["id"].as_str().unwrap()
    );
    let (status, body) = centre
        .post(&users, json!({"usernames": ["bob", "eve"]}))
        .await;
    assert_eq!(
        (status, &body["data"]["newmembers"]),
        (200, &json!(["bob", "eve"]))
    );
    let (status, body) = centre.delete(&format!("{users}/bob,dan")).await;
    assert_eq!(status, 404, "all or none: {body}");
    let (status, body) = centre.delete(&format!("{users}/bob,eve")).await;
    assert_eq!((status, &body["data"][1]["user"]), (200, &json!("eve")));
    let members = centre.get(&users).await.1["data"].clone();
    assert_eq!(members, json!([{"owner": "ann"}]));
}
