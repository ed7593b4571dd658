//! The MSYNC messages. The only place that knows where their types come from.

pub(crate) use msync::schema::*;
