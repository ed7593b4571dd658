//! Domicile.

pub mod admin;
pub mod audit;
pub mod cli;
pub mod config;
pub mod domain;
pub mod registry;
