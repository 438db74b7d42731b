//! The wire carrier with what the hand-written bases do not have: sizes, and forms that only bytes can have.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use burgee_api::resolve::ListenerClass;

use super::{encode, field};
use crate::tests::support::{base, busy, by_discovery, listener_with, nothing, options, yaml};
use crate::value::Value;
use crate::view::{BOOTSTRAP, LISTENER, MANAGER, RESPONSE};
use crate::{Options, overlay, overlay_resource};

#[test]
fn a_large_response_takes_time_in_proportion() {
    let mut listener = listener_with(vec![]);
    if let Value::Map(fields) = &mut listener {
        fields.push(("stat_prefix".to_owned(), Value::string("p".repeat(5_000))));
        fields.insert(0, ("@type".to_owned(), Value::string(format!("type.googleapis.com/{LISTENER}"))));
    }
    let one = encode(RESPONSE, &Value::map([("resources", Value::List(vec![listener].into()))]));
    let base = one.repeat(2_000);
    assert!(base.len() > 10_000_000);
    let started = Instant::now();
    let once = overlay_resource(RESPONSE, &base, &busy(), &options()).expect("a response");
    assert_eq!(once.edits.len(), 4_000, "two filters each");
    let back = overlay_resource(RESPONSE, &once.bytes, &nothing(), &options()).expect("a response");
    assert!(back.bytes == base, "back again");
    // Below a second even without optimisation; in proportion to the square it would be minutes.
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}

#[test]
fn many_fields_in_one_message_take_time_in_proportion() {
    // Each chain would be searched for behind everything unknown.
    let bytes = [field(900, b"unknown").repeat(200_000), field(3, b"").repeat(200_000)].concat();
    let started = Instant::now();
    let result = overlay_resource(LISTENER, &bytes, &busy(), &options()).expect("a listener");
    assert!(result.bytes == bytes);
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}

#[test]
fn several_filters_of_one_listener_keep_their_order() {
    let policy = crate::tests::support::everywhere(
        ["a", "b", "c"].map(crate::tests::support::provider).into_iter().collect(),
    );
    let listener = listener_with(vec![yaml("name: first"), yaml("name: second")]);
    let text = overlay(&listener, &policy, &options()).value;
    let wire = overlay_resource(LISTENER, &encode(LISTENER, &listener), &policy, &options());
    assert_eq!(wire.map(|wire| wire.bytes), Ok(encode(LISTENER, &text)));
}

#[test]
fn a_class_for_an_unknown_listener_is_an_error_in_bytes_as_well() {
    let classes = BTreeMap::from([("frnt".to_owned(), ListenerClass::Inbound)]);
    let options = Options { classes, ..options() };
    let base = base("front-proxy.yaml");
    let text = overlay(&base, &busy(), &options).problems;
    assert_eq!(text.first().map(|problem| problem.code.0), Some("BG0600"));
    let wire = overlay_resource(BOOTSTRAP, &encode(BOOTSTRAP, &base), &busy(), &options);
    assert_eq!(wire.map(|wire| wire.problems), Ok(text));
}

#[test]
fn a_filter_under_our_name_is_told_apart_by_its_content() {
    for options in [options(), by_discovery()] {
        let result = overlay(&listener_with(vec![]), &busy(), &options);
        let ours = result.edits.first().map(|edit| edit.value.to_yaml()).expect("an edit");
        let others = ["root_id: stats", "vm_id: burgee", "path: ", "type_urls:\n    - "]
            .into_iter()
            .filter(|text| ours.contains(text))
            .map(|text| yaml(&ours.replacen(text, &format!("{text}x"), 1)));
        for (filter, stays) in others.map(|other| (other, true)).chain([(yaml(&ours), false)]) {
            let base = encode(LISTENER, &listener_with(vec![filter.clone()]));
            let result = overlay_resource(LISTENER, &base, &nothing(), &options).expect("a listener");
            let text = overlay(&listener_with(vec![filter.clone()]), &nothing(), &options);
            assert_eq!(result.bytes == base, text.value == listener_with(vec![filter]), "{ours}");
            assert_eq!(result.problems, text.problems);
            if !stays {
                assert!(result.bytes == encode(LISTENER, &listener_with(vec![])));
            }
        }
    }
}

#[test]
fn a_manager_that_cannot_be_changed_is_a_warning() {
    let url = format!("type.googleapis.com/{MANAGER}");
    let codes = |listener: &[u8]| {
        let result = overlay_resource(LISTENER, listener, &busy(), &options()).expect("a listener");
        assert_eq!(result.bytes, listener);
        result.problems.iter().map(|it| (it.code.0, it.path.clone())).collect::<Vec<_>>()
    };
    let filter = |any: &[u8]| field(3, &field(3, &field(4, any)));
    for name in ["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"] {
        let wrapped =
            [field(1, format!("x/{name}").as_bytes()), field(2, &field(1, url.as_bytes()))].concat();
        let path = "filter_chains[0].filters[0].typed_config".to_owned();
        assert_eq!(codes(&filter(&wrapped)), [("BG0614", path)]);
        // What is no TypedStruct passes through unread.
        let odd = [field(1, format!("x/{name}").as_bytes()), field(2, &[0xff])].concat();
        assert_eq!(codes(&filter(&odd)), [("BG0602", String::new())]);
    }
    let api = field(19, &field(1, &field(1, url.as_bytes())));
    assert_eq!(codes(&api), [("BG0614", "api_listener.api_listener".to_owned())]);
}
