//! A refusal as the client gets it: what the SDKs parse and what RFC 9457 names, in one body.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response};
use serde::Serialize;

use super::reject::{Row, row, shown};
use crate::config::{Endpoint, Region};
use crate::domain::{Code, RegionId};
use crate::observe::RequestId;

/// What a refusal says besides its code.
#[derive(Debug)]
pub struct Refusal<'a> {
    pub code: Code,
    pub id: RequestId,
    pub here: &'a RegionId,
    /// The App's home, if it may be told.
    pub home: Option<&'a Region>,
    /// Whether homes are told at all (`refusals.hint`).
    pub tells_homes: bool,
    /// Unix milliseconds.
    pub now: u64,
    /// Whether the connection ends with this answer.
    pub closes: bool,
}

/// SPEC 6.5, member for member.
#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
    exception: &'a str,
    timestamp: u64,
    duration: u64,
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    request_id: &'a str,
    region: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_endpoints: Option<Endpoints<'a>>,
}

/// The catalogue's endpoints of a region, as texts.
#[derive(Serialize)]
pub struct Endpoints<'a> {
    rest: Vec<&'a str>,
    websocket: Vec<&'a str>,
    msync: Vec<&'a str>,
    admin: Vec<&'a str>,
}

impl<'a> Endpoints<'a> {
    pub fn of(region: &'a Region) -> Self {
        let texts = |list: &'a [Endpoint]| list.iter().map(|e| e.text.as_str()).collect();
        Self {
            rest: texts(&region.rest),
            websocket: texts(&region.websocket),
            msync: texts(&region.msync),
            admin: texts(&region.admin),
        }
    }
}

impl Refusal<'_> {
    pub fn response(&self) -> Response<Bytes> {
        let code = shown(self.code, self.tells_homes);
        let row = row(code);
        let mut response = Response::new(self.body(code, row));
        *response.status_mut() = row.status;
        self.headers(code, row, response.headers_mut());
        response
    }

    fn body(&self, code: Code, row: Row) -> Bytes {
        let home = self.home.filter(|_| code == Code::AppLivesElsewhere);
        let description = match home {
            Some(home) => format!("{}: {}", row.title, home.id),
            None => row.title.to_owned(),
        };
        let body = Body {
            error: code.as_str(),
            error_description: &description,
            exception: code.as_str(),
            timestamp: self.now,
            duration: 0,
            r#type: format!("https://domicile.example/errors/{}", code.as_str()),
            title: row.title,
            status: row.status.as_u16(),
            code: code.as_str(),
            request_id: self.id.as_str(),
            region: self.here.as_str(),
            retryable: row.retry_after.is_some(),
            home_region: home.map(|h| h.id.as_str()),
            home_endpoints: home.map(Endpoints::of),
        };
        serde_json::to_vec(&body).unwrap_or_default().into()
    }

    fn headers(&self, code: Code, row: Row, headers: &mut HeaderMap) {
        let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            HeaderName::from_static("domicile-code"),
            HeaderValue::from_static(code.as_str()),
        );
        headers.insert(
            HeaderName::from_static("domicile-region"),
            text(self.here.as_str()),
        );
        headers.insert(
            HeaderName::from_static("domicile-request-id"),
            text(self.id.as_str()),
        );
        if row.status == http::StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = row.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        allow_origins(headers);
    }
}

/// The CORS headers of the gateway's own answers (SPEC 6.3).
pub fn allow_origins(headers: &mut HeaderMap) {
    const EXPOSED: HeaderValue = HeaderValue::from_static(
        "Domicile-Code, Domicile-Region, Domicile-Request-Id, Retry-After",
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

/// A preflight's answer: what was asked for is allowed; nothing is looked up.
pub fn preflight(asked: &HeaderMap) -> Response<Bytes> {
    /// The most that is echoed of the headers asked for, in bytes.
    const ECHO: usize = 1024;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    allow_origins(headers);
    if let Some(method) = asked.get(header::ACCESS_CONTROL_REQUEST_METHOD) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    }
    let names = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    if let Some(names) = names.filter(|n| n.len() <= ECHO) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("600"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ZoneId;

    fn region(id: &str) -> Region {
        let endpoint = Endpoint {
            text: format!("https://{id}.example"),
            host: format!("{id}.example"),
            port: 443,
        };
        Region {
            id: RegionId::parse(id).unwrap(),
            location: String::new(),
            service_area: String::new(),
            zones: vec![ZoneId::parse("z1").unwrap()],
            rest: vec![endpoint],
            websocket: vec![],
            msync: vec![],
            admin: vec![],
            pin_keys: vec![],
        }
    }

    fn refused(code: Code, tells_homes: bool) -> (Response<Bytes>, serde_json::Value) {
        let (here, home) = (region("frankfurt"), region("singapore"));
        let refusal = Refusal {
            code,
            id: RequestId::fresh(),
            here: &here.id,
            home: Some(&home),
            tells_homes,
            now: 1_760_000_000_000,
            closes: false,
        };
        let response = refusal.response();
        let body = serde_json::from_slice(response.body()).unwrap();
        (response, body)
    }

    #[test]
    fn a_foreign_app_is_told_its_home() {
        let (response, body) = refused(Code::AppLivesElsewhere, true);
        assert_eq!(response.status(), 421);
        assert_eq!(response.headers()["domicile-code"], "app_lives_elsewhere");
        assert_eq!(body["home_region"], "singapore");
        assert_eq!(
            body["home_endpoints"]["rest"][0],
            "https://singapore.example"
        );
        assert_eq!(
            body["type"],
            "https://domicile.example/errors/app_lives_elsewhere"
        );
        assert_eq!(body["status"], 421);
        assert_eq!(body["retryable"], false);
        assert_eq!(body["error"], body["exception"]);
    }

    #[test]
    fn without_hints_a_foreign_and_an_unknown_app_differ_in_nothing() {
        let strip = |mut body: serde_json::Value| {
            body["request_id"].take();
            body
        };
        let (foreign, body) = refused(Code::AppLivesElsewhere, false);
        let (unknown, other) = refused(Code::AppUnknown, false);
        assert_eq!(foreign.status(), unknown.status());
        assert_eq!(strip(body), strip(other));
        let names = |r: &Response<Bytes>| r.headers().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&foreign), names(&unknown));
    }

    #[test]
    fn statuses_carry_their_headers() {
        assert_eq!(
            refused(Code::TokenMissing, true).0.headers()["www-authenticate"],
            "Bearer"
        );
        assert!(
            refused(Code::ChannelFull, true)
                .0
                .headers()
                .contains_key("retry-after")
        );
        let (response, _) = refused(Code::AppMismatch, true);
        assert!(!response.headers().contains_key("retry-after"));
        assert!(!response.headers().contains_key("location"));
    }
}
