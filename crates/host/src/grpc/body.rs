//! Bodies that end with trailers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

use super::framed;
use super::status::Status;
use wire::otlp::Code;

type Polled = Poll<Option<Result<Frame<Bytes>, Infallible>>>;

fn ended(status: &Status) -> Polled {
    Poll::Ready(Some(Ok(Frame::trailers(status.trailers()))))
}

/// One message, then that all went well.
#[derive(Debug)]
pub(super) struct Unary {
    message: Option<Bytes>,
    done: bool,
}

impl Unary {
    pub(super) fn new(message: Bytes) -> Self {
        Self {
            message: Some(message),
            done: false,
        }
    }
}

impl Body for Unary {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Polled {
        if let Some(message) = self.message.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if std::mem::replace(&mut self.done, true) {
            return Poll::Ready(None);
        }
        ended(&Status::new(Code::Ok, ""))
    }

    fn is_end_stream(&self) -> bool {
        self.done
    }
}

/// Messages of a channel, then how it ended.
#[derive(Debug)]
pub(super) struct Stream {
    messages: Option<mpsc::Receiver<Result<Bytes, Status>>>,
}

impl Stream {
    pub(super) fn new(messages: mpsc::Receiver<Result<Bytes, Status>>) -> Self {
        Self {
            messages: Some(messages),
        }
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        let Some(messages) = &mut self.messages else {
            return Poll::Ready(None);
        };
        let next = ready!(messages.poll_recv(context));
        match next {
            Some(Ok(message)) => Poll::Ready(Some(Ok(Frame::data(framed(&message))))),
            Some(Err(status)) => {
                self.messages = None;
                ended(&status)
            }
            None => {
                self.messages = None;
                ended(&Status::new(Code::Ok, ""))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.messages.is_none()
    }
}
