//! The way in: sockets, TLS, connections, and their end.

mod admission;
mod answer;
mod closing;
mod connection;
mod frames;
mod life;
mod listen;
mod proxy_protocol;
mod served;
mod tls;
mod watched;
mod whole;
mod worker;

pub use admission::Admission;
pub use closing::Closing;
pub use connection::Speech;
pub use listen::{ListenError, Sockets};
pub use tls::{Certificates, Edge, EdgeRules, HandshakeError, Handshakes};
pub use worker::{Cores, Listening, Port, Setting};
