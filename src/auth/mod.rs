//! Who may do what: the gate that verifies tokens, and the proof that one did.

mod gate;
mod other;
mod rest;
mod verified;

pub use gate::{
    AdmitError, Admitted, Credentialed, Demand, Gate, Grant, GrantError, Identified, Presented,
};
pub use other::names_another_app;
