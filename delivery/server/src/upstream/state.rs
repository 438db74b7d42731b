//! What was asked of another control plane for one proxy, and what it gave. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;

use super::Want;
use crate::resource::{Resource, Rest, Snapshot, Version, types};
use crate::store::Store;
use crate::wire::{
    self, DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Status,
};

/// gRPC's code for what makes no sense.
const INVALID_ARGUMENT: i32 = 3;

/// One type.
#[derive(Debug, Default)]
struct OfType {
    want: Option<Want>,
    /// The other's own versions of what is there.
    versions: BTreeMap<Arc<str>, String>,
    /// The last version and nonce of all of it.
    version: String,
    nonce: String,
}

/// What was asked, and what was given.
#[derive(Debug, Default)]
pub(super) struct State {
    types: BTreeMap<Arc<str>, OfType>,
    snapshot: Snapshot,
    rest: Rest,
    taken: u64,
}

impl State {
    /// What there is.
    pub fn snapshot(&self, store: &Store) -> Arc<Snapshot> {
        let types = self.snapshot.types.iter();
        let types =
            types.map(|(type_url, named)| (type_url.clone(), store.named((**named).clone()))).collect();
        store.snapshot(Snapshot { types, rest: Some(self.rest.clone()), ..Snapshot::default() })
    }

    /// How many responses were taken.
    pub fn count(&self) -> u64 {
        self.taken
    }

    /// What begins an incremental stream: everything that is wanted, and what is there already.
    pub fn begin(&mut self) -> Vec<DeltaDiscoveryRequest> {
        let begin = |(type_url, it): (&Arc<str>, &OfType)| {
            let want = it.want.as_ref()?;
            let all = want.is_all.then(|| "*".to_owned());
            Some(DeltaDiscoveryRequest {
                type_url: type_url.to_string(),
                resource_names_subscribe: all.into_iter().chain(texts(&want.names)).collect(),
                initial_resource_versions: it
                    .versions
                    .iter()
                    .map(|(name, version)| (name.to_string(), version.clone()))
                    .collect(),
                ..DeltaDiscoveryRequest::default()
            })
        };
        self.types.iter().filter_map(begin).collect()
    }

    /// What a wish changes.
    pub fn want(&mut self, want: Want) -> Option<DeltaDiscoveryRequest> {
        let it = self.types.entry(want.type_url.clone()).or_default();
        let before = it.want.replace(want.clone());
        let nothing = BTreeSet::new();
        let (old, was_all) = before.as_ref().map_or((&nothing, false), |it| (&it.names, it.is_all));
        let mut subscribe: Vec<String> = texts(want.names.difference(old)).collect();
        let mut unsubscribe: Vec<String> = texts(old.difference(&want.names)).collect();
        subscribe.extend((want.is_all && !was_all).then(|| "*".to_owned()));
        unsubscribe.extend((!want.is_all && was_all).then(|| "*".to_owned()));
        if subscribe.is_empty() && unsubscribe.is_empty() && before.is_some() {
            return None;
        }
        self.forget(&want);
        Some(DeltaDiscoveryRequest {
            type_url: want.type_url.to_string(),
            resource_names_subscribe: subscribe,
            resource_names_unsubscribe: unsubscribe,
            ..DeltaDiscoveryRequest::default()
        })
    }

    /// Forgets what is wanted no more.
    fn forget(&mut self, want: &Want) {
        if want.is_all {
            return;
        }
        if let Some(it) = self.types.get_mut(&want.type_url) {
            it.versions.retain(|name, _| want.names.contains(name));
        }
        if let Some(named) = self.snapshot.types.get_mut(&want.type_url) {
            Arc::make_mut(named).retain(|name, _| want.names.contains(name));
        }
        if let Some(absent) = self.rest.absent.get_mut(&want.type_url) {
            absent.retain(|name| want.names.contains(name));
        }
    }

