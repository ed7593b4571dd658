//! One core's own decision: from a request's head to the pools it may leave through.
//!
//! These are steps 3 to 6 of `gateway::route`, with the real registry, gate and zones of one core,
//! the machine's clock, metrics and limits; no socket is opened.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use access_token::Policy;
use bytes::Bytes;
use domicile::auth::Gate;
use domicile::call::{Call, CallBody, Names, Peer, Target, classify};
use domicile::config::Limits;
use domicile::domain::{Clock, SystemClock};
use domicile::observe::{Metrics, RequestId, TraceContext};
use domicile::pace::Pacer;
use domicile::registry::{App, Locator};
use domicile::zone::{Bound, Homes, Zones};
use futures_util::FutureExt;
use http::request;
use tokio_util::task::TaskTracker;

use crate::kit::{self, HOST};

/// One core's gateway, as far as it decides, and an App that it knows.
pub struct Core {
    pub names: Names,
    locator: Locator,
    gate: Gate,
    zones: Zones,
    limits: Limits,
    peer: Peer,
    pub app: Arc<App>,
    _folder: tempfile::TempDir,
}

impl Core {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = kit::registry(&folder, &clock).await;
        let app = kit::registered(&registry).await;
        let (region, zone) = (kit::region_id(), kit::zone_id());
        let metrics = Arc::new(Metrics::new(
            &region,
            std::slice::from_ref(&zone),
            std::slice::from_ref(&region),
        ));
        let (limits, policy) = (Limits::default(), Policy::default());
        let homes = Homes::new(&[kit::zone_config()], &limits, &metrics, |_| None);
        let homes = homes.expect("the zone");
        Self {
            names: Names::new([HOST.to_owned()]),
            locator: Locator::new(registry, 1_024),
            gate: Gate::new(policy.max_age, policy.clock_skew, clock, metrics),
            zones: Zones::new(&homes, 1, &Pacer::new(), &TaskTracker::new()),
            limits,
            peer: Peer::new(IpAddr::V4(Ipv4Addr::LOCALHOST), false),
            app,
            _folder: folder,
        }
    }

    fn classify(&self, head: request::Parts) -> Box<Call> {
        let Ok(Target::App(asked)) = classify(&head, &self.names) else {
            unreachable!("the head asks for the App")
        };
        let id = RequestId::fresh();
        Box::new(Call {
            head,
            body: CallBody::Read(Bytes::new()),
            asked,
            // A connection's, made once.
            peer: self.peer.clone(),
            id,
            trace: TraceContext::of(id),
        })
    }

    /// The steps of `Gateway::route`. For a known App nothing in them waits.
    pub async fn decide(&self, head: request::Parts) -> Bound<Box<Call>> {
        let call = self.classify(head);
        let pinned = self.locator.locate(call).await.expect("the App lives here");
        let identified = self.gate.identify(pinned).expect("one App throughout");
        let identified = self.gate.check_grant(identified).await.expect("no log-in");
        let admitted = self.gate.admit(identified).expect("a valid token");
        self.zones
            .bind(admitted, &self.limits)
            .expect("a free place")
    }

    pub fn decide_at_once(&self, head: request::Parts) -> Bound<Box<Call>> {
        self.decide(head).now_or_never().expect("the App is known")
    }
}

/// What the head of a usual call looks like.
pub fn head(token: &str) -> request::Parts {
    let request = http::Request::get("/acme/chat/users/u7k2m9")
        .header("host", HOST)
        .header("user-agent", "chat-backend/1.0")
        .header("accept", "application/json")
        .header("authorization", format!("Bearer {token}"));
    request.body(()).expect("a request").into_parts().0
}
