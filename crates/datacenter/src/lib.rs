//! The reference data centre.