    /// Takes a response; gives the answer to it.
    pub fn take(&mut self, response: DeltaDiscoveryResponse, store: &Store) -> DeltaDiscoveryRequest {
        let type_url: Arc<str> = response.type_url.as_str().into();
        let mut answer = DeltaDiscoveryRequest {
            type_url: response.type_url,
            response_nonce: response.nonce,
            ..DeltaDiscoveryRequest::default()
        };
        let decoded: Result<Vec<_>, _> = response.resources.into_iter().map(wire::Resource::decode).collect();
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(error) => {
                answer.error_detail = Some(no_resource(&error));
                return answer;
            }
        };
        self.taken += 1;
        for wire::Resource { version, resource, name } in decoded {
            let name: Arc<str> = name.into();
            // Without a content only its lease is another.
            let Some(any) = resource else { continue };
            self.types.entry(type_url.clone()).or_default().versions.insert(name.clone(), version);
            self.put(&type_url, name, &any, store);
        }
        for name in response.removed_resources {
            self.remove(&type_url, &Arc::from(name));
        }
        self.whole(&type_url);
        answer
    }

    fn put(&mut self, type_url: &Arc<str>, name: Arc<str>, any: &wire::Any, store: &Store) {
        if let Some(absent) = self.rest.absent.get_mut(type_url) {
            absent.remove(&name);
        }
        // Copied where it is new: what it came in is as large as everything that came with it.
        let key = Version::of_parts([any.type_url.as_bytes(), name.as_bytes(), &any.value]);
        let resource = store.resource(key, || Resource::new(&any.type_url, name, any.value.clone()));
        self.snapshot.insert(type_url, resource);
    }

    fn remove(&mut self, type_url: &Arc<str>, name: &Arc<str>) {
        if let Some(it) = self.types.get_mut(type_url) {
            it.versions.remove(name);
        }
        if let Some(named) = self.snapshot.types.get_mut(type_url) {
            Arc::make_mut(named).remove(name);
        }
        // Of a type of which all is wanted, what is not there is absent.
        if !self.wants_all(type_url) {
            self.rest.absent.entry(type_url.clone()).or_default().insert(name.clone());
        }
    }

    /// After the first response to who wants everything there is nothing else.
    fn whole(&mut self, type_url: &Arc<str>) {
        if self.wants_all(type_url) {
            self.rest.whole.insert(type_url.clone());
        }
    }

    fn wants_all(&self, type_url: &Arc<str>) -> bool {
        self.types.get(type_url).and_then(|it| it.want.as_ref()).is_some_and(|it| it.is_all)
    }

    /// What begins a stream with the state of the world.
    pub fn begin_whole(&mut self) -> Vec<DiscoveryRequest> {
        let begin = |(type_url, it): (&Arc<str>, &mut OfType)| {
            it.nonce.clear();
            Some(request_whole(type_url, it, it.want.as_ref()?))
        };
        self.types.iter_mut().filter_map(begin).collect()
    }

    /// What a wish changes.
    pub fn want_whole(&mut self, want: Want) -> Option<DiscoveryRequest> {
        let it = self.types.entry(want.type_url.clone()).or_default();
        if it.want.replace(want.clone()).as_ref() == Some(&want) {
            return None;
        }
        let request = request_whole(&want.type_url, it, &want);
        self.forget(&want);
        Some(request)
    }

    /// Takes a response; gives the answer to it.
    pub fn take_whole(&mut self, response: DiscoveryResponse, store: &Store) -> DiscoveryRequest {
        let type_url: Arc<str> = response.type_url.as_str().into();
        let it = self.types.entry(type_url.clone()).or_default();
        it.nonce = response.nonce;
        let want = it.want.clone().unwrap_or(Want {
            type_url: type_url.clone(),
            is_all: false,
            names: BTreeSet::new(),
        });
        let resources: Result<Vec<_>, _> = response.resources.into_iter().map(named).collect();
        let resources = match resources {
            Ok(resources) => resources,
            Err(error) => {
                let refusal =
                    DiscoveryRequest { error_detail: Some(error), ..request_whole(&type_url, it, &want) };
                return refusal;
            }
        };
        it.version = response.version_info;
        let answer = request_whole(&type_url, it, &want);
        self.taken += 1;
        if want.is_all && matches!(&*type_url, types::CLUSTER | types::LISTENER) {
            // What it does not have is not there any more.
            self.snapshot.types.insert(type_url.clone(), Arc::default());
        }
        for (name, any) in resources {
            self.put(&type_url, name, &any, store);
        }
        self.whole(&type_url);
        answer
    }
}

