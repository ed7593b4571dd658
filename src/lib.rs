//! Domicile.
