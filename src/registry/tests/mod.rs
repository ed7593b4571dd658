mod embedded;
pub mod kit;
pub mod untrusted;
