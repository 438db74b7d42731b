//! What people write by hand under our names is theirs: it is told apart by content.

use super::natives::native;
use super::support::{
    busy, by_discovery, dig, everywhere, listener_with, nothing, options, over_ads, provider, yaml,
};
use crate::{Value, overlay};

pub(crate) const FILTERS: &str = "filter_chains.0.filters.0.typed_config.http_filters";

/// The filter whose name begins so that an overlay writes into a listener.
fn ours(name: &str, options: &crate::Options) -> Value {
    // Two providers, the first with the exchange of peers; and one whose metrics Envoy makes.
    for policy in [everywhere(vec![provider("first"), provider("prometheus")]), everywhere(vec![native()])] {
        let result = overlay(&listener_with(Vec::new()), &policy, options);
        let edit = result.edits.iter().find(|edit| crate::view::name(&edit.value).starts_with(name));
        if let Some(edit) = edit {
            return edit.value.clone();
        }
    }
    panic!("no edit with the name {name}");
}

/// The same filter with one text in it changed.
fn with(filter: &Value, from: &str, to: &str) -> Value {
    let text = filter.to_yaml();
    assert!(text.contains(from), "{text}");
    yaml(&text.replace(from, to))
}

#[test]
fn a_filter_of_ours_is_taken_out_whatever_it_was_made_for() {
    for options in [options(), by_discovery(), over_ads()] {
        for name in ["burgee.telemetry.", "burgee.stats.", "burgee.peer_metadata"] {
            let base = listener_with(vec![ours(name, &options)]);
            let result = overlay(&base, &nothing(), &options);
            assert_eq!((result.value, result.problems), (listener_with(Vec::new()), Vec::new()));
        }
    }
}

#[test]
fn a_filter_of_another_content_stays_with_a_warning() {
    let (inline, by_name) = (ours("burgee.stats.", &options()), ours("burgee.stats.", &by_discovery()));
    let (both, both_by_name) =
        (ours("burgee.telemetry.", &options()), ours("burgee.telemetry.", &by_discovery()));
    let (peers, peers_by_name) = (ours("burgee.peer", &options()), ours("burgee.peer", &by_discovery()));
    let streamed = ours("burgee.telemetry.", &over_ads());
    let wasm = "filters.http.wasm.v3.Wasm";
    for filter in [
        yaml("name: burgee.stats.mine"),
        yaml("{name: burgee.stats.mine, typed_config: {'@type': x/acme.Filter, config: {root_id: stats}}}"),
        with(&inline, wasm, "filters.http.lua.v3.Lua"),
        with(&inline, "root_id: stats", "root_id: other"),
        with(&inline, "burgee.telemetry.", "acme.telemetry."),
        with(&by_name, wasm, "filters.http.lua.v3.Lua"),
        with(&by_name, ".prometheus.json", ".prometheus.yaml"),
        with(&by_name, "/burgee.stats.gateway.prometheus.json", "/other.json"),
        with(&by_name, "path_config_source", "ads"),
        with(&streamed, "ads: {}", "self: {}"),
        with(&streamed, wasm, "filters.http.lua.v3.Lua"),
        with(&streamed, "header_mutation.v3.HeaderMutation", "rbac.v3.RBAC"),
        yaml("name: burgee.telemetry.mine"),
        with(&both, "root_id: telemetry", "root_id: stats"),
        with(&both, "vm_id: burgee.", "vm_id: acme."),
        with(&both_by_name, "/burgee.telemetry.gateway.first.json", "/other.json"),
        yaml("name: burgee.peer_metadata"),
        with(&peers, "root_id: peer-metadata", "root_id: stats"),
        with(&peers, "burgee.telemetry.", "acme.telemetry."),
        with(&peers_by_name, "/burgee.peer_metadata.gateway.json", "/other.json"),
    ] {
        let base = listener_with(vec![filter.clone()]);
        let result = overlay(&base, &nothing(), &options());
        assert_eq!(result.value, base, "{}", filter.to_yaml());
        let codes: Vec<&str> = result.problems.iter().map(|problem| problem.code.0).collect();
        assert_eq!(codes, ["BG0609"], "{}", filter.to_yaml());
        assert_eq!(result.problems[0].path, "filter_chains[0].filters[0].typed_config.http_filters[0]");
        let once = overlay(&base, &busy(), &options());
        assert_eq!(dig(&once.value, FILTERS).items().len(), 4, "{}", filter.to_yaml());
        assert_eq!(overlay(&once.value, &nothing(), &options()).value, base, "{}", filter.to_yaml());
    }
    // A filter of that content under another name is none of ours either, and nothing to warn of.
    let base = listener_with(vec![with(&inline, "name: burgee.stats.", "name: acme.stats.")]);
    let result = overlay(&base, &nothing(), &options());
    assert_eq!((result.value, result.problems), (base, Vec::new()));
}

#[test]
fn a_tag_is_ours_by_its_name_and_its_expression() {
    let tag = |name: &str| format!(r"{{tag_name: {name}, regex: '(\b(?:reporter)=\.=(.*?);\.;)'}}");
    let base = |tags: &str| yaml(&format!("stats_config: {{stats_tags: [{tags}]}}"));
    let result = overlay(&base(&tag("reporter")), &nothing(), &options());
    assert_eq!((result.value, result.problems), (base(""), Vec::new()));
    let result = overlay(&base(&tag("my_name")), &nothing(), &options());
    assert_eq!(result.value, base(&tag("my_name")));
    let problems: Vec<String> = result.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "warning BG0609: stats_config.stats_tags[0]: the tag \"my_name\" has the expression of Burgee's tag \
          \"reporter\", and is not that tag\n  help: it stays as it is; give it another name, so that nobody takes \
          it for Burgee's"
        ]
    );
}

#[test]
fn a_note_that_no_overlay_writes_is_not_believed() {
    let base = |note: &str| {
        yaml(&format!(
            "{{node: {{metadata: {{burgee.dev/overlay: {note}}}}}, statsConfig: {{statsTags: []}}}}"
        ))
    };
    for note in [
        "~",
        "mine",
        "[]",
        "{}",
        "{created: []}",
        "{created: stats_config}",
        "{created: [1]}",
        "{created: [admin]}",
        "{created: [stats_config]}",
        "{created: [stats_config.stats_tags, stats_config, node]}",
        "{created: [stats_config.stats_tags, stats_config.stats_tags]}",
        "{created: [stats_config.stats_tags, node]}",
        "{created: [stats_config.stats_tags], was_null: [stats_config.stats_tags]}",
        "{created: [stats_config], was_null: [stats_config.stats_tags]}",
        "{created: [stats_config.stats_tags], by: me}",
        "{was_null: [node.metadata]}",
    ] {
        let base = base(note);
        let result = overlay(&base, &nothing(), &options());
        assert_eq!(result.value, base, "{note}");
        assert_eq!(result.problems.iter().map(|it| it.code.0).collect::<Vec<_>>(), ["BG0609"], "{note}");
    }
    let result = overlay(&base("{created: [stats_config.stats_tags]}"), &nothing(), &options());
    assert_eq!(result.value, yaml("{node: {metadata: {}}, statsConfig: {}}"));
}
