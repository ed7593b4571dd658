//! Lists that come in pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::path::Query;
use crate::server::fault::Fault;

/// Which part of a list is asked for.
pub(crate) struct Page {
    limit: usize,
    /// The name that the page before ended with.
    pub(crate) after: String,
}

impl Page {
    /// From `limit` (1 to 100, default 10) and `cursor`.
    pub(crate) fn asked(query: &Query) -> Result<Page, Fault> {
        let limit = query.value("limit").map_or(Ok(LIMIT), str::parse);
        let limit: usize = limit.map_err(|_| Fault::Illegal("limit is not a number"))?;
        Ok(Page {
            limit: limit.clamp(1, LIMIT_MAX),
            after: query
                .value("cursor")
                .map_or(Ok(String::new()), read_cursor)?,
        })
    }

    /// How many entries to look up: one more, to see whether there is another page.
    pub(crate) fn look_up(&self) -> usize {
        self.limit + 1
    }

    /// Takes what was looked up down to the page, and gives the cursor of the next, if there is one.
    pub(crate) fn cut<T>(&self, entries: &mut Vec<T>, name: impl Fn(&T) -> &str) -> Option<String> {
        let more = entries.len() > self.limit;
        entries.truncate(self.limit);
        let last = entries.last().filter(|_| more)?;
        Some(URL_SAFE_NO_PAD.encode(name(last)))
    }
}

fn read_cursor(cursor: &str) -> Result<String, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or(Fault::Illegal("the cursor is not one of this list"))
}

const LIMIT: usize = 10;
const LIMIT_MAX: usize = 100;
