//! The golden corpus, against the classification alone and against a running gateway.

use domicile::domain::Code;

use super::corpus::{Row, Verdict, classified, names, rows};
use super::raw::{Answer, Raw};
use super::site::Site;

#[test]
fn every_target_is_read_as_the_corpus_says() {
    let (names, rows) = (names(), rows());
    assert!(rows.len() >= 150, "{}", rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let found = classified(&row.method, &row.target, &names);
            (found != row.verdict).then(|| format!("{row}: {found:?}, not {:?}", row.verdict))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same over the wire: refused with the code, or parsed by a real data centre as the App that
/// was decided on (promises P1 and P5).
#[test]
fn a_gateway_and_its_data_centre_read_every_target_alike() {
    let site = Site::with_reference();
    let mut connection = Raw::plain(site.http);
    for row in rows() {
        let before = site.refusals(Code::BadRequest);
        connection.send(request(&site, &row));
        let head_only = row.method == http::Method::HEAD;
        let answer = connection.answer_to(head_only);
        let answer = answer.unwrap_or_else(|| panic!("{row}: no answer"));
        // Before the count is waited for: the gateway lingers until the client has closed too.
        if answer.header("connection") == Some("close") {
            connection = Raw::plain(site.http);
        }
        judge(&site, &row, &answer, before);
    }
}

fn request(site: &Site, row: &Row) -> Vec<u8> {
    let mut bytes = format!("{} ", row.method).into_bytes();
    bytes.extend_from_slice(&row.target);
    let rest = format!(" HTTP/1.1\r\n{}\r\n", site.auth());
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[track_caller]
fn judge(site: &Site, row: &Row, answer: &Answer, bad_before: u64) {
    let refusal = answer.code();
    match &row.verdict {
        // hyper answers by itself where there is no target at all; it is counted all the same.
        Verdict::Refused(Code::BadRequest) if refusal.is_none() => {
            assert_eq!((answer.status, &answer.body[..]), (400, &b""[..]), "{row}");
            site.await_refusals(Code::BadRequest, bad_before, "counting hyper's own 400");
        }
        Verdict::Refused(code) => assert_eq!(refusal, Some(code.as_str()), "{row}: {answer:?}"),
        Verdict::Asked { app_key, .. } if *app_key != site.acme.app_key() => {
            assert_eq!(refusal, Some("app_unknown"), "{row}: {answer:?}");
        }
        // `POST token` without a body, which in secure mode must name its grant.
        Verdict::Asked { template, .. } if template == "token" => {
            assert_eq!(refusal, Some("bad_request"), "{row}: {answer:?}");
        }
        Verdict::Asked { app_key, .. } => {
            assert_eq!(
                answer.header("dc-app"),
                Some(app_key.as_str()),
                "{row}: {answer:?}"
            );
        }
    }
}
