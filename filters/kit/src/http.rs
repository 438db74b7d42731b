//! HTTP messages as a filter sees them: headers and bodies, both as bytes.

use crate::attributes::{Reads, when};
use crate::host::{Host, HostError, StreamHost};

/// A header's name, in lower case where a proxy gives it, and one of its values.
pub type Header = (Vec<u8>, Vec<u8>);

/// A proxy in a phase of an HTTP stream: headers and bodies can be read and changed.
///
/// A part of a message is there in its own phase, while the stream is paused in it, and, the headers and trailers, for
/// reading at the stream's end. Elsewhere Envoy says [`HostError::BadArgument`] or that there is nothing.
///
/// Names are matched without regard to case. A name or a value that HTTP cannot carry is a bad argument and changes
/// nothing: Envoy itself would write it as it is, and a value with the end of a line in it would become two headers.
pub trait HttpHost: StreamHost {
    /// Every header in its order, with one entry for each of its values. Pseudo-headers such as `:path` are among
    /// them.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn headers(&self, of: Message) -> Result<Vec<Header>, HostError>;

    /// The first value of a header, or nothing if there is no such header. Cheaper than reading all headers. What
    /// decides about access looks at all values: [`HttpHost::header_values`].
    ///
    /// # Errors
    /// Any status of the host but success and "not found".
    fn header(&self, of: Message, name: &str) -> Result<Option<Vec<u8>>, HostError>;

    /// Gives a header this one value, whatever values it had.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn set_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError>;

    /// Adds a value to a header.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn add_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError>;

    /// Removes a header with all its values. One that is not there is removed too.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn remove_header(&self, of: Message, name: &str) -> Result<(), HostError>;

    /// Every value of a header, in order. The host gives one value of a name only, so all headers are read.
    ///
    /// # Errors
    /// As [`HttpHost::headers`].
    fn header_values(&self, of: Message, name: &str) -> Result<Vec<Vec<u8>>, HostError> {
        let headers = self.headers(of)?;
        let is_meant = |found: &[u8]| found.eq_ignore_ascii_case(name.as_bytes());
        Ok(headers.into_iter().filter(|(found, _)| is_meant(found)).map(|(_, value)| value).collect())
    }

    /// The first value of a header as text; a value that is not UTF-8 is a [`HostError::ParseFailure`].
    ///
    /// # Errors
    /// As [`HttpHost::header`], and if the value is no text.
    fn header_text(&self, of: Message, name: &str) -> Result<Option<String>, HostError> {
        let value = self.header(of, name)?;
        value.map(|value| String::from_utf8(value).map_err(|_| HostError::ParseFailure)).transpose()
    }

    /// Bytes of the body that is held, from `start` on and at most `max` of them. Only in a phase of the body or, while
    /// its body is held, of the trailers.
    ///
    /// # Errors
    /// Any status of the host but success and "not found".
    fn body(&self, of: Body, start: usize, max: usize) -> Result<Vec<u8>, HostError>;

    /// Writes to the body that is held. A message's `content-length` is not changed by it: remove that header in the
    /// phase of the headers.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn write_body(&self, of: Body, place: Place, bytes: &[u8]) -> Result<(), HostError>;
}

/// The host in the phase of the request's headers.
pub trait RequestHeadersHost: HttpHost + Reads<when::RequestHeaders> {}

/// The host in the phases of the request's body and trailers.
pub trait RequestHost: HttpHost {}

/// The host in the phase of the response's headers.
pub trait ResponseHeadersHost: ResponseHost + Reads<when::ResponseHeaders> {}

/// The host in the phases of the response's body and trailers.
pub trait ResponseHost: HttpHost + Reads<when::Response> + Reads<when::Upstream> {}

/// The host when a request or a connection has ended: everything can be read, and headers no longer be changed.
pub trait LogHost:
    HttpHost
    + Reads<when::RequestHeaders>
    + Reads<when::ResponseHeaders>
    + Reads<when::Response>
    + Reads<when::Upstream>
    + Reads<when::End>
{
}

/// Which part of which message of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The headers that come from the client.
    Request,
    /// The trailers that come from the client.
    RequestTrailers,
    /// The headers that go to the client.
    Response,
    /// The trailers that go to the client.
    ResponseTrailers,
}

/// Whose body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The one that comes from the client.
    Request,
    /// The one that goes to the client.
    Response,
}

/// Where bytes are written that a filter gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before all that is held.
    Front,
    /// Instead of all that is held.
    Whole,
    /// Behind all that is held.
    Back,
}

/// What is there of a body, or of a connection's bytes in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many bytes are held: those that have just come and, after [`Wait`](crate::Outcome::Wait) or a pause, those
    /// before them too.
    pub size: usize,
    /// Whether nothing comes behind them.
    pub end_of_stream: bool,
}

/// How a filter wants to see a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMode {
    /// Piece by piece, as it comes.
    Chunks,
    /// Once, when all of it is there, trailers or not. A request whose body is larger than this many bytes is answered
    /// with 413, a response with 502: a filter that must see everything must not be passed by what is large. Envoy
    /// itself has such a bound too, `per_connection_buffer_limit_bytes`, 1 MiB by default. The filter's phases
    /// must name the trailers beside the body.
    Whole {
        /// The largest body, in bytes.
        max: usize,
    },
}

/// That HTTP can carry a header: its name is a token of RFC 9110, or one behind a colon, and its value holds no control
/// characters but tabs.
///
/// # Errors
/// `BadArgument` if it cannot.
pub fn check_header(name: &[u8], value: &[u8]) -> Result<(), HostError> {
    let token = name.strip_prefix(b":").unwrap_or(name);
    let is_token_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let is_carried = !token.is_empty()
        && token.iter().all(is_token_byte)
        && !value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    if is_carried { Ok(()) } else { Err(HostError::BadArgument) }
}

/// What only Envoy's host function can do: forgets which route was chosen, so that it is chosen again by the headers as
/// they are now. Of use in the phase of the request's headers.
///
/// # Errors
/// Any status of the host but success.
pub fn clear_route_cache<H: RequestHeadersHost>(host: &H) -> Result<(), HostError> {
    Host::foreign_function(host, "clear_route_cache", b"").map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_token_and_a_value_without_control_characters() {
        for (name, value, expected) in [
            (&b"x-a"[..], &b"b c"[..], true),
            (b":path", b"/", true),
            (b"X_A.~", b"\x80\xff", true),
            (b"", b"", false),
            (b":", b"", false),
            (b"a b", b"", false),
            (b"a:", b"", false),
            (b"\xc3\xa9", b"", false),
            (b"a", b"\0", false),
            (b"a", b"\n", false),
            (b"a", b"\x7f", false),
        ] {
            assert_eq!(check_header(name, value).is_ok(), expected, "{name:?} {value:?}");
        }
    }
}
