//! Domicile.

pub mod audit;
pub mod config;
pub mod domain;
pub mod registry;
