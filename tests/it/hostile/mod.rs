//! Bad input: malformed, ambiguous, contradictory, oversized, slow. Each gets its row of SPEC 6.5,
//! promptly, and nothing of it reaches the data centre in another shape than was decided on.

mod alone;
mod bodies;
mod corpus;
mod crowds;
mod differential;
mod frames;
mod framing;
mod heads;
mod hello;
mod http2;
mod memory;
mod nginx;
mod paths;
mod pipes;
mod raw;
mod site;
mod slow;
mod stage;
mod targets;
mod upstream;
