//! The MSYNC messages, as in the crate.

pub(crate) use msync::schema::*;
