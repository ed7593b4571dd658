//~ ok
//! What everybody may do: look at a proof and hand it on. If this fails, the others say nothing.
use domicile::auth::{AdmitError, Admitted, Credentialed, Gate, Identified};
use domicile::registry::{Addressed, LocateError, Locator, Pinned};

pub async fn locate<C: Addressed>(locator: &Locator, call: C) -> Result<Pinned<C>, LocateError> {
    locator.locate(call).await
}

pub fn identify<C: Credentialed>(gate: &Gate, pinned: Pinned<C>) -> Result<Identified<C>, AdmitError> {
    gate.identify(pinned)
}

pub fn admit<C: Credentialed>(gate: &Gate, call: Identified<C>) -> Result<Admitted<C>, AdmitError> {
    gate.admit(call)
}
