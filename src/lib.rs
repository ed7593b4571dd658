//! Domicile.

pub mod config;
pub mod domain;
pub mod registry;
