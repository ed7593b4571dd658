//! The protocol of several sizes: exhausted, and with each control taken out.

mod controls;
mod exhaust;
mod sizes;
