//! P5: path, header and token name one App; and of several faults the first one wins (SPEC 6.2).

use access_token::ChatTokenBuilder;

use crate::harness::{Answer, Call, Reply, TestApp, Via, Wire, Wish, World, eventually};

/// Control: `Gate::identify` compares `X-App-Id` and the token's App ID with the pin's.
#[tokio::test]
async fn every_identity_must_be_the_paths_app() {
    let world = World::new().await;
    let (app, other) = (world.app("fra1").await, world.app("fra1").await);
    let foreign = world.app("bj1").await;
    let upper = app.app_id.to_ascii_uppercase();
    let users = || Call::get(&app.path("users"));
    for via in Via::ALL {
        for (call, verdict) in [
            (users().token(&app.app_token()), (200, "-")),
            (
                users()
                    .token(&app.app_token())
                    .header("x-app-id", &app.app_id),
                (200, "-"),
            ),
            (
                users()
                    .token(&app.app_token())
                    .header("x-app-id", &other.app_id),
                (403, "app_mismatch"),
            ),
            (
                users()
                    .token(&app.app_token())
                    .header("x-app-id", &foreign.app_id),
                (403, "app_mismatch"),
            ),
            (
                users().token(&app.app_token()).header("x-app-id", &upper),
                (403, "app_mismatch"),
            ),
            (
                users().token(&app.app_token()).header("x-app-id", ""),
                (403, "app_mismatch"),
            ),
            (users().token(&other.app_token()), (403, "app_mismatch")),
            (users().token(&foreign.app_token()), (403, "app_mismatch")),
            (
                users()
                    .token(&other.app_token())
                    .header("x-app-id", &other.app_id),
                (403, "app_mismatch"),
            ),
            // Once verified, a token is remembered; not for another App's path.
            (
                Call::get(&other.path("users")).token(&app.app_token()),
                (403, "app_mismatch"),
            ),
        ] {
            let answer = world.call("frankfurt", call.clone().via(via)).await;
            assert_eq!(answer.verdict(), verdict, "{call:?}");
        }
    }
    assert_eq!(world.forwarded(), 2 * Via::ALL.len());
    let ended = world.finish().await;
    let own = ended.refused("frankfurt", "app_mismatch", Some(&app.app_id));
    let others = ended.refused("frankfurt", "app_mismatch", Some(&other.app_id));
    assert_eq!((own, others), (21, 3));
}

/// Control: a token signed with another App's certificate doesn't pass for this App's.
#[tokio::test]
async fn a_token_of_this_app_needs_this_apps_certificate() {
    let world = World::new().await;
    let (app, other) = (world.app("fra1").await, world.app("fra1").await);
    let mixed = ChatTokenBuilder::new(&app.app_id, &other.certificate, 60, app.now(), 7);
    for token in [mixed.app().build().unwrap(), app.forged_token()] {
        let call = Call::get(&app.path("users")).token(&token);
        assert_eq!(
            world.call("frankfurt", call).await.verdict(),
            (401, "token_invalid")
        );
    }
    assert_eq!(world.forwarded(), 0);
    world.finish().await;
}

/// Control: a verified token is remembered for the record it was verified against, and until it dies.
#[tokio::test]
async fn a_remembered_token_dies_with_its_time() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let call = Call::get(&app.path("users")).token(&app.app_token());
    for _ in 0..3 {
        assert_eq!(world.call("frankfurt", call.clone()).await.status, 200);
    }
    world.clock.advance(std::time::Duration::from_secs(3600));
    let answer = world.call("frankfurt", call).await;
    assert_eq!(answer.verdict(), (401, "token_expired"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    world.finish().await;
}

/// Control: `tokens.max_age` cuts what a token grants itself; `clock_skew` bounds the future.
#[tokio::test]
async fn a_token_lives_no_longer_than_allowed() {
    let world = World::of(World::plan().max_age("10m")).await;
    let app = world.app("fra1").await;
    let aged = |seconds: i64, ttl: u32| {
        let issued = u32::try_from(i64::from(app.now()) - seconds).unwrap();
        let token = app.builder_at(issued, ttl).app().build().unwrap();
        Call::get(&app.path("users")).token(&token)
    };
    for (call, verdict) in [
        (aged(599, 86_400), (200, "-")),
        (aged(600, 86_400), (401, "token_expired")),
        (aged(100, 100), (401, "token_expired")),
        (aged(-60, 3600), (200, "-")),
        (aged(-61, 3600), (401, "token_invalid")),
    ] {
        assert_eq!(
            world.call("frankfurt", call.clone()).await.verdict(),
            verdict,
            "{call:?}"
        );
    }
    world.finish().await;
}

/// Control: `Authorization` is one bearer token.
#[tokio::test]
async fn a_token_comes_once_and_as_bearer() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let token = app.app_token();
    let with = |value: String| Call::get(&app.path("users")).header("authorization", &value);
    for (call, verdict) in [
        (with(format!("bearer {token}")), (200, "-")),
        (with(format!("Basic {token}")), (401, "token_invalid")),
        (with(token.clone()), (401, "token_invalid")),
        (with("Bearer".to_owned()), (401, "token_invalid")),
        (
            with(format!("Bearer {token}, Bearer {token}")),
            (401, "token_invalid"),
        ),
        (
            with(format!("Bearer {token}")).token(&token),
            (400, "bad_request"),
        ),
    ] {
        assert_eq!(
            world.call("frankfurt", call.clone()).await.verdict(),
            verdict,
            "{call:?}"
        );
    }
    world.finish().await;
}

