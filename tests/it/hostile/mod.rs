//! Bad input: malformed, ambiguous, contradictory, oversized, slow. Each gets its row of SPEC 6.5,
//! promptly, and nothing of it reaches the data centre in another shape than was decided on.

mod alone;
mod corpus;
mod crowds;
mod differential;
mod frames;
mod memory;
mod nginx;
mod paths;
mod raw;
mod site;
mod slow;
mod smuggling;
mod smuggling_http2;
mod targets;
mod upstream;
