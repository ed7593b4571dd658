//! What is sent.

use std::path::Path;

use anyhow::{Context as _, ensure};

/// Calls, in turns.
pub struct Calls(Vec<Call>);

struct Call {
    method: String,
    path: String,
    token: Option<String>,
    body: String,
    /// As it goes out, if each is like the other.
    same: Option<Vec<u8>>,
}

/// What becomes a number in a path or a body.
const NUMBER: &str = "{n}";

impl Calls {
    /// # Errors
    /// When a line is none, or there is none.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).context("cannot read the calls")?;
        let calls: Vec<Call> = text.lines().map(Call::of).collect::<anyhow::Result<_>>()?;
        ensure!(!calls.is_empty(), "there are no calls");
        Ok(Self(calls))
    }

    /// The bytes of the call with this number.
    pub fn numbered(&self, number: u64) -> Vec<u8> {
        let at = number % self.0.len() as u64;
        let call = &self.0[usize::try_from(at).unwrap_or(0)];
        call.same.clone().unwrap_or_else(|| call.bytes(number))
    }
}

impl Call {
    fn of(line: &str) -> anyhow::Result<Self> {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().filter(|word| !word.is_empty());
        let (method, path, token) = (word(), word(), word());
        let mut call = Self {
            method: method.context("a call without a method")?.to_owned(),
            path: path.context("a call without a path")?.to_owned(),
            token: token
                .context("a call without a token, or -")
                .map(|token| (token != "-").then(|| token.to_owned()))?,
            body: words.next().unwrap_or_default().to_owned(),
            same: None,
        };
        let varies = [&call.path, &call.body].map(|text| text.contains(NUMBER));
        call.same = (varies == [false; 2]).then(|| call.bytes(0));
        Ok(call)
    }

    fn bytes(&self, number: u64) -> Vec<u8> {
        let number = format!("{number:08}");
        let (path, body) = (
            self.path.replace(NUMBER, &number),
            self.body.replace(NUMBER, &number),
        );
        let mut text = format!("{} {path} HTTP/1.1\r\nHost: localhost\r\n", self.method);
        if let Some(token) = &self.token {
            text += &format!("Authorization: Bearer {token}\r\n");
        }
        if !body.is_empty() {
            let length = body.len();
            text += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
        }
        text += "\r\n";
        text += &body;
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bodies_are_filled_in() {
        let line = r#"POST /v1/apps dk_key {"app": "tail{n}", "org": "a b"}"#;
        let sent = String::from_utf8(Call::of(line).unwrap().bytes(42)).unwrap();
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/apps HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nAuthorization: Bearer dk_key\r\n"));
        assert!(head.ends_with(&format!("\r\nContent-Length: {}", body.len())));
        assert_eq!(body, r#"{"app": "tail00000042", "org": "a b"}"#);
    }

    #[test]
    fn a_line_that_is_no_call_is_refused() {
        for line in ["", "GET", "GET /", "GET  -"] {
            assert!(Call::of(line).is_err(), "{line:?}");
        }
        assert!(Call::of("GET / -").is_ok());
    }
}
