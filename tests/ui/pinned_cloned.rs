//~ E0277
use domicile::registry::Pinned;

fn needs_clone<T: Clone>() {}

pub fn forge() {
    needs_clone::<Pinned<u8>>();
}
