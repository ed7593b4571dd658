//! One binary; a module a capability.

mod documents;
mod layering;
