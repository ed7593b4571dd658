//! Domicile.

//ADMIN pub mod admin;
pub mod audit;
pub mod auth;
pub mod call;
pub mod config;
pub mod domain;
pub mod gateway;
pub mod observe;
pub mod pace;
pub mod recent;
pub mod registry;
pub mod serve;
pub mod zone;
