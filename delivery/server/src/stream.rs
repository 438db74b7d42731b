//! One stream: requests of a proxy in, responses out. Both flavours.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};
use tonic::{Status, Streaming};

use crate::fleet::{Fleet, JoinError, Member};
use crate::node::Node;
use crate::peer::Peer;
use crate::resource::Snapshot;
use crate::subscription::{Ask, Flavour, Heard, Reply, Subscriptions};
use crate::upstream::{Link, Upstream};
use crate::wire::{
    ControlPlane, DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};

/// From which size on a response waits for its turn.
const LARGE: usize = 64 * 1024;
/// How long a large response counts as under way at most: a proxy that reads slowly keeps the others waiting no longer.
const LONGEST_UNDER_WAY: Duration = Duration::from_secs(5);
/// How long a stream may say nothing at first.
const FIRST_WORD: Duration = Duration::from_secs(15);

/// A request of either flavour.
pub(crate) trait Request: prost::Message + Default + Into<Ask> + 'static {
    /// The flavour.
    const FLAVOUR: Flavour;
    /// Its responses.
    type Response: prost::Message + Default + 'static;

    /// Takes the node out.
    fn take_node(&mut self) -> Option<bytes::Bytes>;
    /// A response.
    fn response(reply: Reply, identifier: &str) -> Self::Response;
}

impl Request for DiscoveryRequest {
    const FLAVOUR: Flavour = Flavour::StateOfTheWorld;
    type Response = DiscoveryResponse;

    fn take_node(&mut self) -> Option<bytes::Bytes> {
        self.node.take()
    }

    fn response(reply: Reply, identifier: &str) -> DiscoveryResponse {
        DiscoveryResponse {
            version_info: reply.version.to_string(),
            resources: reply.resources.iter().map(|it| it.any()).collect(),
            type_url: reply.type_url.to_string(),
            nonce: reply.nonce,
            control_plane: Some(ControlPlane { identifier: identifier.to_owned() }),
        }
    }
}

impl Request for DeltaDiscoveryRequest {
    const FLAVOUR: Flavour = Flavour::Incremental;
    type Response = DeltaDiscoveryResponse;

    fn take_node(&mut self) -> Option<bytes::Bytes> {
        self.node.take()
    }

    fn response(reply: Reply, identifier: &str) -> DeltaDiscoveryResponse {
        DeltaDiscoveryResponse {
            system_version_info: reply.version.to_string(),
            resources: reply.resources.iter().map(|it| it.delta()).collect(),
            type_url: reply.type_url.to_string(),
            nonce: reply.nonce,
            removed_resources: reply.removed.iter().map(ToString::to_string).collect(),
            control_plane: Some(ControlPlane { identifier: identifier.to_owned() }),
        }
    }
}

/// What streams are served with.
#[derive(Clone)]
pub(crate) struct Serving {
    pub fleet: Arc<Fleet>,
    /// Whom bases come from, where that is another control plane.
    pub upstream: Option<Arc<Upstream>>,
    /// Who answers.
    pub identifier: Arc<str>,
}

/// What a stream waited for.
enum Event<R> {
    /// A request.
    Request(R),
    /// The proxy is to have something else.
    News,
    /// Its base is another.
    Base(Arc<Snapshot>),
    /// The server ends.
    End,
    /// Some response counts as under way no more.
    Turn,
}

/// A stream that is open.
pub(crate) struct Open<R: Request> {
    serving: Serving,
    peer: Peer,
    requests: Streaming<R>,
    subscriptions: Subscriptions,
    member: Option<Member>,
    link: Option<Link>,
    /// Turns of large responses that are not answered yet, by type, and until when each counts.
    turns: BTreeMap<Arc<str>, (OwnedSemaphorePermit, Instant)>,
    is_over: bool,
}

impl<R: Request> Open<R> {
    pub fn new(serving: Serving, peer: Peer, requests: Streaming<R>) -> Open<R> {
        Open {
            serving,
            peer,
            requests,
            subscriptions: Subscriptions::new(R::FLAVOUR),
            member: None,
            link: None,
            turns: BTreeMap::new(),
            is_over: false,
        }
    }

    /// The next response; none: the stream is over.
    pub async fn next(&mut self) -> Option<Result<R::Response, Status>> {
        if self.is_over {
            return None;
        }
        let next = self.next_or_end().await;
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }

