//! Traces by OTLP with W3C Trace Context: off unless asked for, nothing of a person, to the configured
//! collector alone, and never at a request's cost.

use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::harness::certificates::{self, Authority};
use crate::harness::collector::{Collector, Takes, attribute, hex};
use crate::harness::front::Front;
use crate::harness::sdk::{By, unread};
use crate::harness::{Call, Plan, Reply, Said, Via, World, eventually, in_time};
use crate::privacy;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const STATE: &str = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7";

/// Frankfurt tells everything to this address, by these words more.
fn telling(collector: &str, more: &'static str) -> impl Fn(&str, String) -> String + use<> {
    let section = format!("tracing: {{sample_ratio: 1, {more} otlp: {{{collector}}}}}\n");
    move |region, yaml| match region {
        "frankfurt" => yaml + &section,
        _ => yaml,
    }
}

fn at(collector: &Collector) -> String {
    let address = collector.address;
    format!("endpoint: \"http://{address}\", egress: [\"127.0.0.1\"]")
}

async fn world(collector: &Collector, more: &'static str) -> World {
    world_of(World::plan(), &at(collector), more).await
}

async fn world_of(plan: Plan, collector: &str, more: &'static str) -> World {
    let mut world = World::without_gateways(plan).await;
    world.edit(telling(collector, more));
    world.start_gateways().await;
    world
}

fn traced(call: Call, flags: &str) -> Call {
    let parent = format!("00-{TRACE}-{CALLER}-{flags}");
    call.header("traceparent", &parent)
        .header("tracestate", STATE)
}

fn of_kind(spans: &[Span], kind: SpanKind) -> Vec<Span> {
    let kind = i32::from(kind);
    spans.iter().filter(|s| s.kind == kind).cloned().collect()
}

/// Controls: the attributes of `otlp.rs`, the child's parent, the context that the data centre gets.
#[tokio::test]
async fn a_call_is_a_server_span_in_the_callers_trace_with_a_child_for_the_data_centre() {
    let collector = Collector::start(Takes::All).await;
    let world = world(&collector, "parents: anybody,").await;
    let app = world.app("fra1").await;
    let call = traced(Call::plain_of(&app), "01");
    assert_eq!(world.call("frankfurt", call).await.status, 200);
    let spans = collector.has(2).await;
    let ([server], [client]) = (
        &of_kind(&spans, SpanKind::Server)[..],
        &of_kind(&spans, SpanKind::Client)[..],
    ) else {
        panic!("{spans:#?}")
    };
    let seen = world.centre("fra1").only();
    for span in [server, client] {
        assert_eq!(hex(&span.trace_id), TRACE);
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    assert_eq!(hex(&server.parent_span_id), CALLER);
    assert_eq!(client.parent_span_id, server.span_id);
    let told = format!("00-{TRACE}-{}-01", hex(&client.span_id));
    assert_eq!(seen.header("traceparent"), Some(&*told));
    assert_eq!(seen.header("tracestate"), Some(STATE));
    assert!(client.start_time_unix_nano >= server.start_time_unix_nano);
    assert!(client.end_time_unix_nano <= server.end_time_unix_nano);

    assert_eq!(server.name, "GET users");
    let id = seen.header("domicile-request-id").unwrap();
    let own: BTreeSet<_> = server.attributes.iter().map(|a| a.key.as_str()).collect();
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "users"),
        ("http.response.status_code", "200"),
        ("domicile.zone", "fra1"),
        ("domicile.channel", "general"),
        ("domicile.plane", "rest"),
        ("domicile.app_id", &app.app_id),
        ("domicile.request_id", id),
        ("domicile.complete", "true"),
    ] {
        assert_eq!(
            attribute(&server.attributes, key).as_deref(),
            Some(value),
            "{key}"
        );
    }
    assert_eq!(own.len(), 10, "and domicile.decision_us: {own:?}");
    let decoded = collector.decoded();
    let resource = decoded[0].resource_spans[0].resource.clone().unwrap();
    for (key, value) in [
        ("service.name", "domicile"),
        ("domicile.region", "frankfurt"),
    ] {
        assert_eq!(attribute(&resource.attributes, key).as_deref(), Some(value));
    }
    let [taken] = &collector.requests()[..] else {
        panic!("one request")
    };
    assert_eq!(taken.path, "/v1/traces");
    assert_eq!(taken.headers["content-type"], "application/x-protobuf");
    let metrics = world.metrics("frankfurt").await;
    assert_eq!(exported(&metrics, "sent"), 2.0);
    world.finish().await;
}

