//! The tree against the RFC's own definition and known answers; notes against the specifications'.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

mod bundles;
mod checkpoints;
mod known_trees;
mod naive;
mod notes;
mod proofs;
mod tiles;
mod trees;
