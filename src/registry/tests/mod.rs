mod embedded;
pub mod kit;
