//! The contexts of a VM: the root, and a stream each. What a stream shows to the module is what Envoy's pointers show:
//! a map or a buffer is there from its callback on until the stream has gone on behind it.

use std::collections::BTreeSet;

use crate::abi::{BufferKind, MapKind};
use crate::pairs::Headers;
use crate::properties::{FilterState, Mocks};
use crate::tcp::Tcp;
use crate::{Header, LocalReply};

/// One context.
pub(crate) struct Context {
    /// The root's id, or 0 if this is one.
    pub(crate) parent: u32,
    /// The module knows of it.
    pub(crate) created: bool,
    pub(crate) kind: Kind,
    /// The properties that the module declared here.
    pub(crate) declared: BTreeSet<Vec<u8>>,
}

/// What a context is for.
pub(crate) enum Kind {
    /// The VM itself, before there is any plugin.
    Vm,
    Root(Root),
    Http(Box<Http>),
    Tcp(Box<Tcp>),
}

/// What only a root has.
#[derive(Default)]
pub(crate) struct Root {
    /// `proxy_on_done` put the end off until `proxy_done`.
    pub(crate) is_ending: bool,
}

impl Context {
    pub(crate) fn new(parent: u32, kind: Kind) -> Context {
        Context { parent, created: false, kind, declared: BTreeSet::new() }
    }

    pub(crate) fn http(&self) -> Option<&Http> {
        if let Kind::Http(http) = &self.kind { Some(http) } else { None }
    }

    pub(crate) fn http_mut(&mut self) -> Option<&mut Http> {
        if let Kind::Http(http) = &mut self.kind { Some(http) } else { None }
    }

    pub(crate) fn tcp(&self) -> Option<&Tcp> {
        if let Kind::Tcp(tcp) = &self.kind { Some(tcp) } else { None }
    }

    pub(crate) fn tcp_mut(&mut self) -> Option<&mut Tcp> {
        if let Kind::Tcp(tcp) = &mut self.kind { Some(tcp) } else { None }
    }

    /// What the module set for this stream.
    pub(crate) fn filter_state_mut(&mut self) -> Option<&mut FilterState> {
        match &mut self.kind {
            Kind::Http(http) => Some(&mut http.filter_state),
            Kind::Tcp(tcp) => Some(&mut tcp.filter_state),
            Kind::Vm | Kind::Root(_) => None,
        }
    }
}

/// An HTTP stream.
pub(crate) struct Http {
    pub(crate) request: Half,
    pub(crate) response: Half,
    /// The last callback was told that nothing follows.
    pub(crate) end_of_stream: bool,
    /// The access log is written: headers are there again, for reading.
    pub(crate) logging: bool,
    pub(crate) is_over: bool,
    /// Its last callbacks are being called.
    pub(crate) is_finishing: bool,
    /// The module ended the stream, or its trap did.
    pub(crate) ending: Option<Ending>,
    /// The proxy answers by itself, and why.
    pub(crate) proxy_details: Option<Vec<u8>>,
    pub(crate) route_cache_cleared: u32,
    pub(crate) mocks: Mocks,
    pub(crate) filter_state: FilterState,
    pub(crate) connection: u64,
    pub(crate) start_nanoseconds: u64,
}

/// How a stream ended that did not run its course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Replied(LocalReply),
    Reset,
    Failed,
}

/// The way to the service, or the way back.
#[derive(Default)]
pub(crate) struct Half {
    pub(crate) headers: Option<Headers>,
    pub(crate) trailers: Option<Headers>,
    /// Bytes that wait for the module.
    pub(crate) buffered: Vec<u8>,
    /// The bytes that have just come.
    pub(crate) chunk: Vec<u8>,
    /// How many bytes of its body have come.
    pub(crate) received: usize,
    /// All of it has come.
    pub(crate) ended: bool,
    pub(crate) flow: Flow,
    pub(crate) headers_forwarded: bool,
    /// The module has seen the trailers, and they wait.
    pub(crate) trailers_held: bool,
    pub(crate) shown: Shown,
    /// Nothing of it comes to the module any more.
    pub(crate) aborted: bool,
    /// What has gone on.
    pub(crate) forwarded: Message,
}

/// What the module can reach of a half.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) headers: bool,
    pub(crate) trailers: bool,
    pub(crate) chunk: bool,
    /// The buffer is shown instead of the last bytes.
    pub(crate) buffer: bool,
}

/// Whether a half goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    #[default]
    Running,
    /// What comes is shown to the module, and goes no further.
    Stopped,
    /// What comes waits in front of the module.
    StoppedAll,
}

/// A message as it left the filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Headers, pseudo-headers among them, in their order.
    pub headers: Vec<Header>,
    /// The body, as far as it has gone on.
    pub body: Vec<u8>,
    /// The trailers, if there are any.
    pub trailers: Option<Vec<Header>>,
    /// Nothing follows.
    pub is_complete: bool,
}

impl Message {
    /// The first value of a header, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let is_meant = |found: &[u8]| found.eq_ignore_ascii_case(name.as_bytes());
        let found = self.headers.iter().find(|(found, _)| is_meant(found));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}

impl Http {
    pub(crate) fn map(&self, kind: MapKind) -> Option<&Headers> {
        let (half, is_headers) = self.half_of(kind)?;
        let (map, is_shown) = if is_headers {
            (&half.headers, half.shown.headers || self.logging)
        } else {
            // A request's trailers are not logged.
            let in_log = self.logging && kind == MapKind::ResponseTrailers;
            (&half.trailers, if self.logging { in_log } else { half.shown.trailers })
        };
        if is_shown { map.as_ref() } else { None }
    }

    /// The map to be changed. At the end of a body trailers are made where there are none.
    pub(crate) fn map_mut(&mut self, kind: MapKind) -> Option<&mut Headers> {
        let is_end = self.end_of_stream;
        let (half, is_headers) = match kind {
            MapKind::RequestHeaders => (&mut self.request, true),
            MapKind::RequestTrailers => (&mut self.request, false),
            MapKind::ResponseHeaders => (&mut self.response, true),
            MapKind::ResponseTrailers => (&mut self.response, false),
            _ => return None,
        };
        if is_headers {
            return if half.shown.headers { half.headers.as_mut() } else { None };
        }
        if !half.shown.trailers && half.shown.chunk && is_end && half.trailers.is_none() {
            half.trailers = Some(Headers::default());
            half.shown.trailers = true;
        }
        if half.shown.trailers { half.trailers.as_mut() } else { None }
    }

    fn half_of(&self, kind: MapKind) -> Option<(&Half, bool)> {
        Some(match kind {
            MapKind::RequestHeaders => (&self.request, true),
            MapKind::RequestTrailers => (&self.request, false),
            MapKind::ResponseHeaders => (&self.response, true),
            MapKind::ResponseTrailers => (&self.response, false),
            _ => return None,
        })
    }

    /// The bytes that the module can read and change; an empty buffer where there are none.
    pub(crate) fn buffer_mut(&mut self, kind: BufferKind) -> Option<&mut Vec<u8>> {
        let half = match kind {
            BufferKind::RequestBody => &mut self.request,
            BufferKind::ResponseBody => &mut self.response,
            _ => return None,
        };
        if half.shown.buffer {
            Some(&mut half.buffered)
        } else if half.shown.chunk {
            Some(&mut half.chunk)
        } else {
            None
        }
    }
}
