//! Connections of gateways, and what every REST request shares.

pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod door;
pub(crate) mod fault;
pub(crate) mod listen;
pub(crate) mod serve;
pub(crate) mod tls;
