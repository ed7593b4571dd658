//! `POST /management/sweeps`: a gateway says how long an App's messages are kept, has what is past it
//! deleted, and gets the reports of sweeps for its audit log. A report is told again until it is
//! acknowledged: at least once, with an id by which a second time is known.

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use super::learn;
use super::report::{self, Report};
use super::sweep::{Swept, sweep};
use crate::app_key::AppKey;
use crate::centre::Centre;
use crate::erasure::{check, read};
use crate::server::answer::{Response, json_response};
use crate::server::fault::Fault;
use crate::store::{Edit, StoreError, View};

pub(crate) const ROUTE: &str = "POST management/sweeps";

pub(crate) fn is_asked<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path() == "/management/sweeps"
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    app_key: String,
    retention_days: u64,
    /// The last `sweep_id` that is in the audit log.
    #[serde(default)]
    acknowledged: Option<String>,
}

pub(crate) async fn serve(
    centre: &Arc<Centre>,
    request: Request<Incoming>,
) -> Result<Response, Fault> {
    let (head, body) = request.into_parts();
    check(&head.headers, &centre.zone)?;
    let asked: Asked = serde_json::from_slice(&read(body).await?).map_err(|_| NOT_THIS)?;
    let (app, acknowledged) = asked.parts()?;
    if let Some(id) = acknowledged {
        let app = app.clone();
        let write = move |edit: &Edit<'_>| report::acknowledge(edit, &app, id);
        centre.store.write::<_, StoreError, _>(write).await?;
    }
    learn(centre, &app, asked.retention_days).await?;
    // A task of its own, so that a batch of it is never cut in two by a gateway that leaves.
    let (shared, swept) = (centre.clone(), app.clone());
    let sweeping = centre
        .tracker
        .spawn(async move { sweep(&shared, &swept, asked.retention_days).await });
    let swept = sweeping.await.map_err(|_| Fault::Stopping)??;
    let (read_app, read) = (app.clone(), &centre.store);
    let read = read.read(move |view: &View<'_>| report::waiting(view, &read_app));
    let reports: Vec<Report> = read.await.map_err(|error: StoreError| Fault::from(error))?;
    Ok(json_response(
        StatusCode::OK,
        &answer(&app, swept, &reports),
    ))
}

impl Asked {
    fn parts(&self) -> Result<(AppKey, Option<u64>), Fault> {
        let halves = self.app_key.split_once('#');
        let app = halves.and_then(|(org, app)| AppKey::new(org, app));
        let id = self.acknowledged.as_deref();
        let id = id.map(|id| u64::from_str_radix(id, 16)).transpose();
        Ok((
            app.ok_or(Fault::Illegal("app_key is none"))?,
            id.map_err(|_| Fault::Illegal("acknowledged is no sweep_id"))?,
        ))
    }
}

fn answer(app: &AppKey, swept: Swept, reports: &[Report]) -> Value {
    let sweeps: Vec<Value> = reports.iter().map(Report::json).collect();
    json!({
        "app_key_sha256": report::hash(app),
        "complete": swept == Swept::Whole,
        "sweeps": sweeps,
    })
}

const NOT_THIS: Fault = Fault::Illegal(
    "the body is not an object of app_key, retention_days and, if wanted, acknowledged",
);
