//! The answers of a watch, a line of JSON each.

use std::collections::VecDeque;

use reqwest::Response;

use super::error::EtcdError;
use super::wire::{WatchAnswer, WatchLine};

/// The longest line, in bytes: etcd's largest request in base64, a few times over.
const LINE: usize = 16 * 1024 * 1024;

/// A stream of JSON texts, a line each.
pub(super) struct Lines {
    response: Response,
    /// What has come and is no whole line yet.
    rest: Vec<u8>,
    /// Where in it the search for the line's end goes on.
    searched: usize,
    /// What came before all ranges were watched: the first may have news by then.
    early: VecDeque<WatchAnswer>,
}

impl Lines {
    pub(super) fn new(response: Response) -> Self {
        Self {
            response,
            rest: Vec::new(),
            searched: 0,
            early: VecDeque::new(),
        }
    }

    /// Waits until all ranges are watched.
    pub(super) async fn begin(&mut self, ranges: usize) -> Result<(), EtcdError> {
        let mut early = VecDeque::new();
        let mut begun = 0;
        while begun < ranges {
            let answer = self.next().await?;
            begun += usize::from(answer.created);
            early.push_back(answer);
        }
        self.early = early;
        Ok(())
    }

    /// The next answer. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<WatchAnswer, EtcdError> {
        if let Some(answer) = self.early.pop_front() {
            return Ok(answer);
        }
        loop {
            if let Some(line) = self.line() {
                return read(&line);
            }
            if self.rest.len() > LINE {
                return Err(EtcdError::TooLarge);
            }
            let chunk = self.response.chunk().await;
            let chunk = chunk.map_err(|error| EtcdError::of_http(&error))?;
            // The member says farewell.
            let chunk = chunk.ok_or(EtcdError::Broken)?;
            self.rest.extend_from_slice(&chunk);
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.rest[self.searched..].iter().position(|b| *b == b'\n');
        let Some(end) = end.map(|at| self.searched + at) else {
            self.searched = self.rest.len();
            return None;
        };
        let rest = self.rest.split_off(end + 1);
        self.searched = 0;
        Some(std::mem::replace(&mut self.rest, rest))
    }
}

fn read(line: &[u8]) -> Result<WatchAnswer, EtcdError> {
    let line: WatchLine = serde_json::from_slice(line).map_err(|_| EtcdError::Unreadable)?;
    if let Some(refusal) = line.error {
        return Err(EtcdError::of_refusal(&refusal));
    }
    let answer = line.result.ok_or(EtcdError::Unreadable)?;
    if !answer.canceled {
        return Ok(answer);
    }
    let says = |text| answer.cancel_reason.contains(text);
    Err(if answer.compact_revision.0 > 0 {
        EtcdError::Compacted
    } else if says("permission denied") {
        EtcdError::Denied
    } else if says("invalid auth token") || says("revision of auth store") {
        EtcdError::Token
    } else {
        EtcdError::Busy
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Control: `Lines::early`. A range that is watched may have news before the next one is.
    #[tokio::test]
    async fn news_that_come_before_all_ranges_are_watched_are_kept() {
        let text = concat!(
            r#"{"result":{"watch_id":"1","created":true}}"#,
            "\n",
            r#"{"result":{"watch_id":"1","events":[{"kv":{"key":"YQ==","mod_revision":"7"}}]}}"#,
            "\n",
            r#"{"result":{"watch_id":"2","created":true}}"#,
            "\n",
            r#"{"result":{"header":{"revision":"9"},"watch_id":"2"}}"#,
            "\n",
        );
        let mut lines = Lines::new(Response::from(http::Response::new(text)));
        lines.begin(2).await.unwrap();
        let mut came = Vec::new();
        for _ in 0..4 {
            let answer = lines.next().await.unwrap();
            came.push((answer.watch_id.0, answer.created, answer.events.len()));
        }
        assert_eq!(
            came,
            [(1, true, 0), (1, false, 1), (2, true, 0), (2, false, 0)]
        );
    }
}