fn exported(metrics: &crate::harness::scrape::Metrics, result: &str) -> f64 {
    metrics.sum("domicile_trace_spans_total", &[("result", result)])
}

/// Controls: `Tracer::continues`; a stranger's ids are not believed unless it is asked for.
#[tokio::test]
async fn strangers_begin_traces_of_their_own() {
    let collector = Collector::start(Takes::All).await;
    let world = world(&collector, "").await;
    let app = world.app("fra1").await;
    world
        .call("frankfurt", traced(Call::plain_of(&app), "01"))
        .await;
    let spans = collector.has(2).await;
    let seen = world.centre("fra1").only();
    let id = seen.header("domicile-request-id").unwrap();
    for span in &spans {
        assert_eq!(hex(&span.trace_id), id, "the request's id is its trace's");
    }
    assert_eq!(of_kind(&spans, SpanKind::Server)[0].parent_span_id, [0; 0]);
    assert_eq!(seen.header("tracestate"), None);
    world.finish().await;

    let plan = World::plan().trusted_proxy("127.0.0.1");
    let world = world_of(plan, &at(&collector), "").await;
    let app = world.app("fra1").await;
    let call = traced(Call::plain_of(&app), "01").via(Via::Http2);
    world.call("frankfurt", call).await;
    collector.has(4).await;
    assert_eq!(
        hex(&collector.spans()[2].trace_id),
        TRACE,
        "a trusted proxy's is"
    );
    world.finish().await;
}

/// Controls: `Tracer::begin` follows a caller that does not record, and `clean_request` what is no parent.
#[tokio::test]
async fn what_is_not_sampled_is_not_told_and_what_is_no_parent_is_none() {
    let collector = Collector::start(Takes::All).await;
    let world = world(&collector, "parents: anybody,").await;
    let app = world.app("fra1").await;
    world
        .call("frankfurt", traced(Call::plain_of(&app), "00"))
        .await;
    let seen = world.centre("fra1").last();
    let told = seen.header("traceparent").unwrap().to_owned();
    assert!(
        told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-00"),
        "{told}"
    );
    assert!(!told.contains(CALLER));
    for bad in [
        format!("00-{TRACE}-{CALLER}"),
        format!("ff-{TRACE}-{CALLER}-01"),
        format!("00-{}-{CALLER}-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{}-{CALLER}-01", TRACE.to_uppercase()),
    ] {
        let call = Call::plain_of(&app).header("traceparent", &bad);
        let call = call.header("tracestate", STATE);
        world.call("frankfurt", call).await;
        let seen = world.centre("fra1").last();
        let id = seen.header("domicile-request-id").unwrap();
        assert_eq!(&seen.header("traceparent").unwrap()[3..35], id, "{bad}");
        assert_eq!(seen.header("tracestate"), None, "{bad}");
    }
    let twice = traced(Call::plain_of(&app), "01");
    let twice = twice.header("traceparent", &format!("00-{TRACE}-{CALLER}-01"));
    world.call("frankfurt", twice).await;
    let seen = world.centre("fra1").last();
    assert!(!seen.header("traceparent").unwrap().contains(TRACE));
    let long = Call::plain_of(&app)
        .header("traceparent", &format!("00-{TRACE}-{CALLER}-01"))
        .header("tracestate", &format!("a={}", "b".repeat(600)));
    world.call("frankfurt", long).await;
    let seen = world.centre("fra1").last();
    assert!(seen.header("traceparent").unwrap().contains(TRACE));
    assert_eq!(seen.header("tracestate"), None);
    let spans = collector.has(14).await;
    assert_eq!(
        spans.len(),
        14,
        "seven calls, the unsampled one not among them"
    );
    world.finish().await;
}

