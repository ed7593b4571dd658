//! `tests/data/paths.tsv`: request targets in every encoding, and what is to be made of each.

use std::fmt;

use domicile::call::{Asked, Names, Target, classify};
use domicile::domain::{Channel, Code};
use domicile::gateway::Rejection;
use http::{Method, Request, Uri};

use super::site::{ALSO, HOST};

/// A line of the corpus.
pub struct Row {
    /// In the file, for messages.
    pub line: usize,
    pub method: Method,
    /// As it stands on the wire.
    pub target: Vec<u8>,
    pub verdict: Verdict,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, method, .. } = self;
        write!(
            f,
            "paths.tsv:{line}: {method} {}",
            self.target.escape_ascii()
        )
    }
}

/// What is made of a request target.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Refused(Code),
    Asked {
        app_key: String,
        template: String,
        channel: Channel,
    },
}

/// Every row, in the order of the file.
pub fn rows() -> Vec<Row> {
    let lines = include_str!("../../data/paths.tsv").lines().enumerate();
    let rows = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    rows.map(|(n, line)| row(n + 1, line)).collect()
}

/// What the gateway's classification makes of a target for a Host of this region.
pub fn classified(method: &Method, target: &[u8], names: &Names) -> Verdict {
    match asked(method, target, names) {
        Ok(asked) => Verdict::Asked {
            app_key: asked.app_key.to_string(),
            template: asked.matched.template.to_owned(),
            channel: asked.matched.channel,
        },
        Err(code) => Verdict::Refused(code),
    }
}

/// The App and the route that a target asks for, or why it is refused.
pub fn asked(method: &Method, target: &[u8], names: &Names) -> Result<Asked, Code> {
    // httparse, which hyper reads heads with, refuses these before there is a target.
    if target.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
        return Err(Code::BadRequest);
    }
    let mut head = Request::new(()).into_parts().0;
    head.method = method.clone();
    head.uri = Uri::try_from(target).map_err(|_| Code::BadRequest)?;
    head.headers.insert("host", HOST.parse().unwrap());
    match classify(&head, names) {
        Ok(Target::App(asked)) => Ok(asked),
        Ok(other) => panic!("this is about Apps, not {other:?}"),
        Err(error) => Err(Rejection::from(error).code()),
    }
}

/// The names of the region that all these tests are in.
pub fn names() -> Names {
    Names::new([HOST.to_owned(), ALSO.to_owned()])
}

fn row(line: usize, text: &str) -> Row {
    let columns: Vec<&str> = text.split('\t').collect();
    let [method, target, ref verdict @ ..] = columns[..] else {
        panic!("line {line} is no row");
    };
    Row {
        line,
        method: method.parse().unwrap(),
        target: unescaped(target),
        verdict: match *verdict {
            [code] => Verdict::Refused(named(Code::ALL, Code::as_str, code)),
            [app_key, template, channel] => Verdict::Asked {
                app_key: app_key.to_owned(),
                template: template.to_owned(),
                channel: named(Channel::ALL, Channel::as_str, channel),
            },
            _ => panic!("line {line} has no verdict"),
        },
    }
}

fn named<T: Copy, const N: usize>(all: [T; N], name: fn(T) -> &'static str, text: &str) -> T {
    let found = all.into_iter().find(|item| name(*item) == text);
    found.unwrap_or_else(|| panic!("nothing is called {text}"))
}

/// `\xHH` is that byte.
fn unescaped(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}
