//! `chatmessages/{yyyyMMddHH}`: an hour (UTC) of all channels. Nothing older than the App's retention is
//! served, swept or not.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde_json::json;

use crate::app_key::AppKey;
use crate::centre::Centre;
use crate::messages::{Message, Pointer};
use crate::server::answer::Response;
use crate::server::call::Call;
use crate::server::fault::Fault;
use crate::store::cipher::Keyspace;
use crate::store::key::Key;
use crate::store::{Order, StoreError, View, first_id_at};

/// Where the hour's messages are: `{"data": [{"url": URL}]}`, under this API, for the same token.
pub(crate) async fn hour(call: Call) -> Result<Response, Fault> {
    Hour::asked(&call)?;
    let url = format!("{}/lines", call.uri());
    Ok(call.answer(json!({ "data": [{ "url": url }] })))
}

/// The hour's messages, one JSON text a line, in the order of time.
pub(crate) async fn lines(call: Call) -> Result<Response, Fault> {
    let hour = Hour::asked(&call)?;
    let body = Body::from_stream(stream(call.centre.clone(), call.app.clone(), hour.ids));
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// The part of an hour that is still served, as ids of messages.
struct Hour {
    ids: Range<u64>,
}

impl Hour {
    fn asked(call: &Call) -> Result<Hour, Fault> {
        let start = hour_start(&call.parameter("hour")?);
        let start = start.ok_or(Fault::Illegal("the hour is not one of the form yyyyMMddHH"))?;
        let (end, oldest) = (start + HOUR_MILLIS, call.oldest_served()?);
        if end <= oldest {
            return Err(Fault::Illegal("the history of this hour is expired"));
        }
        let ids = first_id_at(start.max(oldest))..first_id_at(end);
        Ok(Hour { ids })
    }
}

/// Unix milliseconds of the beginning of an hour in UTC.
fn hour_start(text: &str) -> Option<u64> {
    if text.len() != 10 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (
        text[..4].parse().ok()?,
        text[4..6].parse().ok()?,
        text[6..8].parse().ok()?,
    );
    let date = Date::new(year, month, day).ok()?;
    let time = Time::new(text[8..].parse().ok()?, 0, 0, 0).ok()?;
    let start = TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    u64::try_from(start.as_millisecond()).ok()
}

/// A page of lines at a time, so that an hour is never whole in memory.
fn stream(
    centre: Arc<Centre>,
    app: AppKey,
    ids: Range<u64>,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    try_unfold(ids, move |ids| {
        let (centre, app) = (centre.clone(), app.clone());
        async move {
            let end = ids.end;
            let read = move |view: &View<'_>| page_of_lines(view, &app, ids);
            let page = centre.store.read(read).await?;
            Ok(page.map(|(lines, last)| (Bytes::from(lines), last + 1..end)))
        }
    })
}

/// Lines, and the id of the last; nothing when there are none left.
fn page_of_lines(
    view: &View<'_>,
    app: &AppKey,
    ids: Range<u64>,
) -> Result<Option<(String, u64)>, StoreError> {
    let range = Key::of(app).below_ids(ids);
    let pointers: Vec<Pointer> = view.scan(Keyspace::Timeline, &range, Order::Rising, LINES)?;
    let Some(last) = pointers.last().map(|pointer| pointer.id) else {
        return Ok(None);
    };
    let mut lines = String::new();
    for Pointer { conversation, id } in pointers {
        let key = conversation.key(app).id(id);
        if let Some(message) = view.get::<Message>(conversation.keyspace(), &key)? {
            lines.push_str(&message.history(&conversation).to_string());
            lines.push('\n');
        }
    }
    Ok(Some((lines, last)))
}

const HOUR_MILLIS: u64 = 3_600_000;
const LINES: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_of_utc() {
        assert_eq!(hour_start("1970010100"), Some(0));
        assert_eq!(hour_start("2026112319"), Some(1_795_460_400_000));
    }

    #[test]
    fn what_is_no_hour_is_refused() {
        for text in [
            "",
            "20261123",
            "2026112324",
            "2026022900",
            "2026131500",
            "+026112319",
            "1969123123",
            "用2611231",
        ] {
            assert_eq!(hour_start(text), None, "{text}");
        }
    }
}
