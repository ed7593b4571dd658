//! Uploads where the machine has no pipe to give.

use std::fs::File;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::alone;
use super::raw::Raw;
use super::site::Site;
use super::upstream::{Upstream, length};

/// Much more than is worth a pipe, and than one holds.
const UPLOAD: u32 = 3 << 20;

/// Control: `Lent::empty` gives nothing where a pipe cannot be opened, and `poll_part` copies then.
#[test]
fn without_open_files_to_spare_an_upload_is_copied() {
    let name = "hostile::pipes::without_open_files_to_spare_an_upload_is_copied";
    alone::run(name, copied);
}

fn copied() {
    let came = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&came);
    let upstream = Upstream::start(move |mut connection| {
        while let Some(head) = connection.head() {
            let mut body = vec![0; usize::try_from(length(&head)).unwrap()];
            if connection.reader.read_exact(&mut body).is_err() {
                return;
            }
            *kept.lock().unwrap() = body;
            connection.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let site = Site::start(upstream.address, &[]);
    let mut client = Raw::plain(site.http);
    let mut upload = |body: &[u8]| {
        let auth = site.auth();
        client.send(format!(
            "POST /acme/chat/chatfiles HTTP/1.1\r\n{auth}Content-Length: {}\r\n\r\n",
            body.len()
        ));
        client.send(body);
        let status = client.answer().map(|answer| answer.status);
        assert_eq!(status, Some(200), "{} bytes", body.len());
        assert!(*came.lock().unwrap() == body, "byte for byte");
    };
    // From here on both connections stand.
    upload(b"small");
    let limit = getrlimit(Resource::Nofile);
    let none = Rlimit {
        current: Some(0),
        ..limit
    };
    setrlimit(Resource::Nofile, none).unwrap();
    let body: Vec<u8> = (0..UPLOAD / 4).flat_map(u32::to_le_bytes).collect();
    assert!(File::open("/dev/null").is_err(), "nothing can be opened");
    upload(&body);
    setrlimit(Resource::Nofile, limit).unwrap();
    upload(&body);
}
