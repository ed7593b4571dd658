//! Every route × token × pin × mode × status × failure, judged by an oracle of the tests' own.
//!
//! The oracle knows SPEC 6.2 to 6.5 and nothing of the code. A template that the table here
//! doesn't know fails the test, so a new route demands a decision.

use std::collections::BTreeSet;

use crate::harness::{Answer, Call, Said, TestApp, Wire, Wish, World, rest_name};

/// The user whose paths are asked for.
const USER: &str = "u7k2m9";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Grant,
    Any,
    Own,
    App,
}

use Need::{Any, App, Grant, Own};

/// A row of SPEC 6.3: a template as the gateway logs it, requests that fit, channel and need.
struct Route {
    template: &'static str,
    method: &'static str,
    paths: &'static [&'static str],
    channel: &'static str,
    need: Need,
}

const fn route(
    template: &'static str,
    method: &'static str,
    paths: &'static [&'static str],
    channel: &'static str,
    need: Need,
) -> Route {
    Route {
        template,
        method,
        paths,
        channel,
        need,
    }
}

const ONE: &str = "one_to_one";
const GENERAL: &str = "general";

const ROUTES: &[Route] = &[
    route("token", "POST", &["token"], GENERAL, Grant),
    route(
        "messages/users*",
        "GET",
        &["messages/users", "messages/users/import"],
        ONE,
        App,
    ),
    route(
        "messages/chatgroups*",
        "GET",
        &["messages/chatgroups", "messages/chatgroups/x"],
        "group",
        App,
    ),
    route(
        "messages/chatrooms*",
        "GET",
        &["messages/chatrooms", "messages/chatrooms/x"],
        "room",
        App,
    ),
    route("messages", "GET", &["messages"], GENERAL, App),
    route("messages/recall", "GET", &["messages/recall"], GENERAL, App),
    route(
        "messages/rewrite/{}",
        "PUT",
        &["messages/rewrite/m1"],
        GENERAL,
        App,
    ),
    route(
        "chatmessages*",
        "GET",
        &["chatmessages", "chatmessages/2026112312"],
        GENERAL,
        App,
    ),
    route("mutes*", "GET", &["mutes", "mutes/u7k2m9"], GENERAL, App),
    route("push*", "GET", &["push", "push/single"], GENERAL, App),
    route(
        "notification/template*",
        "GET",
        &["notification/template", "notification/template/t"],
        GENERAL,
        App,
    ),
    route("users", "GET", &["users"], GENERAL, App),
    route(
        "users/{u}/contacts*",
        "GET",
        &["users/u7k2m9/contacts", "users/u7k2m9/contacts/users"],
        ONE,
        Own,
    ),
    route(
        "users/{u}/blocks*",
        "GET",
        &["users/u7k2m9/blocks", "users/u7k2m9/blocks/users/x"],
        ONE,
        Own,
    ),
    route(
        "users/{u}/offline_msg_count",
        "GET",
        &["users/u7k2m9/offline_msg_count"],
        ONE,
        Own,
    ),
    route(
        "users/{u}/offline_msg_status*",
        "GET",
        &["users/u7k2m9/offline_msg_status/1"],
        ONE,
        Own,
    ),
    route(
        "users/{u}/joined_chatgroups*",
        "GET",
        &["users/u7k2m9/joined_chatgroups"],
        "group",
        Own,
    ),
    route(
        "users/{u}/joined_chatrooms*",
        "GET",
        &["users/u7k2m9/joined_chatrooms"],
        "room",
        Own,
    ),
    route(
        "users/{u}",
        "GET",
        &["users/u7k2m9", "users/%757k2m9"],
        GENERAL,
        Any,
    ),
    route(
        "metadata/user/{u}",
        "GET",
        &["metadata/user/u7k2m9"],
        GENERAL,
        Any,
    ),
    route(
        "metadata/user/get",
        "POST",
        &["metadata/user/get"],
        GENERAL,
        Any,
    ),
    route(
        "users/{u}*",
        "PUT",
        &["users/u7k2m9", "users/%757k2m9", "users/u7k2m9/presence"],
        GENERAL,
        Own,
    ),
    route(
        "sdk/users/{u}*",
        "GET",
        &["sdk/users/u7k2m9", "sdk/users/u7k2m9/token/expires"],
        GENERAL,
        Own,
    ),
    route(
        "sdk/user/{u}*",
        "GET",
        &["sdk/user/u7k2m9", "sdk/user/u7k2m9/user_channels"],
        GENERAL,
        Own,
    ),
    route(
        "user/{u}*",
        "GET",
        &["user/u7k2m9", "user/u7k2m9/x/y"],
        GENERAL,
        Own,
    ),
    route(
        "reaction/user/{u}*",
        "GET",
        &["reaction/user/u7k2m9", "reaction/user/u7k2m9/m"],
        GENERAL,
        Own,
    ),
    route(
        "metadata/user/{u}*",
        "PUT",
        &["metadata/user/u7k2m9", "metadata/user/u7k2m9/x"],
        GENERAL,
        Own,
    ),
    route(
        "sdk/message/roaming/user/{u}*",
        "GET",
        &["sdk/message/roaming/user/u7k2m9/x"],
        GENERAL,
        Own,
    ),
    route(
        "sdk/message/roaming/chat/user/{u}*",
        "GET",
        &["sdk/message/roaming/chat/user/u7k2m9"],
        ONE,
        Own,
    ),
    route(
        "sdk/message/roaming/group/user/{u}*",
        "GET",
        &["sdk/message/roaming/group/user/u7k2m9/x"],
        "group",
        Own,
    ),
    route(
        "chatgroups/user/{u}*",
        "GET",
        &["chatgroups/user/u7k2m9"],
        "group",
        Own,
    ),
    route(
        "threads/user/{u}*",
        "GET",
        &["threads/user/u7k2m9", "threads/user/u7k2m9/x"],
        "group",
        Own,
    ),
    route(
        "threads/chatgroups/{}/user/{u}*",
        "GET",
        &["threads/chatgroups/g1/user/u7k2m9"],
        "group",
        Own,
    ),
    route(
        "chatgroups*",
        "GET",
        &["chatgroups", "chatgroups/g1/users", "chatgroups/user"],
        "group",
        Any,
    ),
    route(
        "sdk/chatgroups*",
        "GET",
        &["sdk/chatgroups", "sdk/chatgroups/g1"],
        "group",
        Any,
    ),
    route(
        "publicchatgroups*",
        "GET",
        &["publicchatgroups", "publicchatgroups/x"],
        "group",
        Any,
    ),
    route("thread*", "GET", &["thread", "thread/t1"], "group", Any),
    route(
        "threads*",
        "GET",
        &["threads", "threads/chatgroups/g1"],
        "group",
        Any,
    ),
    route(
        "metadata/chatgroup*",
        "GET",
        &["metadata/chatgroup/g1"],
        "group",
        Any,
    ),
    route(
        "sdk/metadata/chatgroup*",
        "GET",
        &["sdk/metadata/chatgroup/g1"],
        "group",
        Any,
    ),
    route(
        "chatrooms/super_admin*",
        "GET",
        &["chatrooms/super_admin", "chatrooms/super_admin/x"],
        "room",
        App,
    ),
    route(
        "metadata/chatroom/{}/user/{u}*",
        "GET",
        &["metadata/chatroom/r1/user/u7k2m9"],
        "room",
        Own,
    ),
    route(
        "chatrooms*",
        "GET",
        &["chatrooms", "chatrooms/r1"],
        "room",
        Any,
    ),
    route(
        "sdk/chatrooms*",
        "GET",
        &["sdk/chatrooms", "sdk/chatrooms/r1/x"],
        "room",
        Any,
    ),
    route(
        "metadata/chatroom*",
        "GET",
        &["metadata/chatroom/r1"],
        "room",
        Any,
    ),
    route(
        "chatfiles*",
        "GET",
        &[
            "chatfiles?chat-type=chatRoom",
            "chatfiles/f1?chat-type=chatroom",
        ],
        "room",
        Any,
    ),
    route(
        "sdk/chatfiles*",
        "GET",
        &[
            "sdk/chatfiles?chat-type=groupChat",
            "sdk/chatfiles/f1?chat-type=groupchat",
        ],
        "group",
        Any,
    ),
    route(
        "rtc_mapper*",
        "GET",
        &["rtc_mapper", "rtc_mapper/batch"],
        GENERAL,
        Any,
    ),
    route(
        "other",
        "GET",
        &[
            "speech",
            "usersx",
            "messages/usersx",
            "tokens",
            "notification",
        ],
        GENERAL,
        App,
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    None,
    /// No AccessToken2 at all.
    Garbage,
    /// It says that it is one, and can't be read.
    Broken,
    Forged,
    Expired,
    ForeignApps,
    OtherUsers,
    OwnUsers,
    OfTheApp,
}

const TOKENS: [Token; 9] = [
    Token::None,
    Token::Garbage,
    Token::Broken,
    Token::Forged,
    Token::Expired,
    Token::ForeignApps,
    Token::OtherUsers,
    Token::OwnUsers,
    Token::OfTheApp,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pin {
    Home,
    Elsewhere,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Secure,
    Upstream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Active,
    Suspended,
    Retired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    None,
    /// The data centre refuses connections.
    Down,
    /// It points to another region.
    Elsewhere,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    need: Need,
    token: Token,
    pin: Pin,
    mode: Mode,
    status: Status,
    failure: Failure,
}

/// What SPEC says of a case: status and code; 200 and nothing when the data centre answers.
fn oracle(case: Case) -> (u16, &'static str) {
    match case.pin {
        Pin::Unknown => return (404, "app_unknown"),
        Pin::Elsewhere => return (421, "app_lives_elsewhere"),
        Pin::Home => {}
    }
    match case.status {
        Status::Suspended => return (403, "app_suspended"),
        Status::Retired => return (410, "app_retired"),
        Status::Active => {}
    }
    let lenient = case.mode == Mode::Upstream;
    match case.token {
        Token::ForeignApps => return (403, "app_mismatch"),
        Token::None | Token::Garbage if lenient => {}
        Token::None => return (401, "token_missing"),
        Token::Garbage | Token::Broken | Token::Forged => return (401, "token_invalid"),
        Token::Expired => return (401, "token_expired"),
        Token::OtherUsers if matches!(case.need, Own | App) => return (403, "token_privilege"),
        Token::OwnUsers if case.need == App => return (403, "token_privilege"),
        Token::OtherUsers | Token::OwnUsers | Token::OfTheApp => {}
    }
    match case.failure {
        Failure::Down => (503, "home_unavailable"),
        Failure::Elsewhere => (502, "cross_region_reference"),
        Failure::None => (200, "-"),
    }
}

/// The Apps of a world, and their tokens.
struct Cast {
    home: [TestApp; 2],
    foreign: TestApp,
    third: TestApp,
}

impl Cast {
    async fn in_world(world: &World) -> Self {
        Self {
            home: [
                world.app("fra1").await,
                world.app_with("fra1", Wish::upstream_mode()).await,
            ],
            foreign: world.app("bj1").await,
            third: world.app("fra1").await,
        }
    }

    fn app(&self, case: Case) -> &TestApp {
        match (case.pin, case.mode) {
            (Pin::Elsewhere, _) => &self.foreign,
            (_, Mode::Secure) => &self.home[0],
            (_, Mode::Upstream) => &self.home[1],
        }
    }

    fn token(&self, case: Case) -> Option<String> {
        let app = self.app(case);
        Some(match case.token {
            Token::None => return None,
            Token::Garbage => "YWMt4LyZ7jjWEeaKc5".to_owned(),
            Token::Broken => "007eJxTYEgzmGarbage".to_owned(),
            Token::Forged => app.forged_token(),
            Token::Expired => app.expired_token(USER),
            Token::ForeignApps => self.third.app_token(),
            Token::OtherUsers => app.user_token("somebody-else"),
            Token::OwnUsers => app.user_token(USER),
            Token::OfTheApp => app.app_token(),
        })
    }

    fn call(&self, route: &Route, path: &str, case: Case) -> Call {
        let app = self.app(case);
        let target = match case.pin {
            Pin::Unknown => format!("/acme/nobody/{path}"),
            Pin::Home | Pin::Elsewhere => app.path(path),
        };
        let call = Call::new(route.method, &target);
        let call = match route.need {
            Grant => call.body(r#"{"grant_type":"agora"}"#),
            Any | Own | App => call,
        };
        match self.token(case) {
            Some(token) => call.token(&token),
            None => call,
        }
    }
}

/// A connection that is made anew when an answer closes it.
struct Session<'a> {
    world: &'a World,
    wire: Option<Wire>,
}

impl Session<'_> {
    async fn call(&mut self, call: &Call) -> Answer {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => self.world.plain_wire("frankfurt").await,
        };
        wire.send(call.bytes(&rest_name("frankfurt"))).await;
        let answer = wire.answer().await;
        if answer.header("connection") != Some("close") {
            self.wire = Some(wire);
        }
        answer
    }
}

