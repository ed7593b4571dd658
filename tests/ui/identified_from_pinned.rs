//~ E0451
use domicile::auth::Identified;
use domicile::registry::Pinned;

pub fn forge<C>(pinned: Pinned<C>, other: Identified<C>) -> Identified<C> {
    Identified { pinned, ..other }
}
