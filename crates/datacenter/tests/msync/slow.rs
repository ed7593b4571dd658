//! A client that does not read costs nobody else anything.

use serde_json::json;

use crate::client::{BOTH, Client, Transport, person, said, texts};
use crate::harness::{Running, soon};

#[tokio::test]
async fn a_session_that_takes_nothing_is_closed_and_what_was_kept_is_kept() {
    for transport in BOTH {
        let centre = Running::start(&["ann", "bob", "eve"]).await;
        let mut lazy = Client::log_in(&centre, transport, "bob").await;
        let mut eve = Client::log_in(&centre, transport, "eve").await;
        let large = "x".repeat(256 * 1024);
        let text = json!({"from": "ann", "to": ["bob"], "type": "txt", "body": {"msg": large}});
        for _ in 0..70 {
            centre.post("messages/users", text.clone()).await;
        }
        let drained = async { while lazy.wire.receive().await.is_some() {} };
        soon(drained).await;
        let text = json!({"from": "ann", "to": ["eve"], "type": "txt", "body": {"msg": "hi"}});
        centre.post("messages/users", text).await;
        assert_eq!(texts(&eve.receive().await), [said("ann", "hi")]);

        let mut bob = Client::log_in(&centre, Transport::Tcp, "bob").await;
        assert_eq!(bob.unread().await, [("ann".to_owned(), 70)]);
        assert_eq!(bob.pull(person("ann")).await.len(), 70);
    }
}
