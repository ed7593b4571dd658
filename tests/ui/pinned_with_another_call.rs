//~ E0624
use domicile::registry::Pinned;

pub fn forge<C>(mut pinned: Pinned<C>, other: C) -> Pinned<C> {
    *pinned.call_mut() = other;
    pinned
}
