//! One request: from the raw target to a route's answer.

use std::sync::Arc;

use http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use hyper::body::Incoming;

use super::answer::Response;
use super::call::Call;
use super::fault::Fault;
use crate::centre::Centre;
use crate::path::{self, Query};
use crate::routes::{self, Found};
use crate::{erasure, retention};

/// Always answers; the answer tells what was understood.
pub(crate) async fn serve(centre: &Arc<Centre>, request: Request<Incoming>) -> Response {
    let received = centre.clock.unix_millis();
    let mut understood = Understood::default();
    let answer = answer(centre, received, request, &mut understood).await;
    let mut response = answer.unwrap_or_else(|fault| {
        let now = centre.clock.unix_millis();
        fault.log(&understood.route());
        fault.response(now, now.saturating_sub(received))
    });
    let headers = response.headers_mut();
    // Pages of any origin may read answers: who may ask is the token's matter, not the page's.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    understood.stamp(headers);
    response
}

async fn answer(
    centre: &Arc<Centre>,
    received: u64,
    request: Request<Incoming>,
    understood: &mut Understood,
) -> Result<Response, Fault> {
    centre.door.check(request.headers())?;
    if erasure::is_asked(&request) {
        understood.management = Some(erasure::ROUTE);
        return erasure::serve(centre, request).await;
    }
    if retention::is_asked(&request) {
        understood.management = Some(retention::ROUTE);
        return retention::serve(centre, request).await;
    }
    let (head, body) = request.into_parts();
    let target = path::parse(head.uri.path())?;
    understood.app = Some(target.app.to_string());
    let found = routes::find(&head.method, &target.resource).ok_or(Fault::UnknownRoute)?;
    understood.found = Some(found.clone());
    retention::learn_from(centre, &target.app, &head.headers).await;
    let call = Call {
        centre: centre.clone(),
        received,
        app: target.app,
        query: Query::parse(head.uri.query().unwrap_or_default())?,
        parameters: found.parameters,
        path: format!("/{}", target.resource.join("/")),
        head,
        body: Some(body),
    };
    (found.route.serve)(call).await
}

/// What the request was taken for.
#[derive(Default)]
struct Understood {
    app: Option<String>,
    found: Option<Found>,
    /// A route that is under no App.
    management: Option<&'static str>,
}

impl Understood {
    fn route(&self) -> String {
        match &self.found {
            Some(found) => format!("{} {}", found.route.method, found.route.template),
            None => self.management.unwrap_or("unknown").to_owned(),
        }
    }

    /// Headers that a test compares with what the gateway decided. Answers that hyper gives by itself
    /// (to a head that is not HTTP) have none.
    fn stamp(&self, headers: &mut HeaderMap) {
        put(headers, DC_APP, self.app.as_deref().unwrap_or("none"));
        put(headers, DC_ROUTE, &self.route());
        if let Some(user) = self.found.as_ref().and_then(|found| found.parameter("u")) {
            put(headers, DC_USER, &visible(user));
        }
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// Percent-encodes what is not visible ASCII, and the percent sign itself.
fn visible(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' => encoded.push_str("%25"),
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

const DC_APP: HeaderName = HeaderName::from_static("dc-app");
const DC_ROUTE: HeaderName = HeaderName::from_static("dc-route");
const DC_USER: HeaderName = HeaderName::from_static("dc-user");
