//~ E0451
use domicile::zone::{Bound, Permit};

pub fn forge<C>(call: C, permit: Permit, ends: Option<u64>) -> Bound<C> {
    Bound { call, permit, ends }
}