/// SPEC 6.5: the headers and the body of a refusal.
fn check_refusal(answer: &Answer, code: &str, what: &str) {
    let header = |name| answer.header(name);
    assert_eq!(header("content-type"), Some("application/json"), "{what}");
    assert_eq!(header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(header("domicile-region"), Some("frankfurt"), "{what}");
    assert_eq!(header("access-control-allow-origin"), Some("*"), "{what}");
    let exposed = "Domicile-Code, Domicile-Region, Domicile-Request-Id, Retry-After";
    assert_eq!(
        header("access-control-expose-headers"),
        Some(exposed),
        "{what}"
    );
    assert_eq!(
        header("www-authenticate").is_some(),
        answer.status == 401,
        "{what}"
    );
    let retryable = matches!(answer.status, 408 | 429 | 503 | 504);
    assert_eq!(header("retry-after").is_some(), retryable, "{what}");
    for absent in ["location", "alt-svc", "content-location", "refresh", "link"] {
        assert_eq!(header(absent), None, "{what}");
    }
    let body = answer.json();
    for name in ["error", "exception", "code"] {
        assert_eq!(body[name], code, "{what}: {name}");
    }
    assert_eq!(
        body["type"],
        format!("https://domicile.example/errors/{code}"),
        "{what}"
    );
    assert_eq!(body["status"], answer.status, "{what}");
    assert_eq!(body["region"], "frankfurt", "{what}");
    assert_eq!(body["retryable"], retryable, "{what}");
    assert_eq!(body["duration"], 0, "{what}");
    assert_eq!(
        body["request_id"].as_str(),
        header("domicile-request-id"),
        "{what}"
    );
    assert!(
        body["timestamp"].is_u64() && body["title"].is_string(),
        "{what}"
    );
    assert!(body["error_description"].is_string(), "{what}");
    let tells_home = code == "app_lives_elsewhere";
    assert_eq!(body.get("home_region").is_some(), tells_home, "{what}");
    if tells_home {
        assert_eq!(body["home_region"], "beijing", "{what}");
        assert_eq!(
            body["home_endpoints"]["rest"][0], "https://rest.beijing.test",
            "{what}"
        );
    }
}

async fn judge(world: &World, session: &mut Session<'_>, cast: &Cast, route: &Route, case: Case) {
    let centre = world.centre("fra1");
    for path in route.paths {
        let what = format!("{} {path}: {case:?}", route.method);
        let (forwarded, here) = (world.forwarded(), centre.count());
        let answer = session.call(&cast.call(route, path, case)).await;
        let (status, code) = oracle(case);
        assert_eq!(answer.verdict(), (status, code), "{what}");
        let reached = matches!(code, "-" | "cross_region_reference");
        assert_eq!(centre.count() - here, usize::from(reached), "{what}");
        assert_eq!(
            world.forwarded() - forwarded,
            usize::from(reached),
            "{what}"
        );
        if reached {
            let seen = centre.last();
            assert_eq!(
                seen.header("domicile-channel"),
                Some(route.channel),
                "{what}"
            );
            assert_eq!(
                seen.header("domicile-app-id"),
                Some(cast.app(case).app_id.as_str()),
                "{what}"
            );
        }
        if code != "-" {
            check_refusal(&answer, code, &what);
        }
    }
}

/// Control: the table of `call::routes` is all here.
#[test]
fn the_table_knows_every_route() {
    let ours: BTreeSet<_> = ROUTES.iter().map(|r| (r.template, r.need as u8)).collect();
    let theirs = domicile::call::templates().map(|(_, template, need)| {
        let need = match need {
            domicile::call::Need::Grant => Grant,
            domicile::call::Need::Any => Any,
            domicile::call::Need::SelfUser => Own,
            domicile::call::Need::App => App,
        };
        (template, need as u8)
    });
    assert_eq!(theirs.collect::<BTreeSet<_>>(), ours);
}

/// Control: the steps locate, identify, admit and bind, for every route.
#[tokio::test]
async fn every_route_token_pin_and_mode() {
    let world = World::new().await;
    let cast = Cast::in_world(&world).await;
    let mut session = Session {
        world: &world,
        wire: None,
    };
    for route in ROUTES {
        for token in TOKENS {
            for pin in [Pin::Home, Pin::Elsewhere, Pin::Unknown] {
                for mode in [Mode::Secure, Mode::Upstream] {
                    let case = Case {
                        need: route.need,
                        token,
                        pin,
                        mode,
                        status: Status::Active,
                        failure: Failure::None,
                    };
                    judge(&world, &mut session, &cast, route, case).await;
                }
            }
        }
    }
    world.finish().await;
}

/// Control: `Gate::identify` looks at the status before everything that the request brings.
#[tokio::test]
async fn every_route_token_and_status() {
    for status in [Status::Suspended, Status::Retired] {
        let world = World::new().await;
        let cast = Cast::in_world(&world).await;
        for app in &cast.home {
            match status {
                Status::Retired => world.retire(app).await,
                _ => world.suspend(app).await,
            }
        }
        let mut session = Session {
            world: &world,
            wire: None,
        };
        for route in ROUTES {
            for token in TOKENS {
                let case = Case {
                    need: route.need,
                    token,
                    pin: Pin::Home,
                    mode: Mode::Secure,
                    status,
                    failure: Failure::None,
                };
                judge(&world, &mut session, &cast, route, case).await;
            }
        }
        world.finish().await;
    }
}

/// Control: a data centre's failure changes nothing of who may ask, and sends nothing elsewhere.
#[tokio::test]
async fn every_route_token_and_failure() {
    for failure in [Failure::Down, Failure::Elsewhere] {
        let world = World::new().await;
        let cast = Cast::in_world(&world).await;
        match failure {
            Failure::Down => world.centre("fra1").stop().await,
            _ => {
                let said = Said::new(302).header("Location", "https://rest.beijing.test/");
                world.centre("fra1").answers(said);
            }
        }
        let mut session = Session {
            world: &world,
            wire: None,
        };
        for route in ROUTES {
            for token in TOKENS {
                let case = Case {
                    need: route.need,
                    token,
                    pin: Pin::Home,
                    mode: Mode::Secure,
                    status: Status::Active,
                    failure,
                };
                judge(&world, &mut session, &cast, route, case).await;
            }
        }
        world.finish().await;
    }
}
