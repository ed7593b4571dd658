//! The trace that a caller says its request belongs to.

use http::header::{HeaderMap, HeaderName};

use crate::observe::{Parent, is_trace_state};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The one valid `traceparent` of a head. A `tracestate` that cannot go on with it is taken out.
pub(super) fn take(headers: &mut HeaderMap) -> Option<Parent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (value, another) = (values.next()?, values.next());
    let parent = Parent::parse(value.as_bytes()).filter(|_| another.is_none())?;
    let mut states = headers.get_all(TRACESTATE).iter();
    let (state, another) = (states.next(), states.next());
    let goes_on = state.is_some_and(|state| is_trace_state(state.as_bytes()));
    if !goes_on || another.is_some() {
        headers.remove(TRACESTATE);
    }
    Some(parent)
}