/// What a fault of the table sits in: two faults in one place can't be made at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Headers,
    Tail,
    Form,
    Host,
    App,
    AppId,
    Token,
    Route,
    Size,
    Centre,
}

/// A request that is put together from its places.
#[derive(Clone)]
struct Draft {
    headers: usize,
    tail: String,
    absolute: bool,
    host: &'static str,
    app: String,
    app_id: Option<String>,
    token: Option<String>,
    method: &'static str,
    route: &'static str,
    body: &'static str,
    length: Option<usize>,
}

struct Fault {
    code: &'static str,
    places: &'static [Place],
    make: Box<dyn Fn(&mut Draft)>,
}

fn fault(
    code: &'static str,
    places: &'static [Place],
    make: impl Fn(&mut Draft) + 'static,
) -> Fault {
    Fault {
        code,
        places,
        make: Box::new(make),
    }
}

/// The Apps and tokens that the faults are made of.
struct Cast {
    app: TestApp,
    other: TestApp,
    foreign: TestApp,
    suspended: TestApp,
    retired: TestApp,
}

/// In the order of SPEC 6.2.
fn faults(cast: &Cast) -> Vec<Fault> {
    let key = |app: &TestApp| format!("{}/{}", app.org, app.app);
    let (foreign, suspended, retired) =
        (key(&cast.foreign), key(&cast.suspended), key(&cast.retired));
    let (other_id, other_token) = (cast.other.app_id.clone(), cast.other.app_token());
    let (expired, forged, user) = (
        cast.app.expired_token("u1"),
        cast.app.forged_token(),
        cast.app.user_token("u1"),
    );
    let in_app = |app: String| move |d: &mut Draft| d.app = app.clone();
    let with_token = |token: Option<String>| move |d: &mut Draft| d.token = token.clone();
    vec![
        fault("headers_too_large", &[Place::Headers], |d| d.headers = 101),
        fault("bad_request", &[Place::Tail], |d| {
            d.tail = "/%zz".to_owned();
        }),
        fault("not_a_forward_proxy", &[Place::Form], |d| d.absolute = true),
        fault("host_mismatch", &[Place::Host], |d| {
            d.host = "rest.beijing.test";
        }),
        fault(
            "app_missing",
            &[Place::App],
            in_app("management/chat".to_owned()),
        ),
        fault(
            "app_unknown",
            &[Place::App],
            in_app("acme/nobody".to_owned()),
        ),
        fault("app_lives_elsewhere", &[Place::App], in_app(foreign)),
        fault("app_suspended", &[Place::App], in_app(suspended)),
        fault("app_retired", &[Place::App], in_app(retired)),
        fault("app_mismatch", &[Place::AppId], move |d| {
            d.app_id = Some(other_id.clone());
        }),
        fault(
            "app_mismatch",
            &[Place::Token],
            with_token(Some(other_token)),
        ),
        fault("grant_refused", &[Place::Route, Place::Size], |d| {
            (d.method, d.route) = ("POST", "token");
            d.body = r#"{"grant_type":"password"}"#;
        }),
        fault("token_missing", &[Place::Token], with_token(None)),
        fault("token_invalid", &[Place::Token], with_token(Some(forged))),
        fault("token_expired", &[Place::Token], with_token(Some(expired))),
        fault("token_privilege", &[Place::Token], with_token(Some(user))),
        fault("too_large", &[Place::Size], |d| {
            d.length = Some(11 * 1024 * 1024);
        }),
        fault("channel_full", &[Place::Route], |d| {
            d.route = "messages/chatrooms";
        }),
        fault("upstream_protocol", &[Place::Centre], |_| {}),
    ]
}

impl Draft {
    fn good(app: &TestApp) -> Self {
        Self {
            headers: 0,
            tail: String::new(),
            absolute: false,
            host: "rest.frankfurt.test",
            app: format!("{}/{}", app.org, app.app),
            app_id: None,
            token: Some(app.app_token()),
            method: "PUT",
            route: "messages",
            body: "",
            length: None,
        }
    }

    fn bytes(&self) -> String {
        let origin = if self.absolute {
            "http://evil.test"
        } else {
            ""
        };
        let mut head = format!(
            "{} {origin}/{}/{}{} HTTP/1.1\r\nHost: {}\r\n",
            self.method, self.app, self.route, self.tail, self.host
        );
        for n in 0..self.headers {
            head += &format!("x-{n}: y\r\n");
        }
        if let Some(id) = &self.app_id {
            head += &format!("X-App-Id: {id}\r\n");
        }
        if let Some(token) = &self.token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        let length = self.length.unwrap_or(self.body.len());
        head + &format!("Content-Length: {length}\r\n\r\n{}", self.body)
    }
}

