//! Why an answer is not read.

/// The connection is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("a head that is no head of HTTP/1.1")]
    Head(httparse::Error),
    #[error("a head of more than {} bytes", crate::head::HEAD)]
    HeadTooLarge,
    #[error("lines that end without a carriage return")]
    LineEnd,
    #[error("more than {} answers before the last one", crate::head::INTERIM)]
    TooManyInterim,
    #[error("a status, name or value that cannot be")]
    Field,
    #[error("a length that is no number, or two that differ")]
    ContentLength,
    #[error("a transfer coding other than chunked alone")]
    TransferEncoding,
    #[error("a length beside a transfer coding")]
    TwoLengths,
    #[error("a chunk that does not begin with its size")]
    ChunkSize,
    #[error("a chunk that does not end where it should")]
    ChunkEnd,
    #[error("trailers that are none, or too large")]
    Trailers,
}
