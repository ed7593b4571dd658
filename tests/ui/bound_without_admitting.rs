//~ E0308
use domicile::auth::Identified;
use domicile::config::Limits;
use domicile::zone::{BindError, Bound, Channelled, Zones};

pub fn forge<C: Channelled>(zones: &Zones, call: Identified<C>, limits: &Limits) -> Result<Bound<C>, BindError> {
    zones.bind(call, limits)
}
