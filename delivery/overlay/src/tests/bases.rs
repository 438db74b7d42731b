//! The hand-written bases: what is laid over each, and that nothing else changes.

use std::fmt::Write as _;

use super::support::{base, bases, busy, by_discovery, everywhere, nothing, options, provider};
use crate::{Value, overlay};

#[test]
fn nothing_laid_over_a_base_is_the_base() {
    for (name, base) in bases() {
        let result = overlay(&base, &nothing(), &options());
        assert_eq!(result.value, base, "{name}");
        assert!(result.edits.is_empty(), "{name}");
        let ours = result.problems.iter().all(|problem| problem.code.0 == "BG0609");
        assert!(
            ours && (result.problems.is_empty() || name == "by-hand.yaml"),
            "{name}: {:?}",
            result.problems
        );
    }
}

#[test]
fn an_overlay_can_be_taken_back() {
    for (name, base) in bases() {
        for options in [options(), by_discovery()] {
            let once = overlay(&base, &busy(), &options);
            assert_ne!(once.value, base, "{name}");
            assert_eq!(overlay(&once.value, &busy(), &options), once, "{name}: twice is once");
            assert_eq!(overlay(&once.value, &nothing(), &options).value, base, "{name}: back again");
        }
    }
}

#[test]
fn a_later_policy_replaces_an_earlier_one() {
    let two = everywhere(vec![provider("a"), provider("b")]);
    for (name, base) in bases() {
        let changed = overlay(&overlay(&base, &two, &options()).value, &busy(), &by_discovery());
        assert_eq!(changed, overlay(&base, &busy(), &by_discovery()), "{name}");
    }
}

#[test]
fn an_overlaid_base_survives_a_text() {
    for (name, base) in bases().into_iter().filter(|(name, _)| name.ends_with(".yaml")) {
        let result = overlay(&base, &busy(), &options()).value;
        assert_eq!(super::support::yaml(&result.to_yaml()), result, "{name}");
    }
}

#[test]
fn each_base_gets_what_its_listeners_can_carry() {
    let mut out = String::new();
    for (name, base) in bases() {
        let result = overlay(&base, &busy(), &options());
        let _ = writeln!(out, "{name}");
        let tags = result
            .edits
            .iter()
            .filter(|edit| edit.path.to_string().starts_with("stats_config.stats_tags["))
            .count();
        for edit in &result.edits {
            let path = edit.path.to_string();
            if path.starts_with("stats_config.stats_tags[") {
                continue;
            }
            let reporter = match edit.value.at(&["typed_config", "config", "configuration", "value"]) {
                Some(Value::String(json)) if json.contains("\"SERVER\"") => " (server)",
                Some(Value::String(_)) => " (client)",
                _ => "",
            };
            let _ = writeln!(out, "  + {path}{reporter}");
        }
        let _ = writeln!(out, "  + {tags} stats_tags");
        for problem in &result.problems {
            let _ = writeln!(out, "  {problem}");
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn filters_stand_before_the_router_and_in_the_order_of_providers() {
    let base = base("tcp-beside-http.yaml");
    let policy = everywhere(vec![provider("a"), provider("b")]);
    let result = overlay(&base, &policy, &options()).value;
    let filters = super::support::dig(
        &result,
        "static_resources.listeners.1.default_filter_chain.filters.0.typed_config.http_filters",
    );
    let names: Vec<&str> =
        filters.items().iter().filter_map(|filter| filter.field("name")?.as_str()).collect();
    assert_eq!(names, ["burgee.telemetry.a", "lua", "burgee.grpc_stats", "burgee.stats.b", "router"]);
}

#[test]
fn what_nothing_is_laid_over_is_not_copied() {
    let base = base("captured.yaml");
    let items = |value: &Value, path: &[&str]| value.at(path).expect("a list").items().as_ptr();
    let laid = overlay(&base, &busy(), &options()).value;
    assert_ne!(laid, base);
    let listeners = ["static_resources", "listeners"];
    assert_ne!(items(&laid, &listeners), items(&base, &listeners));
    let chains = |value: &Value| {
        let outbound = &value.at(&listeners).expect("listeners").items()[0];
        assert_eq!(outbound.field("name"), Some(&Value::string("virtualOutbound")));
        outbound.field("filter_chains").expect("chains").items().as_ptr()
    };
    assert_eq!(chains(&laid), chains(&base));
    // A change to the one is none to the other.
    let before = base.clone();
    let mut other = base.clone();
    *other.field_mut("node").expect("a node") = Value::Null;
    assert_ne!(other, base);
    assert_eq!(base, before);
}
