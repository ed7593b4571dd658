//! SPEC 6.6: what the data centre is told, and by whom.

use crate::harness::{Call, Http2, Via, World, rest_name};

/// Control: `headers::clean_request` and `prepare::stamp`.
#[tokio::test]
async fn the_data_centre_is_told_by_the_gateway_alone() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let forged = [
        ("domicile-app-id", "00000000000000000000000000000000"),
        ("domicile-channel", "room"),
        ("domicile-zone", "bj1"),
        ("domicile-gateway-secret", "guess"),
        ("domicile-anything", "x"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "80"),
        ("forwarded", "for=203.0.113.9;host=evil.test"),
        ("x-real-ip", "203.0.113.9"),
        ("x-http-method-override", "DELETE"),
        ("x-original-url", "/other/app/users"),
        ("x-rewrite-url", "/other/app/users"),
        (
            "traceparent",
            "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01",
        ),
        ("proxy-authorization", "Basic eA=="),
        ("x-mine", "kept"),
        ("accept", "application/json"),
    ];
    for via in Via::ALL {
        let call = Call::get(&app.path("messages/chatgroups?limit=5&x=%2F"))
            .token(&app.app_token())
            .via(via);
        let call = forged
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value));
        let answer = world.call("frankfurt", call).await;
        assert_eq!(answer.status, 200, "{via:?}");
    }
    for seen in world.centre("fra1").requests() {
        assert_eq!(seen.target(), app.path("messages/chatgroups?limit=5&x=%2F"));
        assert_eq!(seen.head.word(2), "HTTP/1.1");
        let expected = [
            ("host", world.centre("fra1").address.to_string()),
            ("domicile-app-id", app.app_id.clone()),
            ("domicile-channel", "group".to_owned()),
            ("domicile-zone", "fra1".to_owned()),
            ("domicile-retention-days", "7".to_owned()),
            ("x-forwarded-for", "127.0.0.1".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
            ("x-forwarded-host", "rest.frankfurt.test".to_owned()),
            ("x-mine", "kept".to_owned()),
            ("accept", "application/json".to_owned()),
        ];
        for (name, value) in expected {
            assert_eq!(seen.header(name), Some(value.as_str()), "{name}");
        }
        let id = seen.header("domicile-request-id").unwrap();
        assert!(
            id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()),
            "{id}"
        );
        let trace: Vec<&str> = seen.header("traceparent").unwrap().split('-').collect();
        assert_eq!(
            (trace[0], trace[1], trace[2].len(), trace[3]),
            ("00", id, 16, "01")
        );
        let gone = [
            "forwarded",
            "x-real-ip",
            "x-http-method-override",
            "x-original-url",
            "x-rewrite-url",
            "x-forwarded-port",
            "domicile-gateway-secret",
            "domicile-anything",
            "proxy-authorization",
            "te",
            "upgrade",
        ];
        for name in gone {
            assert_eq!(seen.header(name), None, "{name}");
        }
    }
    world.finish().await;
}

/// Control: `headers::is_look_alike`. For a server that takes fields as variables all these are the gateway's own.
#[tokio::test]
async fn what_reads_like_the_gateways_own_does_not_arrive() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let forged = [
        ("domicile_app_id", "00000000000000000000000000000000"),
        ("Domicile_Zone", "bj1"),
        ("domicile.gateway.secret", "guess"),
        ("x_app_id", "00000000000000000000000000000000"),
        ("x_forwarded_for", "203.0.113.9"),
        ("x_http_method_override", "DELETE"),
        ("x_original_url", "/other/app/users"),
        ("content_length", "7"),
        ("transfer_encoding", "chunked"),
        ("x_mine", "kept"),
    ];
    for via in Via::ALL {
        let call = Call::plain_of(&app).via(via);
        let call = forged
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value));
        assert_eq!(world.call("frankfurt", call).await.status, 200, "{via:?}");
    }
    for seen in world.centre("fra1").requests() {
        let variable = |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        for (name, value) in &forged {
            let name = variable(&name.to_lowercase());
            let fields = seen.head.headers.iter();
            let told: Vec<_> = fields.filter(|(n, _)| variable(n) == name).collect();
            let is_kept = *value == "kept";
            assert!(
                told.iter().all(|(_, told)| (told == value) == is_kept),
                "{told:?}"
            );
            assert!(
                told.len() == usize::from(is_kept) || (told.len() == 1 && !told[0].0.contains('_')),
                "{told:?}"
            );
        }
        assert_eq!(seen.header("domicile-app-id"), Some(app.app_id.as_str()));
        assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    }
    world.finish().await;
}

/// Control: what `Connection` names goes no further.
#[tokio::test]
async fn hop_by_hop_fields_end_here() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let call = Call::plain_of(&app)
        .header("connection", "keep-alive, X-Secret, Authorization")
        .header("x-secret", "1")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers")
        .header("upgrade", "h2c");
    let answer = world.call("frankfurt", call).await;
    assert_eq!(answer.status, 200);
    let seen = world.centre("fra1").only();
    for name in ["x-secret", "keep-alive", "te", "upgrade", "authorization"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    // Nobody strips the gateway's own marks by naming them.
    let call = Call::plain_of(&app).header("connection", "Domicile-App-Id, Host, X-Forwarded-For");
    assert_eq!(world.call("frankfurt", call).await.status, 200);
    let seen = world.centre("fra1").requests().remove(1);
    assert_eq!(seen.header("domicile-app-id"), Some(app.app_id.as_str()));
    world.finish().await;
}