/// Control: `sample_ratio`, as the gateway keeps it.
#[tokio::test]
async fn a_ratio_of_nothing_tells_nothing() {
    let collector = Collector::start(Takes::All).await;
    let mut world = World::without_gateways(World::plan()).await;
    let some = telling(&at(&collector), "parents: anybody,");
    world.edit(move |region, yaml| {
        some(region, yaml).replace("sample_ratio: 1,", "sample_ratio: 0,")
    });
    world.start_gateways().await;
    let app = world.app("fra1").await;
    for _ in 0..20 {
        world
            .call("frankfurt", traced(Call::plain_of(&app), "01"))
            .await;
    }
    let told = world.centre("fra1").last();
    assert!(told.header("traceparent").unwrap().ends_with("-00"));
    world.stop_gateways().await;
    assert!(collector.requests().is_empty());
    world.finish().await;
}

/// P7. Control: a path, a user, a token or an address among the attributes.
#[tokio::test]
async fn nothing_of_a_person_is_told() {
    let collector = Collector::start(Takes::All).await;
    let mut world = world(&collector, "parents: anybody,").await;
    let (app, foreign) = (world.app("fra1").await, world.app("bj1").await);
    privacy::script(&world);
    let tokens = privacy::Tokens::of(&app, &foreign, app.now());
    let calls = privacy::calls(&app, Some(&foreign), &tokens);
    let count = calls.len();
    for call in calls {
        for via in [Via::Http1, Via::Http2] {
            // HTTP/2 cannot say some of these.
            if via == Via::Http1 || call.host.is_none() && call.target.starts_with("/acme") {
                world.call("frankfurt", call.clone().via(via)).await;
            }
        }
    }
    let mut sdk = world.session(&app, "user-canary5417", By::Websocket).await;
    sdk.send(&unread()).await;
    sdk.message().await;
    drop(sdk);
    world.stop_gateways().await;
    let spans = collector.spans();
    assert!(of_kind(&spans, SpanKind::Server).len() > count);
    let session = spans
        .iter()
        .find(|s| s.name == "GET websocket" && !s.attributes.is_empty());
    assert!(session.is_some());
    let canaries = privacy::canaries(&tokens.all());
    for taken in collector.requests() {
        for canary in &canaries {
            let found = memchr::memmem::find(&taken.body, canary.as_bytes());
            assert!(found.is_none(), "a span holds {canary}");
        }
    }
    let code = |span: &Span| attribute(&span.attributes, "domicile.code");
    let codes: BTreeSet<_> = spans.iter().filter_map(code).collect();
    for expected in [
        "app_lives_elsewhere",
        "token_expired",
        "bad_request",
        "cross_region_reference",
    ] {
        assert!(codes.contains(expected), "{codes:?}");
    }
    // Of what was refused nothing went out, so it has no child.
    let parents: BTreeSet<_> = of_kind(&spans, SpanKind::Client)
        .iter()
        .map(|s| s.parent_span_id.clone())
        .collect();
    let abroad = spans
        .iter()
        .find(|s| code(s).as_deref() == Some("app_lives_elsewhere"));
    assert!(!parents.contains(&abroad.unwrap().span_id));
    world.finish().await;
}

