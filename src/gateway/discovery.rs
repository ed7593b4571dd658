//! `GET /easemob/server.json`: where an App lives, for a client that knows nothing (SPEC 6.7).
//! Any region's gateway answers with the endpoints of the App's home.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use serde::Serialize;

use super::refusal::allow_origins;
use super::reject::Rejection;
use super::{Client, Gateway};
use crate::call::{QueryError, single};
use crate::config::{Endpoint, Hint, Region};
use crate::domain::{AppId, AppKey, Code};
use crate::observe::{Lookup, RequestRecord};
use crate::registry::{AppName, Home, Known, LocateError};

/// How often an address may ask in a minute: whoever knows an AppKey learns where it lives.
pub(super) const PER_MINUTE: u32 = 1_200;

/// Nobody registered it, or nobody is told.
const UNKNOWN: Rejection = Rejection::Discovery(Code::AppUnknown);

/// Seconds for which a client may keep the answer.
const VALID: u32 = 3_600;

/// What the request names.
struct Asked {
    app_key: Option<AppKey>,
    app_id: Option<AppId>,
}

#[derive(Serialize)]
struct Body<'a> {
    app_key: &'a str,
    deploy_name: &'a str,
    file_version: &'a str,
    valid_before: u32,
    rest: Hosts<'a>,
    #[serde(rename = "msync-wx")]
    websocket: Hosts<'a>,
    #[serde(rename = "msync-im")]
    msync: Hosts<'a>,
    /// Reports would go to other hosts than the App's home.
    #[serde(rename = "enableReportLogs")]
    report_logs: &'a str,
    #[serde(rename = "enableDataReport")]
    report_data: &'a str,
    uploadinparts_enable: &'a str,
}

#[derive(Serialize)]
struct Hosts<'a> {
    hosts: Vec<Host<'a>>,
}

#[derive(Serialize)]
struct Host<'a> {
    protocol: &'a str,
    domain: &'a str,
    port: u16,
}

impl Gateway {
    pub(super) async fn discover(
        &self,
        head: &Parts,
        client: &Client,
        record: &mut RequestRecord,
    ) -> Result<Response<Bytes>, Rejection> {
        let asked = Asked::read(head)?;
        let shared = &self.shared;
        if shared.hint == Hint::Region && shared.discoveries.count(client.peer.ip).is_some() {
            return Err(Rejection::Discovery(Code::RateLimited));
        }
        let known = self.known(&asked).await;
        shared.metrics.looked_up(match &known {
            Ok(known) => match known.home {
                Home::Here(_) => Lookup::Here,
                Home::Elsewhere(_) => Lookup::Elsewhere,
            },
            Err(rejection) => lookup(rejection.code()),
        });
        let known = known?;
        if let Home::Here(app) = &known.home {
            record.pinned(app.app_id);
        }
        let home = match &known.home {
            Home::Here(_) => &shared.region,
            Home::Elsewhere(region) => region,
        };
        // A pin's region is one of the catalogue.
        let region = shared.catalogue.region(home).ok_or(UNKNOWN)?;
        Ok(answer(&known.app_key, region))
    }

    async fn known(&self, asked: &Asked) -> Result<Arc<Known>, Rejection> {
        let registry = &self.shared.registry;
        let names = [
            asked.app_id.map(AppName::Id),
            asked.app_key.map(AppName::Key),
        ];
        let mut found: Option<Arc<Known>> = None;
        for name in names.into_iter().flatten() {
            let looked_up = registry.look_up(name).await.map_err(LocateError::LookUp)?;
            // What is hidden looks like what is not there, also beside another App's name.
            let known = looked_up.filter(|known| self.tells(&known.home));
            let known = known.ok_or(UNKNOWN)?;
            if found.is_some_and(|other| other.app_key != known.app_key) {
                return Err(Rejection::Discovery(Code::AppMismatch));
            }
            found = Some(known);
        }
        found.ok_or(Rejection::Discovery(Code::AppMissing))
    }

    fn tells(&self, home: &Home) -> bool {
        match home {
            Home::Here(_) => true,
            Home::Elsewhere(_) => self.shared.hint == Hint::Region,
        }
    }
}

/// As what a look-up that found no home counts.
const fn lookup(code: Code) -> Lookup {
    match code {
        Code::RegistryUnavailable => Lookup::Unavailable,
        Code::RegistryUntrusted => Lookup::Untrusted,
        _ => Lookup::Unknown,
    }
}

impl Asked {
    fn read(head: &Parts) -> Result<Self, Rejection> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Rejection::Discovery(Code::BadRequest));
        }
        let missing = Rejection::Discovery(Code::AppMissing);
        let query = head.uri.query();
        let broken = |_: QueryError| Rejection::Discovery(Code::BadRequest);
        let app_key = single(query, "app_key").map_err(broken)?;
        let app_id = single(query, "app_id").map_err(broken)?;
        let app_key = app_key.map(|text| AppKey::parse(&text)).transpose();
        let app_id = app_id.map(|text| AppId::parse(&text)).transpose();
        match (app_key, app_id) {
            (Ok(None), Ok(None)) => Err(missing),
            (Ok(app_key), Ok(app_id)) => Ok(Self { app_key, app_id }),
            _ => Err(missing),
        }
    }
}

fn answer(app_key: &AppKey, home: &Region) -> Response<Bytes> {
    let body = Body {
        app_key: app_key.as_str(),
        deploy_name: home.id.as_str(),
        file_version: "1",
        valid_before: VALID,
        rest: hosts(&home.rest, "https"),
        websocket: hosts(&home.websocket, "https"),
        msync: hosts(&home.msync, "tls"),
        report_logs: "false",
        report_data: "false",
        uploadinparts_enable: "false",
    };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    allow_origins(headers);
    response
}

fn hosts<'a>(endpoints: &'a [Endpoint], protocol: &'a str) -> Hosts<'a> {
    let host = |endpoint: &'a Endpoint| Host {
        protocol,
        domain: &endpoint.host,
        port: endpoint.port,
    };
    Hosts {
        hosts: endpoints.iter().map(host).collect(),
    }
}
