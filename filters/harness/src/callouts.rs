//! Calls that a module makes to clusters. They wait until the test answers them, or ends them.

use std::collections::BTreeMap;

use crate::abi::Status;
use crate::pairs::Headers;
use crate::wire;
use crate::{Header, Message};

/// A call that a module made and that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// What the module knows it by.
    pub token: u32,
    /// The context that made it. It is the root that hears of the answer, also when that context is gone.
    pub context: u32,
    /// The cluster that it goes to.
    pub cluster: String,
    /// When it ends without an answer, in milliseconds; 0 for never.
    pub timeout_milliseconds: u32,
    /// What is asked.
    pub request: Request,
    /// When it was made, in nanoseconds since the epoch.
    pub at_nanoseconds: u64,
    /// How many calls the module had made before, of any kind.
    pub number: u32,
}

/// What a call asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A request of HTTP.
    Http(Message),
    /// A request of gRPC that has one answer.
    Grpc {
        /// Service and method.
        service: String,
        /// Service and method.
        method: String,
        /// Metadata as it is sent first.
        metadata: Vec<Header>,
        /// The message.
        message: Vec<u8>,
    },
    /// A stream of gRPC.
    GrpcStream {
        /// Service and method.
        service: String,
        /// Service and method.
        method: String,
        /// Metadata as it is sent first.
        metadata: Vec<Header>,
        /// The messages that were sent so far.
        messages: Vec<Vec<u8>>,
        /// The module sends no more.
        is_closed: bool,
    },
}

/// What the host keeps of calls.
#[derive(Debug, Default)]
pub(crate) struct Callouts {
    pub(crate) pending: BTreeMap<u32, Callout>,
    /// Calls that the module gave up, or that its answers have ended.
    counts: [u32; 3],
    /// How many calls were made.
    made: u32,
    /// What is answered at this moment.
    pub(crate) answering: Answering,
}

/// What the module can read in the callback of an answer.
#[derive(Debug, Default)]
pub(crate) struct Answering {
    pub(crate) headers: Option<Headers>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) trailers: Option<Headers>,
    pub(crate) grpc_initial: Option<Headers>,
    pub(crate) grpc_message: Option<Vec<u8>>,
    pub(crate) grpc_trailing: Option<Headers>,
    pub(crate) status: u32,
    pub(crate) status_message: Vec<u8>,
}

/// The kind is in the two lowest bits of a token.
const HTTP: u32 = 0;
const GRPC_CALL: u32 = 1;
const GRPC_STREAM: u32 = 2;

impl Callouts {
    fn token(&mut self, kind: u32) -> u32 {
        let Some(count) = self.counts.get_mut(kind as usize) else { return 0 };
        *count += 1;
        (*count << 2) | kind
    }

    /// Keeps a call; its token is chosen here.
    pub(crate) fn add(&mut self, mut callout: Callout) -> u32 {
        let token = self.token(match callout.request {
            Request::Http(_) => HTTP,
            Request::Grpc { .. } => GRPC_CALL,
            Request::GrpcStream { .. } => GRPC_STREAM,
        });
        callout.token = token;
        callout.number = self.made;
        self.made = self.made.saturating_add(1);
        self.pending.insert(token, callout);
        token
    }

    /// When calls end that nobody answers.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (u64, u32)> {
        let timed = self.pending.values().filter(|callout| callout.timeout_milliseconds > 0);
        timed.map(|callout| {
            let patience = u64::from(callout.timeout_milliseconds) * 1_000_000;
            (callout.at_nanoseconds.saturating_add(patience), callout.token)
        })
    }

    /// A token that is used up at once, since the call fails.
    pub(crate) fn failed_grpc(&mut self, is_stream: bool) -> u32 {
        self.token(if is_stream { GRPC_STREAM } else { GRPC_CALL })
    }

    pub(crate) fn send(&mut self, token: u32, message: Vec<u8>, end: bool) -> Result<(), Status> {
        if token & 3 != GRPC_STREAM {
            return Err(Status::BadArgument);
        }
        match self.pending.get_mut(&token).map(|callout| &mut callout.request) {
            Some(Request::GrpcStream { messages, is_closed, .. }) => {
                messages.push(message);
                *is_closed |= end;
                Ok(())
            }
            _ => Err(Status::NotFound),
        }
    }

    /// Ends the module's half of a stream; a call is given up.
    pub(crate) fn close(&mut self, token: u32) -> Result<(), Status> {
        match token & 3 {
            GRPC_CALL => self.cancel(token),
            GRPC_STREAM => match self.pending.get_mut(&token).map(|callout| &mut callout.request) {
                Some(Request::GrpcStream { is_closed, .. }) => {
                    *is_closed = true;
                    Ok(())
                }
                _ => Err(Status::NotFound),
            },
            _ => Err(Status::BadArgument),
        }
    }

    /// Gives a call or a stream up.
    pub(crate) fn cancel(&mut self, token: u32) -> Result<(), Status> {
        if !matches!(token & 3, GRPC_CALL | GRPC_STREAM) {
            return Err(Status::BadArgument);
        }
        self.pending.remove(&token).map(|_| ()).ok_or(Status::NotFound)
    }
}

/// The cluster that a gRPC call is for: of the bytes of a `GrpcService`, or of a bare name.
pub(crate) fn grpc_cluster(service: &[u8], clusters: &[String]) -> Result<String, Status> {
    if let Some(fields) = wire::fields(service) {
        let of_envoy = fields.iter().find(|(number, _)| *number == 1);
        let name = of_envoy.and_then(|(_, inner)| wire::fields(inner)).unwrap_or_default();
        let name =
            name.into_iter().find(|(number, _)| *number == 1).map(|(_, name)| name).unwrap_or_default();
        return Ok(String::from_utf8_lossy(&name).into_owned());
    }
    let name = String::from_utf8_lossy(service).into_owned();
    if clusters.contains(&name) { Ok(name) } else { Err(Status::ParseFailure) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_by_their_kind() {
        let mut callouts = Callouts::default();
        let callout = |request| Callout {
            token: 0,
            context: 1,
            cluster: "c".to_owned(),
            timeout_milliseconds: 0,
            request,
            at_nanoseconds: 0,
            number: 0,
        };
        let http = callouts.add(callout(Request::Http(Message::default())));
        let stream = Request::GrpcStream {
            service: String::new(),
            method: String::new(),
            metadata: Vec::new(),
            messages: Vec::new(),
            is_closed: false,
        };
        let stream = callouts.add(callout(stream));
        assert_eq!((http, stream), (4, 6));
        assert_eq!(callouts.send(http, Vec::new(), false), Err(Status::BadArgument));
        assert_eq!(callouts.send(10, Vec::new(), false), Err(Status::NotFound));
        assert_eq!(callouts.cancel(http), Err(Status::BadArgument));
        assert_eq!(callouts.close(5), Err(Status::NotFound));
        callouts.send(stream, b"m".to_vec(), false).unwrap();
        callouts.close(stream).unwrap();
        callouts.cancel(stream).unwrap();
        assert_eq!(callouts.cancel(stream), Err(Status::NotFound));
    }

    #[test]
    fn a_service_of_grpc_is_a_message_or_a_name() {
        let clusters = ["known".to_owned()];
        assert_eq!(grpc_cluster(b"\x0a\x07\x0a\x05known", &clusters), Ok("known".to_owned()));
        assert_eq!(grpc_cluster(b"known", &clusters), Ok("known".to_owned()));
        assert_eq!(grpc_cluster(b"other", &clusters), Err(Status::ParseFailure));
    }
}