/// A failure of the data centre is the child's failure, and the call's.
#[tokio::test]
async fn failures_are_told_as_such() {
    let collector = Collector::start(Takes::All).await;
    let world = world(&collector, "").await;
    let app = world.app("fra1").await;
    world.centre("fra1").answers(Reply::Cut);
    let answer = world.call("frankfurt", Call::plain_of(&app)).await;
    assert_eq!(answer.verdict(), (502, "upstream_protocol"));
    for span in collector.has(2).await {
        assert_eq!(span.status.unwrap().code, i32::from(StatusCode::Error));
        let error = attribute(&span.attributes, "error.type");
        assert_eq!(error.as_deref(), Some("upstream_protocol"));
    }
    world.finish().await;
}

/// Controls: `try_send`, the time-outs of `Exporter`; a redirect is an answer like any other.
#[tokio::test]
async fn a_collector_that_takes_nothing_costs_no_request() {
    for takes in [Takes::Nothing(503), Takes::Nothing(307), Takes::Time] {
        let collector = Collector::start(takes).await;
        let mut world = world(&collector, "").await;
        let app = world.app("fra1").await;
        for _ in 0..50 {
            let answer = world.call("frankfurt", Call::plain_of(&app)).await;
            assert_eq!(answer.status, 200, "{takes:?}");
        }
        eventually("a try", || !collector.requests().is_empty()).await;
        if takes != Takes::Time {
            in_time("the failure to be counted", async {
                while exported(&world.metrics("frankfurt").await, "failed") < 2.0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
            .await;
        }
        let ended = tokio::time::timeout(Duration::from_secs(15), world.stop_gateways()).await;
        assert!(ended.is_ok(), "{takes:?}: the end waits for the collector");
        world.finish().await;
    }
}

/// P8. Control: the egress ranges of `tracing.otlp`; a name is looked up and its address refused.
#[tokio::test]
async fn a_collector_outside_its_ranges_is_never_connected_to() {
    let collector = Collector::start(Takes::All).await;
    let port = collector.address.port();
    let elsewhere = format!("endpoint: \"http://localhost:{port}\", egress: [\"127.99.0.0/16\"]");
    let mut world = world_of(World::plan(), &elsewhere, "").await;
    let app = world.app("fra1").await;
    assert_eq!(
        world.call("frankfurt", Call::plain_of(&app)).await.status,
        200
    );
    in_time("the denial", async {
        let denied = [("verdict", "denied")];
        let dials = "domicile_egress_dials_total";
        while world.metrics("frankfurt").await.sum(dials, &denied) < 1.0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    world.stop_gateways().await;
    assert!(collector.requests().is_empty());
    world.finish().await;
}

/// Control: `tracing.otlp.tls`; a collector that its CA does not vouch for is told nothing.
#[tokio::test]
async fn a_collector_is_believed_by_its_ca() {
    let collector = Collector::start(Takes::All).await;
    let pair = certificates::issue(&certificates::Wish::names(&["localhost"]));
    let ip = "127.0.0.1".parse().unwrap();
    let front = Front::start(ip, collector.address, &pair, None).await;
    let port = front.address.port();
    for (ca, believed) in [
        (certificates::ca().to_owned(), true),
        (Authority::new("x").pem, false),
    ] {
        let mut world = World::without_gateways(World::plan()).await;
        std::fs::write(world.root().join("frankfurt/collector.crt"), ca).unwrap();
        world.edit(telling(
            &format!(
                "endpoint: \"https://localhost:{port}\", egress: [\"127.0.0.1\"], tls: {{ca: collector.crt}}"
            ),
            "",
        ));
        world.start_gateways().await;
        let app = world.app("fra1").await;
        world.centre("fra1").answers(Said::ok("here"));
        world.call("frankfurt", Call::plain_of(&app)).await;
        let result = if believed { "sent" } else { "failed" };
        in_time(result, async {
            while exported(&world.metrics("frankfurt").await, result) < 2.0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        assert_eq!(collector.spans().len(), 2, "only the first time");
        world.finish().await;
    }
}
