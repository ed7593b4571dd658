//! P8, the way back: what an answer may point to, and that no redirect is followed.

use crate::harness::{Call, Said, Via, World};

/// Control: `References::filter`. The data centre's answer is withheld, and nothing is followed.
#[tokio::test]
async fn references_elsewhere_are_withheld() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let elsewhere = world.centre("bj1").address;
    let upstream = world.centre("fra1").address;
    let cases = [
        (302, "Location", format!("http://{elsewhere}/x")),
        (301, "Location", "https://rest.beijing.test/x".to_owned()),
        (307, "Location", "//rest.beijing.test/x".to_owned()),
        (201, "Location", "https://rest.beijing.test/x".to_owned()),
        (
            200,
            "Content-Location",
            "https://rest.beijing.test/x".to_owned(),
        ),
        (
            200,
            "Refresh",
            "0; url=https://rest.beijing.test/x".to_owned(),
        ),
        (
            200,
            "Link",
            "</a>; rel=prev, <https://rest.beijing.test/x>; rel=next".to_owned(),
        ),
        (302, "Location", "http://rest.frankfurt.test/x".to_owned()),
        (
            302,
            "Location",
            "https://rest.frankfurt.test:8443/x".to_owned(),
        ),
        (302, "Location", format!("https://{}:1/x", upstream.ip())),
        (
            302,
            "Location",
            "https://rest.frankfurt.test@rest.beijing.test/".to_owned(),
        ),
        (302, "Location", "\\\\rest.beijing.test/x".to_owned()),
    ];
    for via in Via::ALL {
        for (status, name, value) in &cases {
            world
                .centre("fra1")
                .answers(Said::new(*status).header(name, value).body("the body"));
            let answer = world.call("frankfurt", Call::plain_of(&app).via(via)).await;
            assert_eq!(
                answer.verdict(),
                (502, "cross_region_reference"),
                "{name}: {value}"
            );
            assert!(answer.header("location").is_none());
            assert!(!answer.text().contains("the body"));
        }
    }
    let count = cases.len() * Via::ALL.len();
    assert_eq!(world.forwarded(), count, "nothing was followed");
    assert_eq!(world.centre("bj1").bytes(), 0);
    let metrics = world.metrics("frankfurt").await;
    let blocked = |header| metrics.sum("domicile_response_blocked_total", &[("header", header)]);
    assert_eq!(blocked("location"), 27.0);
    assert_eq!(
        (
            blocked("content-location"),
            blocked("refresh"),
            blocked("link")
        ),
        (3.0, 3.0, 3.0)
    );
    let ended = world.finish().await;
    let refused = ended.refused("frankfurt", "cross_region_reference", Some(&app.app_id));
    assert_eq!(refused, count as u64);
}

/// Control: references to home pass; the upstream's own name becomes the endpoint's. Still nothing
/// is followed: a redirect is the client's to follow.
#[tokio::test]
async fn references_to_home_pass_and_the_upstreams_name_is_rewritten() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let upstream = world.centre("fra1").address;
    for (name, value, expected) in [
        ("location", "/acme/x".to_owned(), "/acme/x"),
        (
            "location",
            "https://rest.frankfurt.test/x?y#z".to_owned(),
            "https://rest.frankfurt.test/x?y#z",
        ),
        (
            "location",
            format!("http://{upstream}/x?y"),
            "https://rest.frankfurt.test/x?y",
        ),
        (
            "location",
            format!("//{upstream}/x"),
            "https://rest.frankfurt.test/x",
        ),
        (
            "content-location",
            format!("http://{upstream}/x"),
            "https://rest.frankfurt.test/x",
        ),
        (
            "refresh",
            format!("5; url=http://{upstream}/x"),
            "5; url=https://rest.frankfurt.test/x",
        ),
        (
            "link",
            format!("<http://{upstream}/2>; rel=next"),
            "<https://rest.frankfurt.test/2>; rel=next",
        ),
    ] {
        world
            .centre("fra1")
            .answers(Said::new(302).header(name, &value));
        let answer = world.call("frankfurt", Call::plain_of(&app)).await;
        assert_eq!(answer.status, 302, "{name}: {value}");
        assert_eq!(answer.header(name), Some(expected), "{name}: {value}");
    }
    assert_eq!(world.forwarded(), 7);
    world.finish().await;
}

/// Control: `headers::clean_answer` and the filter of trailers.
#[tokio::test]
async fn answers_cannot_forge_the_gateways_marks() {
    let world = World::new().await;
    let app = world.app("fra1").await;
    let said = Said::new(200)
        .header("Domicile-Code", "app_lives_elsewhere")
        .header("Domicile-Region", "beijing")
        .header("Alt-Svc", "h3=\":443\"")
        .header("Keep-Alive", "timeout=5")
        .header("Connection", "X-Hop")
        .header("X-Hop", "1")
        .header("Trailer", "Domicile-Code, X-Sum")
        .header("X-Kept", "1")
        .chunked("2\r\nok\r\n0\r\nDomicile-Code: forged\r\nLocation: https://rest.beijing.test/\r\nX-Sum: 7\r\n\r\n");
    world.centre("fra1").answers(said);
    for via in Via::ALL {
        let call = Call::plain_of(&app).via(via).header("te", "trailers");
        let answer = world.call("frankfurt", call).await;
        assert_eq!(
            (answer.verdict(), answer.text().as_str()),
            ((200, "-"), "ok")
        );
        for gone in ["domicile-region", "alt-svc", "keep-alive", "x-hop"] {
            assert_eq!(answer.header(gone), None, "{gone} by {via:?}");
        }
        assert_eq!(answer.header("x-kept"), Some("1"));
        for (name, _) in &answer.trailers {
            assert_eq!(name, "x-sum", "a trailer by {via:?}");
        }
    }
    world.finish().await;
}
