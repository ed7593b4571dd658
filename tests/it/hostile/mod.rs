//! Bad input: malformed, ambiguous, contradictory, oversized, slow. Each gets its row of SPEC 6.5,
//! promptly, and nothing of it reaches the data centre in another shape than was decided on.

mod corpus;
mod differential;
mod nginx;
mod paths;
mod raw;
mod site;
mod smuggling;
mod targets;
