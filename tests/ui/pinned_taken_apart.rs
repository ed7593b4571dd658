//~ E0624
use std::sync::Arc;
use domicile::registry::{Pinned, Seen};

pub fn forge<C>(pinned: Pinned<C>) -> (C, Arc<Seen>) {
    pinned.into_parts()
}
