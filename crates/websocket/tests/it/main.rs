//! What is read of bytes in every chopping, against the RFC and against another implementation.

mod against_tungstenite;
mod closing;
mod fragmentation;
mod framing;
mod limits;
mod properties;
mod support;
mod text;
