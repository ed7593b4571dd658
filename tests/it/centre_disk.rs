//! The reference data centre on a disk that is full: what cannot be stored is refused, what is stored is
//! served, nothing is half there, a sweep deletes nothing that it does not tell of, and with room again
//! all of it goes on by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datacenter::{DataCentre, GatewayAuth, Settings};
use domicile::domain::{Clock, SystemClock};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::disk::{Ballast, FULL, small_disk};
use crate::harness::sdk::{By, Sdk, text as text_to};
use crate::harness::world::centre_keys;
use crate::harness::{Answer, Call, TestApp, World, in_time};

const APP: &str = "/acme/chat";

struct Centre {
    centre: DataCentre,
    client: Client,
}

struct Wall;

impl datacenter::Clock for Wall {
    fn unix_millis(&self) -> u64 {
        SystemClock.unix_millis()
    }
}

impl Centre {
    async fn start(disk: &Path) -> Centre {
        let any = "127.0.0.1:0".parse().unwrap();
        let settings = Settings {
            region: "frankfurt".to_owned(),
            zone: "fra1".to_owned(),
            data: disk.join("data"),
            rest: any,
            websocket: None,
            msync: None,
            auth: GatewayAuth::Secret("hush".to_owned()),
            keys: centre_keys(&[7]),
            away: datacenter::AWAY,
            sweep_every: datacenter::SWEEP_EVERY,
            clock: Arc::new(Wall),
        };
        #[expect(clippy::disallowed_methods, reason = "the test is the gateway")]
        let client = Client::builder().no_proxy().build().unwrap();
        let centre = DataCentre::start(settings).await.unwrap();
        Centre { centre, client }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.centre.rest_addr());
        let request = self.client.request(method, url);
        request
            .header("Domicile-Gateway-Secret", "hush")
            .header("Domicile-Zone", "fra1")
            .header("Domicile-App-Id", "970ca35de60c44645bbae8a215061b33")
            .header("Domicile-Request-Id", "0af7651916cd43dd8448eb211c80319c")
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.request(Method::POST, path).json(body).send().await;
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        if status == 503 {
            assert_eq!(answer.headers()["retry-after"], "5");
        }
        (status, answer.json().await.unwrap())
    }

    async fn status(&self, path: &str) -> u16 {
        let answer = self.request(Method::GET, path).send().await;
        answer.unwrap().status().as_u16()
    }

    /// To a hundred people at a time.
    async fn say(&self) -> u16 {
        let to: Vec<String> = (0..SENT).map(|n| format!("u{n}")).collect();
        let text = "what people say ".repeat(12);
        let body = json!({ "from": "ann", "to": to, "type": "txt", "body": { "msg": text } });
        let (status, said) = self.post(&format!("{APP}/messages/users"), &body).await;
        assert!(
            status == 200 || said["error"] == "service_unavailable",
            "{said}"
        );
        status
    }

    async fn upload(&self, size: usize) -> u16 {
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{}\r\n--b--\r\n",
            "x".repeat(size)
        );
        let request = self.request(Method::POST, &format!("{APP}/chatfiles"));
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        request.body(form).send().await.unwrap().status().as_u16()
    }

    async fn sweep(&self, days: u64) -> (u16, Value) {
        let apps = json!([{ "app_key": "acme#chat", "retention_days": days }]);
        let asked = json!({ "now": datacenter::Clock::unix_millis(&Wall), "apps": apps });
        self.post("/management/sweeps", &asked).await
    }
}

/// Controls: `OpenFile::recover`; the report in the transaction that deletes.
#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    const NAME: &str = "centre_disk::a_full_disk_refuses_and_loses_nothing";
    if let Some(disk) = small_disk(NAME, "64m") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(fill(&disk));
        println!("{FULL}");
    }
}

/// Controls: `Fault::is_of_disk` and `Session::unless_of_disk`, without which REST hears 500 and a session
/// ends.
#[test]
fn a_full_disk_is_told_through_the_gateway_and_ends_no_session() {
    const NAME: &str = "centre_disk::a_full_disk_is_told_through_the_gateway_and_ends_no_session";
    if let Some(disk) = small_disk(NAME, "64m") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(tell(&disk));
        println!("{FULL}");
    }
}

