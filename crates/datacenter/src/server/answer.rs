//! What the resources answer with.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::call::Call;

pub(crate) type Response = http::Response<Body>;

impl Call {
    /// 200 with the members that every answer of the service has, and these.
    pub(crate) fn answer(&self, members: Value) -> Response {
        let mut body = self.envelope();
        if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
            body.extend(members);
        }
        json_response(StatusCode::OK, &body)
    }

    fn envelope(&self) -> Value {
        let now = self.centre.clock.unix_millis();
        json!({
            "action": self.head.method.as_str().to_lowercase(),
            "application": self.app_id(),
            "applicationName": self.app.app(),
            "organization": self.app.org(),
            "path": self.path,
            "uri": self.uri(),
            "timestamp": now,
            "duration": now.saturating_sub(self.received),
        })
    }
}

/// A JSON answer.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
