//! Each size is exhausted: every promise holds in every state, and what must be possible is.

#[path = "sizes.rs"]
mod sizes;

use registry_model::Protocol;
use stateright::{Checker, Model};

#[test]
fn measure() {
    for (name, size) in sizes::all() {
        let began = std::time::Instant::now();
        let checker = Protocol(size).checker().threads(2).spawn_bfs().join();
        println!(
            "{name}: {} states, {} unique, depth {}, {:?}",
            checker.state_count(),
            checker.unique_state_count(),
            checker.max_depth(),
            began.elapsed()
        );
        let mut found: Vec<_> = checker.discoveries().into_iter().collect();
        found.sort_by_key(|f| f.0);
        for (property, path) in found {
            println!(
                "  {} {property}: {:?}",
                checker.discovery_classification(property),
                path.into_actions()
            );
        }
    }
}