    async fn next_or_end(&mut self) -> Option<Result<R::Response, Status>> {
        loop {
            if let Some(reply) = self.reply() {
                return Some(Ok(self.paced(reply).await));
            }
            let Some(member) = &mut self.member else {
                let first = tokio::time::timeout(FIRST_WORD, self.requests.message()).await;
                let Ok(first) = first else {
                    return Some(Err(Status::deadline_exceeded("nothing was asked on this stream")));
                };
                match first {
                    Ok(Some(request)) => {
                        if let Err(status) = self.begin(request).await {
                            return Some(Err(status));
                        }
                        continue;
                    }
                    Ok(None) => return None,
                    Err(status) => return Some(Err(status)),
                }
            };
            let until = self.turns.values().map(|(_, until)| *until).min();
            let end_of_turn = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let news = async {
                match &mut self.link {
                    Some(link) => link.news().await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                request = self.requests.message() => match request {
                    Ok(Some(request)) => Event::Request(request),
                    // It went.
                    Ok(None) => return None,
                    Err(status) => return Some(Err(status)),
                },
                changed = member.given.changed() => match changed {
                    Ok(()) => Event::News,
                    Err(_) => return None,
                },
                base = news => Event::Base(base),
                _ = member.ending.wait_for(|is| *is) => Event::End,
                () = end_of_turn => Event::Turn,
            };
            match event {
                Event::Request(request) => {
                    if let Err(status) = self.hear(request) {
                        return Some(Err(status));
                    }
                }
                Event::News => {}
                Event::Base(base) => member.fleet.rebase_one(&member.proxy, base),
                Event::End => {
                    return Some(Err(Status::unavailable("this server is ending; connect again")));
                }
                Event::Turn => {
                    let now = Instant::now();
                    self.turns.retain(|_, (_, until)| *until > now);
                }
            }
        }
    }

    /// The first request: who it is.
    async fn begin(&mut self, mut request: R) -> Result<(), Status> {
        let mut node = Node::read(request.take_node().as_ref())
            .map_err(|error| refuse(&error.to_string(), Status::invalid_argument))?;
        self.peer
            .may_serve(&node.workload)
            .and_then(|()| self.peer.may_have_id(&node.id, &node.workload.namespace))
            .map_err(|error| refuse(&error.to_string(), Status::permission_denied))?;
        if node.workload.service_account.is_none()
            && let Some(account) = self.peer.account_in(&node.workload.namespace)
        {
            Arc::make_mut(&mut node.workload).service_account = Some(account.to_owned());
        }
        let link = self.serving.upstream.as_ref().map(|upstream| upstream.link(&node));
        let base = link.as_ref().map(Link::base);
        let member = self.serving.fleet.join(node, R::FLAVOUR, base).map_err(|error| {
            let status = match &error {
                JoinError::Full(_) => Status::resource_exhausted,
                JoinError::NoBase { .. } => Status::not_found,
                JoinError::Ending => Status::unavailable,
            };
            refuse(&error.to_string(), status)
        })?;
        self.member = Some(member);
        self.link = link;
        self.hear(request)
    }

    fn hear(&mut self, request: R) -> Result<(), Status> {
        let ask: Ask = request.into();
        let type_url: Arc<str> = ask.type_url.as_str().into();
        let heard = self
            .subscriptions
            .hear(ask)
            .map_err(|error| refuse(&error.to_string(), Status::invalid_argument))?;
        let Some(member) = &self.member else { return Ok(()) };
        match heard {
            Heard::Nothing => {}
            Heard::Taken { type_url } => {
                self.turns.remove(&type_url);
            }
            Heard::Refused(refusal) => {
                self.turns.remove(&refusal.type_url);
                member.fleet.refused(&member.proxy, &refusal);
            }
        }
        if let Some(link) = &mut self.link {
            let wanted = self.subscriptions.wanted().find(|(of, _, _)| **of == type_url);
            if let Some((_, is_all, names)) = wanted {
                link.want(&type_url, is_all, names.cloned().collect());
            }
        }
        Ok(())
    }

    /// What the proxy is to be sent next.
    fn reply(&mut self) -> Option<Reply> {
        let member = self.member.as_mut()?;
        let given = member.given.borrow_and_update().clone();
        let reply = self.subscriptions.next(&given.snapshot);
        let is_in_sync = reply.is_none() && self.subscriptions.is_in_sync(&given.snapshot);
        member.note(given.number, is_in_sync);
        reply
    }

    /// A response, when it is its turn.
    async fn paced(&mut self, reply: Reply) -> R::Response {
        let size: usize = reply.resources.iter().map(|it| it.delta().len()).sum();
        if size >= LARGE
            && let Some(member) = &self.member
        {
            let all = member.fleet.limits().bytes_under_way / 1024;
            let wanted = u32::try_from((size / 1024).clamp(1, all.max(1))).unwrap_or(1);
            let pace = member.fleet.pace().clone();
            let turn = match pace.clone().try_acquire_many_owned(wanted) {
                Ok(turn) => Ok(turn),
                Err(_) => {
                    // Who waits here hears of no answer: what it holds itself is given back, else all might wait for each other.
                    self.turns.clear();
                    pace.acquire_many_owned(wanted).await
                }
            };
            // The semaphore is never closed.
            if let Ok(turn) = turn {
                self.turns.insert(reply.type_url.clone(), (turn, Instant::now() + LONGEST_UNDER_WAY));
            }
        }
        if let Some(member) = &self.member {
            member.sent(reply.resources.len(), size);
            log::debug!(target: "push", "{}: {} {} of {}, {size} bytes", member.proxy.node_id,
                reply.resources.len(), reply.type_url, reply.version);
        }
        R::response(reply, &self.serving.identifier)
    }
}

/// Ends a stream, and says so here too: a proxy's log is far away.
fn refuse(why: &str, status: fn(String) -> Status) -> Status {
    log::warn!(target: "proxy", "a stream is refused: {why}");
    status(why.to_owned())
}