async fn answered(world: &World, draft: &Draft) -> Answer {
    let mut wire: Wire = world.plain_wire("frankfurt").await;
    wire.send(draft.bytes()).await;
    wire.answer().await
}

/// Control: the order of the steps in `Gateway::route`, `classify`, `Gate` and `Pools::bind`.
#[tokio::test]
async fn of_two_faults_the_first_wins() {
    let world = World::of(World::plan().limit("in_flight_per_channel", "1")).await;
    let cast = Cast {
        app: world.app("fra1").await,
        other: world.app("fra1").await,
        foreign: world.app("bj1").await,
        suspended: world.app("fra1").await,
        retired: world.app("fra1").await,
    };
    world.suspend(&cast.suspended).await;
    world.retire(&cast.retired).await;
    let centre = world.centre("fra1");
    // One room call hangs and fills its channel; everything else is well until it is to break.
    centre.scripted(|head| match head.word(1) {
        target if target.contains("chatrooms") => Reply::Hang,
        target if target.ends_with("messages") => crate::harness::Said::ok("").into(),
        _ => Reply::Cut,
    });
    let mut hanging = world.plain_wire("frankfurt").await;
    let room = Call::get(&cast.app.path("messages/chatrooms")).token(&cast.app.app_token());
    hanging.send(room.bytes("rest.frankfurt.test")).await;
    centre.has_seen(1).await;
    let good = Draft::good(&cast.app);
    assert_eq!(answered(&world, &good).await.status, 200);
    let faults = faults(&cast);
    let mut pairs = 0;
    for (n, first) in faults.iter().enumerate() {
        for second in &faults[n..] {
            let same = std::ptr::eq(first, second);
            if !same && first.places.iter().any(|p| second.places.contains(p)) {
                continue;
            }
            // The data centre breaks its answer on a route of its own.
            let breaks = [first, second].iter().any(|f| f.places == [Place::Centre]);
            let mut draft = good.clone();
            if breaks {
                draft.route = "push";
            }
            for fault in [first, second] {
                (fault.make)(&mut draft);
            }
            let answer = answered(&world, &draft).await;
            pairs += 1;
            let what = format!("{} before {}", first.code, second.code);
            if first.code == "headers_too_large" {
                // hyper may answer that one by itself.
                assert_eq!(answer.status, 431, "{what}");
            } else {
                assert_eq!(answer.code(), first.code, "{what}\n{}", draft.bytes());
            }
        }
    }
    assert!(pairs > 100, "{pairs} pairs");
    assert_eq!(
        world.forwarded(),
        3,
        "the hanging one, the good one, the broken one"
    );
    drop(hanging);
    eventually("the hanging call to end", || centre.recording().open <= 2).await;
    world.finish().await;
}

/// Control: draining comes before everything else.
#[tokio::test]
async fn draining_wins_over_every_fault() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let mut wires = Vec::new();
    for _ in 0..3 {
        wires.push(world.plain_wire("frankfurt").await);
    }
    world.gateway("frankfurt").shared().drain();
    let mut faulty = Draft::good(&app);
    faulty.tail = "/%zz".to_owned();
    let mut elsewhere = Draft::good(&app);
    elsewhere.host = "rest.beijing.test";
    for (wire, draft) in wires.iter_mut().zip([Draft::good(&app), faulty, elsewhere]) {
        wire.send(draft.bytes()).await;
        let answer = wire.answer().await;
        assert_eq!(answer.verdict(), (503, "draining"));
        assert_eq!(answer.header("connection"), Some("close"));
        wire.ends().await;
    }
    assert_eq!(world.forwarded(), 0);
    world.finish().await;
}

/// Control: in `upstream` mode the pin and an AccessToken2 count as ever; other tokens are the data
/// centre's to judge.
#[tokio::test]
async fn upstream_mode_leaves_only_foreign_tokens_to_the_data_centre() {
    let world = World::new().await;
    let app = world.app_with("fra1", Wish::upstream_mode()).await;
    let other = world.app("fra1").await;
    let users = || Call::get(&app.path("users"));
    for (call, verdict) in [
        (users(), (200, "-")),
        (users().token("YWMtabcdef"), (200, "-")),
        (users().token(&app.app_token()), (200, "-")),
        (
            users().token(&app.user_token("u1")),
            (403, "token_privilege"),
        ),
        (
            users().token(&app.expired_token("u1")),
            (401, "token_expired"),
        ),
        (users().token(&app.forged_token()), (401, "token_invalid")),
        (users().token("007garbage"), (401, "token_invalid")),
        (users().token(&other.app_token()), (403, "app_mismatch")),
        (
            users().header("x-app-id", &other.app_id),
            (403, "app_mismatch"),
        ),
    ] {
        assert_eq!(
            world.call("frankfurt", call.clone()).await.verdict(),
            verdict,
            "{call:?}"
        );
    }
    let elsewhere = world.call("beijing", users()).await;
    assert_eq!(elsewhere.verdict(), (421, "app_lives_elsewhere"));
    assert_eq!(
        world.centre("fra1").requests()[1].header("authorization"),
        Some("Bearer YWMtabcdef")
    );
    world.finish().await;
}