fn request_whole(type_url: &Arc<str>, it: &OfType, want: &Want) -> DiscoveryRequest {
    // No name at all is everything too, for those who know of no other way to say it.
    let all = (want.is_all && !want.names.is_empty()).then(|| "*".to_owned());
    DiscoveryRequest {
        version_info: it.version.clone(),
        resource_names: all.into_iter().chain(texts(&want.names)).collect(),
        type_url: type_url.to_string(),
        response_nonce: it.nonce.clone(),
        ..DiscoveryRequest::default()
    }
}

fn texts<'a>(names: impl IntoIterator<Item = &'a Arc<str>>) -> impl Iterator<Item = String> {
    names.into_iter().map(ToString::to_string)
}

fn no_resource(error: &prost::DecodeError) -> Status {
    Status { code: INVALID_ARGUMENT, message: format!("a resource cannot be read: {error}") }
}

/// The first field of a message, which is its name wherever a message of discovery has one.
#[derive(Clone, PartialEq, prost::Message)]
struct NamedMessage {
    #[prost(string, tag = "1")]
    name: String,
}

/// A resource with its name.
fn named(encoded: Bytes) -> Result<(Arc<str>, wire::Any), Status> {
    let any = wire::Any::decode(encoded).map_err(|error| no_resource(&error))?;
    if any.type_url.ends_with("/envoy.service.discovery.v3.Resource") {
        let resource = wire::Resource::decode(any.value).map_err(|error| no_resource(&error))?;
        return Ok((resource.name.into(), resource.resource.unwrap_or_default()));
    }
    let name = NamedMessage::decode(any.value.clone()).map_err(|error| no_resource(&error))?.name;
    Ok((name.into(), any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_everything_and_a_name_says_both() {
        let mut state = State::default();
        let names = |request: Option<DiscoveryRequest>| request.expect("a request").resource_names;
        assert_eq!(names(state.want_whole(want(types::CLUSTER, true, &["a"]))), ["*", "a"]);
        assert_eq!(names(state.want_whole(want(types::CLUSTER, true, &[]))), [""; 0]);
        assert_eq!(names(state.want_whole(want(types::CLUSTER, false, &["a"]))), ["a"]);
    }

    #[test]
    fn what_goes_of_a_type_of_which_all_is_wanted_is_not_remembered() {
        let mut state = State::default();
        for is_all in [true, false] {
            state.want(want(types::CLUSTER, is_all, &["a"]));
            let response = DeltaDiscoveryResponse {
                type_url: types::CLUSTER.to_owned(),
                removed_resources: vec!["a".to_owned()],
                ..DeltaDiscoveryResponse::default()
            };
            state.take(response, &Store::default());
            assert_eq!(state.rest.absent.values().map(BTreeSet::len).sum::<usize>(), usize::from(!is_all));
            assert!(state.snapshot(&Store::default()).lacks(types::CLUSTER, "a"));
        }
    }

    fn want(type_url: &str, is_all: bool, names: &[&str]) -> Want {
        Want { type_url: type_url.into(), is_all, names: names.iter().map(|name| Arc::from(*name)).collect() }
    }

    fn resource(type_url: &str, name: &str, version: &str, value: &'static [u8]) -> Bytes {
        let any = wire::Any { type_url: type_url.to_owned(), value: Bytes::from_static(value) };
        let resource =
            wire::Resource { version: version.to_owned(), resource: Some(any), name: name.to_owned() };
        resource.encode_to_vec().into()
    }

    #[test]
    fn what_another_gives_is_kept_as_it_came_and_asked_for_no_more_than_once() {
        const UNKNOWN: &str = "type.googleapis.com/some.Body";
        let mut state = State::default();
        let first = state.want(want(UNKNOWN, true, &[])).expect("a request");
        assert_eq!(first.resource_names_subscribe, ["*"]);
        assert_eq!(state.want(want(UNKNOWN, true, &[])), None);
        assert!(!state.snapshot(&Store::default()).knows_all_of(UNKNOWN));
        // Fields that nobody knows, a field twice, and what is no message at all.
        let value = b"\xfa\x07\x03abc\x0a\x01a\x0a\x01b\xff\xff";
        let response = DeltaDiscoveryResponse {
            type_url: UNKNOWN.to_owned(),
            nonce: "n1".to_owned(),
            resources: vec![resource(UNKNOWN, "a", "v1", value)],
            removed_resources: vec!["gone".to_owned()],
            ..DeltaDiscoveryResponse::default()
        };
        let answer = state.take(response, &Store::default());
        assert_eq!((answer.response_nonce.as_str(), answer.error_detail), ("n1", None));
        let snapshot = state.snapshot(&Store::default());
        assert_eq!(&*snapshot.get(UNKNOWN, "a").expect("it").value(), value);
        assert!(snapshot.knows_all_of(UNKNOWN) && snapshot.lacks(UNKNOWN, "gone"));
        // A new stream begins with what is there.
        let again = state.begin();
        assert_eq!(again[0].initial_resource_versions, [("a".to_owned(), "v1".to_owned())].into());

        let response = DeltaDiscoveryResponse {
            type_url: UNKNOWN.to_owned(),
            nonce: "n2".to_owned(),
            resources: vec![Bytes::from_static(b"\xff")],
            ..DeltaDiscoveryResponse::default()
        };
        assert!(state.take(response, &Store::default()).error_detail.is_some());
        assert!(state.snapshot(&Store::default()).get(UNKNOWN, "a").is_some());
    }

    #[test]
    fn names_come_and_go() {
        let mut state = State::default();
        state.want(want(types::ROUTES, false, &["a", "b"]));
        let request = state.want(want(types::ROUTES, false, &["b", "c"])).expect("a request");
        assert_eq!(request.resource_names_subscribe, ["c"]);
        assert_eq!(request.resource_names_unsubscribe, ["a"]);
        assert_eq!(state.begin()[0].resource_names_subscribe, ["b", "c"]);
    }

    #[test]
    fn of_the_state_of_the_world_what_is_not_there_is_gone() {
        let mut state = State::default();
        let request = state.want_whole(want(types::CLUSTER, true, &[])).expect("a request");
        assert_eq!(request.resource_names, Vec::<String>::new());
        let any = |value: &'static [u8]| {
            let any = wire::Any { type_url: types::CLUSTER.to_owned(), value: Bytes::from_static(value) };
            Bytes::from(any.encode_to_vec())
        };
        let response = |version: &str, values: &[&'static [u8]]| DiscoveryResponse {
            version_info: version.to_owned(),
            type_url: types::CLUSTER.to_owned(),
            nonce: format!("n{version}"),
            resources: values.iter().map(|value| any(value)).collect(),
            ..DiscoveryResponse::default()
        };
        let answer =
            state.take_whole(response("1", &[b"\x0a\x01a", b"\x0a\x01b\x12\x01x"]), &Store::default());
        assert_eq!((answer.version_info.as_str(), answer.response_nonce.as_str()), ("1", "n1"));
        let refused = state.take_whole(response("2", &[b"\x0a\x05"]), &Store::default());
        assert_eq!((refused.version_info.as_str(), refused.error_detail.is_some()), ("1", true));
        state.take_whole(response("3", &[b"\x0a\x01b\x12\x01x"]), &Store::default());
        let snapshot = state.snapshot(&Store::default());
        let names: Vec<&str> = snapshot.of(types::CLUSTER).expect("a type").keys().map(|it| &**it).collect();
        assert_eq!(names, ["b"]);
        assert_eq!(state.begin_whole()[0].version_info, "3");
    }
}
