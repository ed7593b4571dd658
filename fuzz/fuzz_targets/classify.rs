//! Request heads: an input is a request line without its version, then header lines,
//! `GET /acme/chat/users` and `host: fra.example`; a method that ends in `2` is sent over HTTP/2.
//!
//! Whatever comes, nothing panics; and when the gateway decides on an App, a data centre that
//! reads the target it would be sent finds the same App, and nothing in it that it could be of two
//! minds about.

#![no_main]

use domicile_fuzz::call::{Asked, Matched, Names, Need, Size, Target, classify};
use domicile_fuzz::domain::Channel;
use domicile_fuzz::plain;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(head) = head(data) else { return };
    let names = Names::new(["fra.example".to_owned(), "rest.fra.example".to_owned()]);
    let Ok(target) = classify(&head, &names) else {
        return;
    };
    one_host_of_this_region(&head);
    let path = head.uri.path();
    match target {
        Target::App(asked) => the_data_centre_agrees(&head, &asked),
        Target::Websocket => assert_eq!(plain::segments(path).unwrap(), ["websocket"]),
        Target::Discovery => {
            assert_eq!(plain::segments(path).unwrap(), ["easemob", "server.json"]);
        }
        Target::Preflight => assert_eq!(head.method, Method::OPTIONS),
    }
});

/// The head as hyper would hand it over, or nothing if hyper would not.
fn head(data: &[u8]) -> Option<Parts> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let (method, target) = (&first[..space], &first[space + 1..]);
    let http2 = method.ends_with(b"2");
    let method = method.strip_suffix(b"2").unwrap_or(method);
    let mut head = Request::new(()).into_parts().0;
    head.method = Method::from_bytes(method).ok()?;
    head.uri = Uri::try_from(target).ok()?;
    head.version = if http2 {
        Version::HTTP_2
    } else {
        Version::HTTP_11
    };
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = line[colon + 1..].trim_ascii();
        head.headers
            .append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(head)
}

fn one_host_of_this_region(head: &Parts) {
    let mut hosts: Vec<&str> = head
        .uri
        .authority()
        .map(|a| a.as_str())
        .into_iter()
        .collect();
    for host in head.headers.get_all("host") {
        hosts.push(host.to_str().unwrap());
    }
    assert!(!hosts.is_empty());
    for host in hosts {
        let name = host.split(':').next().unwrap().to_ascii_lowercase();
        assert!(
            ["fra.example", "rest.fra.example"].contains(&name.as_str()),
            "{host}"
        );
    }
    for name in ["authorization", "x-app-id"] {
        assert!(head.headers.get_all(name).iter().count() <= 1);
    }
}

fn the_data_centre_agrees(head: &Parts, asked: &Asked) {
    let sent = head.uri.path();
    assert!(sent.is_ascii() && !sent.contains("//"), "{sent}");
    let segments = plain::segments(sent).expect("a path that can be read in one way");
    let app_key = plain::app_key(&segments);
    assert_eq!(app_key.as_deref(), Some(asked.app_key.as_str()));
    the_route_fits(head, &segments, &asked.matched);
}

fn the_route_fits(head: &Parts, segments: &[String], matched: &Matched) {
    if let Some(user) = &matched.user {
        assert_eq!(matched.need, Need::SelfUser);
        assert!(segments.iter().any(|segment| **segment == **user));
    }
    if matched.size != Size::File {
        return;
    }
    let types = plain::values(head.uri.query().unwrap_or(""), "chat-type");
    let types = types.expect("a query that decodes");
    assert!(types.len() <= 1, "{types:?}");
    let channel = match types.first().map(String::as_str) {
        Some("singleChat" | "chat") => Channel::OneToOne,
        Some("groupChat" | "groupchat") => Channel::Group,
        Some("chatRoom" | "chatroom") => Channel::Room,
        _ => Channel::General,
    };
    assert_eq!(matched.channel, channel);
}