/// Control: `trusted_proxies` alone may say who the client is, by PROXY protocol or header.
#[tokio::test]
async fn only_a_trusted_proxy_is_believed() {
    for trusted in [false, true] {
        let plan = World::plan();
        let world = World::of(if trusted {
            plan.trusted_proxy("127.0.0.0/8")
        } else {
            plan
        })
        .await;
        let app = world.app("fra1").await;
        let call = Call::plain_of(&app)
            .header("x-forwarded-for", "203.0.113.9")
            .header("x-forwarded-host", "evil.test")
            .header("domicile-zone", "bj1");
        assert_eq!(world.call("frankfurt", call).await.status, 200);
        let seen = world.centre("fra1").only();
        let addresses = seen.head.all("x-forwarded-for").join(", ");
        let expected = if trusted {
            "203.0.113.9, 127.0.0.1"
        } else {
            "127.0.0.1"
        };
        assert_eq!(addresses, expected);
        assert_eq!(seen.header("x-forwarded-host"), Some("rest.frankfurt.test"));
        let mut wire = world.plain_wire("frankfurt").await;
        let call = Call::plain_of(&app).bytes("rest.frankfurt.test");
        let line = b"PROXY TCP4 203.0.113.9 127.0.0.1 1234 443\r\n".to_vec();
        wire.send([line, call].concat()).await;
        let answer = wire.answer().await;
        if trusted {
            assert_eq!(answer.status, 200);
            let seen = world.centre("fra1").requests().remove(1);
            assert_eq!(seen.header("x-forwarded-for"), Some("203.0.113.9"));
        } else {
            assert_eq!(answer.status, 400);
        }
        world.finish().await;
    }
}

/// Control: HTTP/2 splits a Cookie, HTTP/1.1 may not.
#[tokio::test]
async fn cookies_arrive_in_one_piece() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let name = rest_name("frankfurt");
    let mut client = Http2::connect(world.addresses("frankfurt").https.unwrap(), &name).await;
    let call = Call::plain_of(&app)
        .header("cookie", "a=1")
        .header("cookie", "b=2");
    assert_eq!(client.call(&call, &name).await.status, 200);
    assert_eq!(
        world.centre("fra1").only().header("cookie"),
        Some("a=1; b=2")
    );
    world.finish().await;
}

/// Control: a preflight is the gateway's own answer, without a look-up (SPEC 6.3).
#[tokio::test]
async fn a_preflight_is_never_forwarded() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let long = "x-a,".repeat(300);
    for via in Via::ALL {
        for path in [
            app.path("users"),
            "/acme/nobody/users".to_owned(),
            "/anything".to_owned(),
        ] {
            let call = Call::new("OPTIONS", &path)
                .via(via)
                .header("origin", "https://app.test")
                .header("access-control-request-method", "DELETE");
            let asked = call
                .clone()
                .header("access-control-request-headers", "authorization, x-app-id");
            let answer = world.call("beijing", asked).await;
            assert_eq!(answer.status, 204, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert_eq!(
                answer.header("access-control-allow-methods"),
                Some("DELETE")
            );
            assert_eq!(
                answer.header("access-control-allow-headers"),
                Some("authorization, x-app-id")
            );
            assert_eq!(answer.header("access-control-max-age"), Some("600"));
            let answer = world
                .call(
                    "beijing",
                    call.header("access-control-request-headers", &long),
                )
                .await;
            assert!(
                answer
                    .header("access-control-allow-headers")
                    .is_none_or(|h| h.len() <= 1024)
            );
        }
    }
    assert_eq!(world.forwarded(), 0);
    let metrics = world.metrics("beijing").await;
    assert_eq!(metrics.sum("domicile_registry_lookups_total", &[]), 0.0);
    // Without the method that it asks for it is a call like others.
    let answer = world
        .call("beijing", Call::new("OPTIONS", &app.path("users")))
        .await;
    assert_eq!(answer.verdict(), (421, "app_lives_elsewhere"));
    let foreign = Call::new("OPTIONS", "/x")
        .host("rest.frankfurt.test")
        .header("access-control-request-method", "GET");
    assert_eq!(world.call("beijing", foreign).await.code(), "host_mismatch");
    world.finish().await;
}

/// Control: methods go through as they are, HEAD without a body.
#[tokio::test]
async fn every_method_is_forwarded_as_it_is() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    for via in Via::ALL {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND",
        ] {
            let call = Call::new(method, &app.path("users"))
                .token(&app.app_token())
                .via(via);
            let answer = world.call("frankfurt", call).await;
            assert_eq!(answer.status, 200, "{method} by {via:?}");
            assert_eq!(
                world.centre("fra1").requests().last().unwrap().method(),
                method
            );
        }
    }
    world.finish().await;
}
