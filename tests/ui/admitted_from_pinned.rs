//~ E0451
use domicile::auth::Admitted;
use domicile::registry::Pinned;

pub fn forge<C>(pinned: Pinned<C>) -> Admitted<C> {
    Admitted { pinned, ends: None }
}
