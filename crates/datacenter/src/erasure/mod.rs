//! `POST /management/erasures`: a gateway asks for the data of an App, or of one of its users, to be
//! erased, and gets evidence of it. No path of an App is like this one, since its org is reserved: what
//! clients send can't come here.

mod run;
mod subject;
mod tally;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::{Body as _, Incoming};
use tracing::Instrument;

use crate::centre::Centre;
use crate::server::answer::{Response, json_response};
use crate::server::fault::Fault;
use subject::Subject;
use tally::Evidence;

pub(crate) const ROUTE: &str = "POST management/erasures";

pub(crate) fn is_asked<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path() == "/management/erasures"
}

/// Goes on to the end when the gateway leaves: its evidence is in the log then.
pub(crate) async fn serve(
    centre: &Arc<Centre>,
    request: Request<Incoming>,
) -> Result<Response, Fault> {
    let (head, body) = request.into_parts();
    let request_id = check(&head.headers, &centre.zone)?;
    fact(&head.headers, "domicile-app-id")?;
    let span = tracing::info_span!("erasure", request_id);
    let subject = Subject::read(&read(body, BODY_MAX).await?)?;
    let (centre, stop) = (centre.clone(), centre.stop.hard.clone());
    let tracker = centre.tracker.clone();
    let erasing = async move {
        let evidence = stop.run_until_cancelled(run::run(&centre, &subject)).await;
        let evidence = evidence.ok_or(Fault::Stopping)??;
        log(&evidence);
        Ok::<_, Fault>(evidence)
    };
    let evidence = tracker.spawn(erasing.instrument(span)).await;
    let evidence = evidence.map_err(|_| Fault::Stopping)??;
    Ok(json_response(StatusCode::OK, &evidence.json()))
}

/// What a gateway says of each request of its own. Gives its id.
pub(crate) fn check<'a>(headers: &'a HeaderMap, zone: &str) -> Result<&'a str, Fault> {
    if fact(headers, "domicile-zone")? != zone {
        return Err(Fault::Forbidden("the App is of another zone"));
    }
    fact(headers, "domicile-request-id")
}

fn fact<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Fault> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    let value = value.filter(|value| !value.is_empty() && value.len() <= FACT_MAX);
    value.ok_or(Fault::Illegal("a Domicile header is missing"))
}

/// A body of at most `most` bytes.
pub(crate) async fn read(body: Incoming, most: usize) -> Result<Bytes, Fault> {
    if body.size_hint().lower() > most as u64 {
        return Err(Fault::TooLarge);
    }
    to_bytes(Body::new(body), most)
        .await
        .map_err(|_| Fault::TooLarge)
}

fn log(evidence: &Evidence) {
    tracing::info!(
        erasure_id = evidence.id,
        app_key_sha256 = evidence.app,
        digest = evidence.digest,
        erased = evidence.entries,
        remaining = evidence.remaining,
        "data was erased"
    );
}

const BODY_MAX: usize = 4096;
const FACT_MAX: usize = 64;
