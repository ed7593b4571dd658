//! Both directions against the vendor's own packages: npm `agora-token` 2.0.6 and PyPI
//! `agoraiotools` 0.3.4, as `tests/tokens-interop/setup.sh` installs them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use access_token::{
    ChatTokenBuilder, Expected, Fault, Kind, Policy, Token, Verified, build_app_token,
    build_user_token, verify,
};
use serde::Deserialize;
use serde_json::{Value, json};

const APP_ID: &str = "970CA35de60c44645bbae8a215061b33";
const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
const OTHER: &str = "0123456789abcdef0123456789abcdef";
const TTL: u32 = 3600;
const ISSUED: u32 = 1_760_000_000;
const USERS: [&str; 4] = ["alice", "2882341273", "用户-1", "a b+c/d=%41\"\\"];

#[test]
fn tokens_of_the_npm_package_verify_here() {
    theirs_verify_here(&node("build.js"));
}

#[test]
fn tokens_of_the_python_package_verify_here() {
    theirs_verify_here(&python("build.py"));
}

#[test]
fn our_tokens_verify_with_the_npm_package() {
    ours_verify_there(&node("verify.js"));
}

#[test]
fn our_tokens_verify_with_the_python_package() {
    ours_verify_there(&python("verify.py"));
}

/// What a verifier of theirs says about a token.
#[derive(Debug, PartialEq, Deserialize)]
struct Seen {
    parsed: bool,
    signed: bool,
    app_id: String,
    issued_at: u32,
    ttl: u32,
    user_id: String,
    privileges: BTreeMap<String, u32>,
}

fn theirs_verify_here(builder: &Script) {
    for user_id in USERS {
        let verified = check_theirs(&builder.build(Some(user_id)));
        assert_eq!(
            (verified.kind, verified.user_id.as_str()),
            (Kind::User, user_id)
        );
    }
    let verified = check_theirs(&builder.build(None));
    assert_eq!((verified.kind, verified.user_id.as_str()), (Kind::App, ""));
}

fn check_theirs(text: &str) -> Verified {
    let token = Token::parse(text).unwrap();
    let (start, end) = (token.issued_at(), token.issued_at() + u64::from(TTL));
    let at = |certificate, now| {
        let expected = Expected {
            app_id: APP_ID,
            certificates: &[certificate],
        };
        verify(text, &expected, now, &Policy::default())
    };
    assert_eq!(at(OTHER, start), Err(Fault::BadSignature));
    assert_eq!(at(CERTIFICATE, end), Err(Fault::TokenExpired));
    let verified = at(CERTIFICATE, end - 1).unwrap();
    assert_eq!((verified.issued_at, verified.not_after), (start, end));
    verified
}

fn ours_verify_there(verifier: &Script) {
    for user_id in USERS {
        let token =
            build_user_token(APP_ID, CERTIFICATE, user_id, TTL, ISSUED, 99_999_999).unwrap();
        check_ours(verifier, &token, user_id, &["1"]);
    }
    let app = build_app_token(APP_ID, CERTIFICATE, TTL, ISSUED, 1).unwrap();
    check_ours(verifier, &app, "", &["2"]);
    let both = ChatTokenBuilder::new(APP_ID, CERTIFICATE, TTL, ISSUED, 7)
        .user("alice")
        .app();
    check_ours(verifier, &both.build().unwrap(), "alice", &["1", "2"]);
}

fn check_ours(verifier: &Script, token: &str, user_id: &str, privileges: &[&str]) {
    let seen = |signed| Seen {
        parsed: true,
        signed,
        app_id: APP_ID.to_owned(),
        issued_at: ISSUED,
        ttl: TTL,
        user_id: user_id.to_owned(),
        privileges: privileges
            .iter()
            .map(|key| (key.to_string(), TTL))
            .collect(),
    };
    assert_eq!(
        verifier.verify(token, CERTIFICATE),
        seen(true),
        "{verifier:?}"
    );
    assert_eq!(verifier.verify(token, OTHER), seen(false), "{verifier:?}");
}

/// A script of `tests/tokens-interop`: one JSON document in, one out.
#[derive(Debug)]
struct Script {
    program: PathBuf,
    path: PathBuf,
}

impl Script {
    fn build(&self, user_id: Option<&str>) -> String {
        let ask =
            json!({ "app_id": APP_ID, "certificate": CERTIFICATE, "user_id": user_id, "ttl": TTL });
        let answer: Value = serde_json::from_slice(&self.run(&ask)).unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }

    fn verify(&self, token: &str, certificate: &str) -> Seen {
        let ask = json!({ "token": token, "certificate": certificate });
        serde_json::from_slice(&self.run(&ask)).unwrap()
    }

    fn run(&self, ask: &Value) -> Vec<u8> {
        let mut command = Command::new(&self.program);
        command
            .arg(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| missing(&self.program, error));
        writeln!(child.stdin.take().unwrap(), "{ask}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{self:?} ended with {}",
            output.status
        );
        output.stdout
    }
}

fn node(script: &str) -> Script {
    require(&folder().join("node_modules/agora-token/package.json"));
    Script {
        program: "node".into(),
        path: folder().join(script),
    }
}

fn python(script: &str) -> Script {
    let program = folder().join(".venv/bin/python");
    require(&program);
    Script {
        program,
        path: folder().join(script),
    }
}

fn require(path: &Path) {
    if !path.exists() {
        missing(path, "not there");
    }
}

/// A missing package fails the test. A skipped test would prove nothing and look like success.
fn missing(what: impl AsRef<OsStr>, why: impl std::fmt::Display) -> ! {
    let what = what.as_ref().display();
    panic!("{what}: {why}; run tests/tokens-interop/setup.sh (scripts/test does it)")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tokens-interop")
}
