//! The body of an answer: a text, then dots up to the size that was asked for, made as they are sent, then trailers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::HeaderMap;

/// What bodies are filled with, and how much of it is sent at a time.
static FILLING: [u8; 64 * 1024] = [b'.'; 64 * 1024];

/// A body whose size is known from the start.
#[derive(Debug)]
pub(crate) struct Answer {
    text: Bytes,
    filling: u64,
    trailers: Option<HeaderMap>,
}

impl Answer {
    /// A text, cut or filled up to `size` bytes if a size is given.
    pub(crate) fn new(text: String, size: Option<u64>) -> Answer {
        let mut text = Bytes::from(text);
        let length = text.len() as u64;
        let size = size.unwrap_or(length);
        if size < length {
            text.truncate(size as usize);
        }
        Answer { filling: size - text.len() as u64, text, trailers: None }
    }

    /// Bytes, and trailers after them.
    pub(crate) fn with_trailers(bytes: Vec<u8>, trailers: HeaderMap) -> Answer {
        Answer { text: bytes.into(), filling: 0, trailers: Some(trailers) }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = if !self.text.is_empty() {
            std::mem::take(&mut self.text)
        } else if self.filling > 0 {
            let length = self.filling.min(FILLING.len() as u64);
            self.filling -= length;
            Bytes::from_static(&FILLING[..length as usize])
        } else {
            return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
        };
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_empty() && self.filling == 0 && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.text.len() as u64 + self.filling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    use crate::grpc;

    #[tokio::test]
    async fn a_body_has_exactly_the_size_that_was_asked_for() {
        for (size, expected) in [
            (None, "hello\n".to_owned()),
            (Some(0), String::new()),
            (Some(3), "hel".to_owned()),
            (Some(6), "hello\n".to_owned()),
            (Some(8), "hello\n..".to_owned()),
            (Some(200_000), format!("hello\n{}", ".".repeat(199_994))),
        ] {
            let answer = Answer::new("hello\n".to_owned(), size);
            assert_eq!(answer.size_hint().exact(), Some(expected.len() as u64));
            let body = answer.collect().await.unwrap().to_bytes();
            assert!(body == expected, "{size:?}: {} bytes", body.len());
        }
    }
    #[tokio::test]
    async fn trailers_come_after_the_bytes() {
        let answer = Answer::with_trailers(b"hello".to_vec(), grpc::trailers(14)).collect().await.unwrap();
        assert_eq!(answer.trailers().and_then(|trailers| trailers.get(grpc::STATUS)).unwrap(), "14");
        assert_eq!(answer.to_bytes(), "hello");
    }
}
