//! Thousands of generated request targets: what the gateway decides on is what a data centre parses
//! (promises P1 and P5). The control is `call::classify`, and that the target goes on as it came.

use domicile::call::Asked;
use domicile::domain::Code;
use http::Method;

use super::corpus::{asked, names};
use super::raw::{Answer, Raw};
use super::site::{HOST, Site};
use super::targets::Targets;

/// Generated targets, for each of [`SEEDS`].
const TARGETS: usize = 1_250;

const SEEDS: [u64; 4] = [1, 71, 4_711, 20_261_123];

#[derive(Debug, Default)]
struct Tally {
    forwarded: usize,
    /// Of those, with a route that the data centre has.
    routed: usize,
    refused: usize,
}

#[test]
fn what_is_decided_is_what_the_data_centre_parses() {
    let site = Site::with_reference();
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let site = &site;
        let runs = SEEDS.map(|seed| scope.spawn(move || run(site, seed)));
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for tally in tallies {
        // Neither side of the comparison may be rare.
        assert!(tally.forwarded > TARGETS / 4, "{tally:?}");
        assert!(tally.routed > TARGETS / 8, "{tally:?}");
        assert!(tally.refused > TARGETS / 4, "{tally:?}");
    }
}

fn run(site: &Site, seed: u64) -> Tally {
    let (names, mut tally) = (names(), Tally::default());
    let mut connection = Raw::plain(site.http);
    for (method, target) in Targets::new(seed).take(TARGETS) {
        let decided = asked(&method, &target, &names);
        connection.send(request(site, &method, &target, &decided));
        let answer = connection.answer_to(method == Method::HEAD);
        let shown = format!("seed {seed}: {method} {}", target.escape_ascii());
        let answer = answer.unwrap_or_else(|| panic!("{shown}: no answer"));
        compare(&shown, &decided, &answer, &mut tally);
        if answer.header("connection") == Some("close") {
            connection = Raw::plain(site.http);
        }
    }
    tally
}

/// With the token of the App that is asked for, so that the request gets as far as it can.
fn request(site: &Site, method: &Method, target: &[u8], decided: &Result<Asked, Code>) -> Vec<u8> {
    let app_key = decided.as_ref().map(|asked| asked.app_key.to_string());
    let of_other = app_key.is_ok_and(|app_key| app_key == site.other.app_key());
    let sample = if of_other { &site.other } else { &site.acme };
    let mut bytes = format!("{method} ").into_bytes();
    bytes.extend_from_slice(target);
    let token = sample.app_token();
    let rest = format!(" HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n");
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[track_caller]
fn compare(shown: &str, decided: &Result<Asked, Code>, answer: &Answer, tally: &mut Tally) {
    let Some(app) = answer.header("dc-app") else {
        tally.refused += 1;
        return refused(shown, decided, answer);
    };
    tally.forwarded += 1;
    let Ok(asked) = decided else {
        panic!("{shown}: forwarded, but {decided:?}");
    };
    assert_eq!(app, asked.app_key.to_string(), "{shown}");
    let route = answer.header("dc-route").unwrap();
    if route == "unknown" {
        return;
    }
    tally.routed += 1;
    let (_, template) = route.split_once(' ').unwrap();
    let matched = &asked.matched;
    assert!(
        covers(matched.template, template),
        "{shown}: {matched:?}, but {route}"
    );
    if let (Some(user), Some(theirs)) = (&matched.user, answer.header("dc-user")) {
        assert_eq!(**user, decoded(theirs), "{shown}");
    }
}

/// Nothing of it came to the data centre; a decided code is the one in the answer.
#[track_caller]
fn refused(shown: &str, decided: &Result<Asked, Code>, answer: &Answer) {
    let code = answer.code();
    match decided {
        Err(Code::BadRequest) if code.is_none() => {
            assert_eq!(
                (answer.status, &answer.body[..]),
                (400, &b""[..]),
                "{shown}"
            );
        }
        Err(decided) => assert_eq!(code, Some(decided.as_str()), "{shown}"),
        // What the registry and the gate know; a log-in without a grant.
        Ok(asked) => {
            let known = matches!(code, Some("app_unknown"));
            let grant = asked.matched.template == "token" && code == Some("bad_request");
            assert!(known || grant, "{shown}: {asked:?}, but {code:?}");
        }
    }
}

/// Whether every path that fits the data centre's template fits the gateway's.
fn covers(ours: &str, theirs: &str) -> bool {
    let open = ours.ends_with('*');
    let ours: Vec<&str> = ours.trim_end_matches('*').split('/').collect();
    let theirs: Vec<&str> = theirs.split('/').collect();
    let length = if open {
        ours.len() <= theirs.len()
    } else {
        ours.len() == theirs.len()
    };
    let fits = |(own, other): (&&str, &&str)| own.starts_with('{') || own == other;
    length && ours.iter().zip(&theirs).all(fits)
}

/// `Dc-User` is percent-encoded where it isn't visible ASCII.
fn decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}
