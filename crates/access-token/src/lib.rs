//! AccessToken2.
