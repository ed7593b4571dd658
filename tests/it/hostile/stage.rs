//! A gateway in front of a real nginx: what is done to a request, and what is to come of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use domicile::domain::Code;

use super::nginx::{Nginx, Seen};
use super::raw::{Answer, Raw};
use super::site::{Site, until};

/// What is done to a request, and what is to come of it.
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
    pub then: Then,
}

/// What is to come of a request.
#[derive(Debug, Clone)]
pub enum Then {
    /// Refused with this code, by the gateway or by hyper; the connection closes if `closed`.
    Refused { code: Code, closed: bool },
    /// One request with this body arrives; the connection closes if `closed`.
    Forwarded { body: &'static str, closed: bool },
    /// One of the two: refused with 400, or forwarded once with this body.
    Either { body: &'static str },
    /// The same, and the connection closes.
    EitherClosed,
    /// One request arrives with [`Stage::hidden`] as its body, or without one.
    Hidden { closed: bool },
    /// The gateway answers by itself; the connection closes.
    Preflight,
    /// The head was in order, so it may have been begun; the body is broken.
    BrokenBody { code: Code },
}

/// A gateway in front of nginx.
pub struct Stage {
    pub nginx: Nginx,
    pub site: Site,
    sentinels: AtomicUsize,
}

impl Stage {
    pub fn new() -> Self {
        let nginx = Nginx::start();
        let site = Site::start(nginx.rest, &[("head_time", "2s"), ("body_idle", "2s")]);
        Self {
            nginx,
            site,
            sentinels: AtomicUsize::new(0),
        }
    }

    pub fn auth(&self) -> String {
        self.site.auth()
    }

    /// A request that would pass, were it sent.
    pub fn hidden(&self) -> String {
        format!("GET /acme/chat/smuggled HTTP/1.1\r\n{}\r\n", self.auth())
    }

    /// Sends a good request after whatever was done, and gives what nginx saw before it arrived.
    pub fn seen_since(&self, before: usize) -> Vec<Seen> {
        let number = self.sentinels.fetch_add(1, Ordering::Relaxed);
        let line = format!("GET /acme/chat/users/sentinel-{number} HTTP/1.1");
        let mut good = Raw::plain(self.site.http);
        good.send(format!("{line}\r\n{}\r\n", self.auth()));
        let answer = good.answer().expect("an answer to a good request");
        assert_eq!(answer.status, 200, "{answer:?}");
        let arrived = |seen: &Seen| seen.line == line;
        until("nginx writes its log", || {
            self.nginx.seen().iter().any(arrived)
        });
        let seen = self.nginx.seen();
        let end = seen.iter().position(arrived).unwrap_or_default();
        seen[before..end].to_vec()
    }

    fn play(&self, case: &Case) {
        let before = self.nginx.seen().len();
        let count = |code| self.site.refusals(code);
        let counted = Code::ALL.map(count);
        let mut client = Raw::plain(self.site.http);
        client.send(&case.bytes);
        let answer = client.answer_to(case.bytes.starts_with(b"HEAD "));
        let answer = answer.unwrap_or_else(|| panic!("{}: no answer", case.name));
        let code = match (&case.then, answer.status) {
            (Then::Refused { code, .. } | Then::BrokenBody { code }, _) => Some(*code),
            (Then::Either { .. } | Then::EitherClosed, 400) => Some(Code::BadRequest),
            _ => None,
        };
        if let Some(code) = code {
            assert_refused(&case.name, &answer, code);
        } else {
            let status = if matches!(case.then, Then::Preflight) {
                204
            } else {
                200
            };
            assert_eq!(answer.status, status, "{}: {answer:?}", case.name);
        }
        if case.then.closes() {
            let rest = client.rest();
            assert_eq!(
                rest.escape_ascii().to_string(),
                "",
                "{}: more answers",
                case.name
            );
        }
        // The gateway lingers until the client has closed too.
        drop(client);
        if let Some(code) = code {
            self.site
                .await_refusals(code, counted[code.index()], &case.name);
        }
        self.judge(case, code, &self.seen_since(before));
    }

    /// nginx saw nothing, or one request that is what it should be.
    fn judge(&self, case: &Case, refused: Option<Code>, seen: &[Seen]) {
        let name = &case.name;
        let smuggled = seen.iter().any(|seen| seen.line.contains("smuggled"));
        assert!(!smuggled, "{name}: {seen:#?}");
        match (&case.then, seen) {
            (Then::BrokenBody { .. }, []) => {}
            // nginx saw its connection close before the body's end.
            (Then::BrokenBody { .. }, [one]) => assert_eq!(one.status, "400", "{name}: {one:?}"),
            (Then::Preflight, []) => {}
            (then, [one]) => {
                assert!(refused.is_none(), "{name}: refused and forwarded");
                assert_eq!(one.status, "200", "{name}: {one:?}");
                let body = then.body().unwrap_or(&one.body);
                assert_eq!(one.body, body, "{name}: {one:?}");
                if matches!(then, Then::Hidden { .. }) {
                    assert!(one.body.contains("smuggled"), "{name}: {one:?}");
                }
                assert_eq!(one.app, self.site.acme.app_id, "{name}");
                assert_eq!(one.host, self.nginx.rest.to_string(), "{name}");
                let framed =
                    usize::from(!one.length.is_empty()) + usize::from(!one.coding.is_empty());
                assert!(
                    framed <= 1 && (framed == 1 || body.is_empty()),
                    "{name}: {one:?}"
                );
            }
            (_, []) => assert!(refused.is_some(), "{name}: nothing arrived"),
            (_, more) => panic!("{name}: {more:#?}"),
        }
    }
}

impl Then {
    const fn closes(&self) -> bool {
        match self {
            Self::Refused { closed, .. }
            | Self::Forwarded { closed, .. }
            | Self::Hidden { closed } => *closed,
            Self::Either { .. } => false,
            Self::EitherClosed | Self::Preflight | Self::BrokenBody { .. } => true,
        }
    }

    /// What a request that arrives has as its body, where only one thing will do.
    const fn body(&self) -> Option<&'static str> {
        match self {
            Self::Forwarded { body, .. } | Self::Either { body } => Some(body),
            Self::EitherClosed => Some(""),
            Self::Hidden { .. }
            | Self::Refused { .. }
            | Self::Preflight
            | Self::BrokenBody { .. } => None,
        }
    }
}

/// By its code, or an answer of hyper's own with the same status and nothing in it.
#[track_caller]
pub fn assert_refused(name: &str, answer: &Answer, code: Code) {
    let status = domicile::gateway::row(code).status.as_u16();
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    match answer.code() {
        Some(shown) => assert_eq!(shown, code.as_str(), "{name}"),
        None => {
            assert!(matches!(status, 400 | 431), "{name}: {answer:?}");
            assert_eq!(answer.body, b"", "{name}");
        }
    }
}

/// Plays all cases, and says of every one that fails how.
pub fn play_all(cases: impl Fn(&Stage) -> Vec<Case>) {
    let stage = Stage::new();
    for case in cases(&stage) {
        stage.play(&case);
    }
}

pub const BAD: Then = Then::Refused {
    code: Code::BadRequest,
    closed: true,
};

/// The framing is in order, so the connection may go on.
pub const REFUSED: Then = Then::Refused {
    code: Code::BadRequest,
    closed: false,
};

pub const BROKEN: Then = Then::BrokenBody {
    code: Code::BadRequest,
};

pub const fn once(body: &'static str) -> Then {
    Then::Forwarded {
        body,
        closed: false,
    }
}

pub const fn once_and_closed(body: &'static str) -> Then {
    Then::Forwarded { body, closed: true }
}

pub fn case(name: impl Into<String>, bytes: impl Into<Vec<u8>>, then: Then) -> Case {
    Case {
        name: name.into(),
        bytes: bytes.into(),
        then,
    }
}

/// A POST with these header lines (each with its line end) and what follows the head.
pub fn post(stage: &Stage, lines: &str, rest: &str) -> String {
    format!(
        "POST /acme/chat/messages/users HTTP/1.1\r\n{}{lines}\r\n{rest}",
        stage.auth()
    )
}
