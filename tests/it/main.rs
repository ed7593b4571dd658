//! Domicile from the outside, one module a capability.

mod demo;
mod documents;
mod layering;
