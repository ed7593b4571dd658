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

/// A page that is asked for by its number.
pub(crate) struct Numbered {
    skip: usize,
    size: usize,
}

impl Numbered {
    /// From `pagenum`, of which the lowest is `first`, and `pagesize`; nothing when neither is there.
    pub(crate) fn asked(query: &Query, first: usize) -> Result<Option<Numbered>, Fault> {
        let number = |name| query.value(name).map(str::parse).transpose();
        let read = || Ok::<_, std::num::ParseIntError>((number("pagenum")?, number("pagesize")?));
        let read = read().map_err(|_| Fault::Illegal("pagenum or pagesize is not a number"))?;
        let (number, size): (Option<usize>, Option<usize>) = read;
        if number.is_none() && size.is_none() {
            return Ok(None);
        }
        let size = size.unwrap_or(NUMBERED).clamp(1, NUMBERED_MAX);
        let before = number.unwrap_or(first).saturating_sub(first);
        Ok(Some(Numbered {
            skip: before.saturating_mul(size),
            size,
        }))
    }

    /// How many entries to look up.
    pub(crate) fn look_up(&self) -> usize {
        self.skip.saturating_add(self.size)
    }

    /// Takes what was looked up down to the page.
    pub(crate) fn cut<T>(&self, entries: &mut Vec<T>) {
        entries.truncate(self.look_up());
        entries.drain(..self.skip.min(entries.len()));
    }
}

fn read_cursor(cursor: &str) -> Result<String, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or(Fault::Illegal("the cursor is not one of this list"))
}

const LIMIT: usize = 10;
const LIMIT_MAX: usize = 100;
const NUMBERED: usize = 20;
const NUMBERED_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str, first: usize) -> Vec<u32> {
        let mut all: Vec<u32> = (0..7).collect();
        let page = Numbered::asked(&Query::parse(query).unwrap(), first).unwrap();
        page.unwrap().cut(&mut all);
        all
    }

    #[test]
    fn pages_have_numbers() {
        assert_eq!(page("pagenum=1&pagesize=3", 1), [0, 1, 2]);
        assert_eq!(page("pagenum=3&pagesize=3", 1), [6]);
        assert_eq!(page("pagenum=0&pagesize=3", 0), [0, 1, 2]);
        assert_eq!(page("pagenum=2&pagesize=3", 0), [6]);
        assert_eq!(page("pagesize=2", 1), [0, 1]);
        assert!(page("pagenum=9", 1).is_empty());
        let far = format!("pagenum={}", usize::MAX);
        assert!(page(&far, 1).is_empty());
        assert_eq!(page("pagesize=0", 1), [0], "a page has something in it");
    }

    #[test]
    fn other_pages_have_none() {
        let asked = |query: &str| Numbered::asked(&Query::parse(query).unwrap(), 1);
        assert!(asked("limit=3").unwrap().is_none());
        assert!(asked("pagenum=x").is_err());
    }
}