async fn tell(disk: &Path) {
    let world = World::of(World::plan().regions(&["frankfurt"]).reference()).await;
    let app = world.app("fra1").await;
    for name in ["ann", "bob"] {
        assert_eq!(register(&world, &app, name).await.status, 200);
    }
    let mut sdk = world.session(&app, "ann", By::Websocket).await;
    let ballast = Ballast::on(disk, 0);
    let refusal = loop {
        match send(&mut sdk, &app).await {
            (0, _) => {}
            refused => break refused,
        }
    };
    assert_eq!(refusal, (1, "service unavailable".to_owned()));
    let refused = register(&world, &app, "eve").await;
    let header = refused.header("retry-after").map(ToOwned::to_owned);
    assert_eq!((refused.status, header.as_deref()), (503, Some("5")));
    drop(ballast);
    in_time("the session to go on", async {
        while send(&mut sdk, &app).await.0 != 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(register(&world, &app, "eve").await.status, 200);
    world.finish().await;
}

async fn register(world: &World, app: &TestApp, name: &str) -> Answer {
    let call = Call::post(&app.path("users")).token(&app.app_token());
    let new = json!({ "username": name, "password": "x" });
    world.call(app.region, call.json(&new)).await
}

/// Code and reason of what is answered to a message.
async fn send(sdk: &mut Sdk, app: &TestApp) -> (i32, String) {
    let text = "what people say ".repeat(500);
    sdk.send(&text_to(Some(&app.app_key()), 5, "bob", &text))
        .await;
    let status = sdk.sync_answer().await.status.unwrap_or_default();
    (
        status.error_code.unwrap_or(0),
        status.reason.unwrap_or_default(),
    )
}

async fn fill(disk: &Path) {
    let mut centre = Centre::start(disk).await;
    let user = json!({ "username": "ann" });
    assert_eq!(centre.post(&format!("{APP}/users"), &user).await.0, 200);
    assert_eq!(centre.upload(SMALL).await, 200);
    let mut acknowledged = 0;
    for _ in 0..MANY {
        assert_eq!(centre.say().await, 200);
        acknowledged += SENT;
    }
    for round in 0..3 {
        // Nothing at all, then room for a little.
        let ballast = Ballast::on(disk, round * 128 * 1024);
        acknowledged += say_until_refused(&centre).await;
        assert_eq!(centre.upload(SMALL).await, 503);
        assert_eq!(centre.status(&format!("{APP}/users/ann")).await, 200);
        drop(ballast);
        go_on(&centre).await;
        acknowledged += SENT;
    }
    erase_without_room(&centre, disk).await;
    centre.centre.shutdown().await;
    leave_no_free_page(disk);
    centre = Centre::start(disk).await;
    sweep_full_disk(&centre, disk, acknowledged).await;
    nothing_is_left_over(disk);
}

/// Room for the entries to go, and none for the store's new file.
async fn erase_without_room(centre: &Centre, disk: &Path) {
    let user = json!({ "username": "eve" });
    assert_eq!(centre.post("/acme/other/users", &user).await.0, 200);
    let asked = json!({ "app_key": "acme#other" });
    let ballast = Ballast::on(disk, 2 << 20);
    let (status, told) = centre.post("/management/erasures", &asked).await;
    assert_eq!(status, 503, "{told}");
    assert!(!disk.join("data/fra1.redb.new").exists());
    drop(ballast);
    let (status, told) = centre.post("/management/erasures", &asked).await;
    assert_eq!((status, &told["remaining"]), (200, &json!(0)), "{told}");
}

/// Or the sweep would do with the pages that the file has.
fn leave_no_free_page(disk: &Path) {
    let mut database = redb::Database::open(disk.join("data/fra1.redb")).unwrap();
    while database.compact().unwrap() {}
}

async fn say_until_refused(centre: &Centre) -> u64 {
    for said in 0..10_000 {
        match centre.say().await {
            200 => {}
            503 => return said * SENT,
            other => panic!("{other}"),
        }
    }
    panic!("the disk is never full");
}

async fn go_on(centre: &Centre) {
    in_time("the data centre to go on", async {
        while centre.say().await != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// All that was acknowledged is told of, once: so nothing was lost, and nothing is half there.
async fn sweep_full_disk(centre: &Centre, disk: &Path, messages: u64) {
    let ballast = Ballast::on(disk, 0);
    let mut refused = 0;
    for _ in 0..10 {
        refused += u32::from(centre.sweep(0).await.0 == 503);
    }
    assert!(refused > 0, "no sweep met the full disk");
    assert_eq!(centre.status(&format!("{APP}/users/ann")).await, 200);
    drop(ballast);
    let sweeps = in_time("the sweep to finish", async {
        loop {
            match centre.sweep(0).await {
                (200, told) if told["complete"] == json!(true) => {
                    break told["apps"][0]["sweeps"].clone();
                }
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
    .await;
    let told = |channel: &str, kind: &str| -> u64 {
        let counts = sweeps.as_array().unwrap().iter();
        let counts = counts.filter_map(|sweep| sweep["deleted"][channel][kind].as_u64());
        counts.sum()
    };
    assert_eq!(told("one_to_one", "messages"), messages);
    let files = (told("general", "files"), told("general", "bytes"));
    assert_eq!(files, (1, SMALL as u64));
}

fn nothing_is_left_over(disk: &Path) {
    let data = disk.join("data");
    assert_eq!(std::fs::read_dir(data.join("files")).unwrap().count(), 0);
    let left = std::fs::read_dir(data).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["files", "fra1.redb"]);
}

/// Recipients of a message, each of whom gets one of their own.
const SENT: u64 = 100;
/// Times it is said before the disk is full: more than a sweep deletes at a time.
const MANY: usize = 30;
/// Bytes of a file: one piece, so that all of it was taken before it is refused.
const SMALL: usize = 60_000;
