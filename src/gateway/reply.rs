//! The body of an answer, and with it the record of its request.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::observe::RequestRecord;
use crate::zone::{BodyError, Download};

/// Own or forwarded; the record ends with it.
pub struct Reply {
    source: Source,
    record: Option<Box<RequestRecord>>,
}

enum Source {
    Own(Option<Bytes>),
    Forwarded(Download),
}

impl Reply {
    pub fn own(bytes: Bytes, record: Box<RequestRecord>) -> Self {
        let source = Source::Own(Some(bytes).filter(|b| !b.is_empty()));
        Self::new(source, record)
    }

    pub fn forwarded(download: Download, record: Box<RequestRecord>) -> Self {
        Self::new(Source::Forwarded(download), record)
    }

    fn new(source: Source, record: Box<RequestRecord>) -> Self {
        let mut reply = Self {
            source,
            record: Some(record),
        };
        if reply.is_end_stream() {
            reply.complete();
        }
        reply
    }

    fn complete(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.complete();
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = match &mut this.source {
            Source::Own(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Source::Forwarded(download) => Pin::new(download).poll_frame(cx),
        };
        let ended = matches!(polled, Poll::Ready(None));
        if ended || (matches!(polled, Poll::Ready(Some(Ok(_)))) && this.is_end_stream()) {
            this.complete();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(bytes) => bytes.is_none(),
            Source::Forwarded(download) => download.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Source::Forwarded(download) => download.size_hint(),
        }
    }
}
