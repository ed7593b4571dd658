//! Domicile.

pub mod call;
pub mod config;
pub mod domain;
pub mod observe;
pub mod pace;
pub mod recent;
pub mod registry;
