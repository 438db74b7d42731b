//! Envoy's own filter that counts messages of gRPC, for the stats filter to read.

use burgee_api::resolve::{Effective, ListenerClass, ProviderMetrics};
use burgee_filter_config::Traffic;

use super::is_measured;
use crate::value::Value;
use crate::view;
use crate::{Options, Owner};

/// The name of the filter where it is ours.
pub(crate) const NAME: &str = "burgee.grpc_stats";

/// The name that Envoy and Istio give it.
const USUAL_NAME: &str = "envoy.filters.http.grpc_stats";

/// What a chain of a base has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// One that gives its counts to others, as Istio's proxies have it, or of which that is not known.
    Counts,
    /// One that keeps them to itself, at that place in the chain.
    KeepsThem(usize),
}

/// What the HTTP filters of a base have of it. A second one would count everything twice in Envoy's own metrics.
pub(crate) fn found(filters: &[Value]) -> Found {
    let is_it = |filter: &Value| match filter.field("typed_config").and_then(Value::any_type) {
        Some(name) => name == view::GRPC_STATS,
        None => view::name(filter) == USUAL_NAME,
    };
    let gives = |filter: &Value| {
        filter
            .at(&["typed_config"])
            .is_none_or(|it| it.field("emit_filter_state") == Some(&Value::Bool(true)))
    };
    match filters.iter().position(is_it) {
        None => Found::Nothing,
        Some(_) if filters.iter().any(|filter| is_it(filter) && gives(filter)) => Found::Counts,
        Some(place) => Found::KeepsThem(place),
    }
}

/// Who asked for messages to be measured at a class: whoever put those metrics in force. None where nobody did.
pub(crate) fn owner(policy: &Effective, class: ListenerClass, options: &Options) -> Option<Owner> {
    let is_meant = |provider: &&ProviderMetrics| {
        is_measured(policy, class, provider, Traffic::Messages, options.identity)
    };
    let mut meant = policy.class(class).metrics.iter().filter(is_meant).peekable();
    meant.peek()?;
    Some(Owner::of(meant.map(|provider| &provider.provider.origin)))
}

/// The filter. It counts all methods as one, since a client can choose a method's name.
pub(crate) fn filter() -> Value {
    Value::map([
        ("name", Value::string(NAME)),
        (
            "typed_config",
            Value::map([
                ("@type", Value::string(format!("type.googleapis.com/{}", view::GRPC_STATS))),
                ("emit_filter_state", Value::Bool(true)),
                ("stats_for_all_methods", Value::Bool(false)),
            ]),
        ),
    ])
}

/// Whether an HTTP filter is the one that [`filter`] wrote.
pub(crate) fn is_filter(filter: &Value) -> bool {
    view::name(filter) == NAME
        && filter.field("typed_config").and_then(Value::any_type) == Some(view::GRPC_STATS)
}
