//~ E0451
use std::sync::Arc;
use domicile::registry::{Pinned, Seen};

pub fn forge<C>(call: C, seen: Arc<Seen>) -> Pinned<C> {
    Pinned { call, seen, last: None }
}
