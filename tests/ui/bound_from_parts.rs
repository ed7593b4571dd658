//~ E0451
use domicile::zone::{Bound, Permit};

pub fn forge<C>(call: C, permit: Permit) -> Bound<C> {
    Bound { call, permit }
}
