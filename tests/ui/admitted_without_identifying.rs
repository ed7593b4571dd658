//~ E0308
use domicile::auth::{AdmitError, Admitted, Credentialed, Gate};
use domicile::registry::Pinned;

pub fn forge<C: Credentialed>(gate: &Gate, pinned: Pinned<C>) -> Result<Admitted<C>, AdmitError> {
    gate.admit(pinned)
}
