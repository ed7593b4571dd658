//! HTTP: connections of gateways, and what every request shares.

pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod door;
pub(crate) mod fault;
pub(crate) mod listen;
pub(crate) mod serve;
pub(crate) mod tls;
