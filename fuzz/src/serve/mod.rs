//! What the gateway reads of a ClientHello before its TLS library does.

#[path = "../../../src/serve/tls/message.rs"]
mod message;

pub use message::{LONGEST, MessageError, host_name, is_new_enough, missing, server_name};
