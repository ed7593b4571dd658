//! MSYNC: the sessions of SDKs, over WebSocket and over TCP.
//!
//! A session's way: the transport (`websocket`, `tcp`) takes the gateway's word for whose it is
//! (`facts`) and hands on a [`link::Link`]; `login` answers its PROVISION; `session` then serves one
//! frame after the other: `chat` sends messages, `amend` recalls and edits them, `muc` joins and leaves
//! rooms, and what waits in the user's queues is told of, pulled and acknowledged.

mod amend;
mod chat;
mod facts;
pub(crate) mod frames;
pub(crate) mod jid;
mod link;
mod login;
mod muc;
mod schema;
mod session;
pub(crate) mod tcp;
pub(crate) mod translate;
pub(crate) mod websocket;
