//! Texts that are taken: every shape, encoded as the message that they say.

use burgee_api::document::tree::Source;
use burgee_overlay::Value;
use proptest::prelude::*;
use prost_reflect::{DynamicMessage, SerializeOptions};

use super::super::descriptors;
use super::support::{cluster, good, load, told};
use crate::resource::types;

/// The names of a class's resources of a type.
fn names(files: &[(&str, &[u8])], class: &str, type_url: &str) -> Vec<String> {
    let classes = good(files);
    let class = classes.iter().find(|one| *one.name == *class).expect("the class");
    let named = class.resources.of(type_url).expect("resources of the type");
    named.keys().map(ToString::to_string).collect()
}

#[test]
fn resources_are_found_in_every_shape() {
    let (one, two) = (cluster("one"), cluster("two"));
    let wrapped = format!(
        "{{\"@type\": type.googleapis.com/envoy.service.discovery.v3.Resource, name: two, resource: {}}}",
        cluster("inner")
    );
    let json = r#"{"resources": [{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "one"},
        {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "two"}]}"#;
    let table = [
        ("a list", "yaml", format!("[{one}, {two}]")),
        ("a response", "yml", format!("version_info: '7'\nresources: [{one}, {two}]")),
        (
            "a response with its type",
            "yaml",
            format!(
                "'@type': type.googleapis.com/envoy.service.discovery.v3.DiscoveryResponse\nresources: [{one}, {two}]"
            ),
        ),
        ("a response in JSON", "json", json.to_owned()),
        ("a wrapper that says the name", "yaml", format!("[{one}, {wrapped}]")),
        ("a bootstrap", "yaml", "static_resources: {clusters: [{name: one}, {name: two}]}".to_owned()),
        (
            "a bootstrap in the other spelling",
            "yaml",
            "staticResources: {clusters: [{name: two}, {name: one}]}".to_owned(),
        ),
    ];
    for (what, extension, text) in table {
        let found =
            names(&[(&format!("sidecar/file.{extension}"), text.as_bytes())], "sidecar", types::CLUSTER);
        assert_eq!(found, ["one", "two"], "{what}");
    }
    let several = [("sidecar/a.yaml", one.as_bytes()), ("sidecar/deeper/b.yaml", two.as_bytes())];
    assert_eq!(names(&several, "sidecar", types::CLUSTER), ["one", "two"], "several files");
    assert_eq!(names(&[("a.yaml", one.as_bytes())], "all", types::CLUSTER), ["one"], "no folders");
}

#[test]
fn a_bootstrap_gives_what_is_static_and_says_what_it_keeps() {
    let text = "
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
node: {id: a, cluster: b}
static_resources:
  listeners: [{name: front, address: {socket_address: {address: 127.0.0.1, port_value: 8080}}}]
  clusters: [{name: web}]
  secrets: [{name: key}]
";
    let (classes, problems) = load(&[("envoy.yaml", text.as_bytes())]);
    let class = classes.iter().next().expect("a class");
    for (type_url, name) in [(types::LISTENER, "front"), (types::CLUSTER, "web"), (types::SECRET, "key")] {
        assert!(class.resources.get(type_url, name).is_some(), "{name}");
    }
    assert_eq!(
        told(&problems),
        "bases/envoy.yaml:2:1  note BG0813: of this bootstrap, admin, node goes to no proxy from here\n  help: only \
         `static_resources` can be served; a proxy has the rest from the bootstrap that it is started with\n"
    );
}

/// What was encoded, decoded and written as text again.
fn decoded(text: &str, type_url: &str, name: &str) -> serde_json::Value {
    let classes = good(&[("a.yaml", text.as_bytes())]);
    let class = classes.iter().next().expect("a class");
    let resource = class.resources.get(type_url, name).expect("the resource");
    let message = descriptors::message(type_url).expect("a known type");
    let message = DynamicMessage::decode(message, resource.value()).expect("what we encoded");
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).expect("JSON")
}

#[test]
fn a_text_is_encoded_as_envoy_reads_it() {
    let text = r#"
"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
name: web
type: strict_dns           # values of enumerations in any case
connectTimeout: 0.25s      # the other spelling
lb_policy: 1               # by number
respect_dns_ttl: on        # a boolean to Envoy
per_connection_buffer_limit_bytes: 010   # octal to Envoy
common_lb_config: {healthy_panic_threshold: {value: 12.5}}
alt_stat_name: ~           # null: not there
metadata: {filter_metadata: {b: {x: [1, {y: null}]}, a: {z: true}}}
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: {http2_protocol_options: {max_concurrent_streams: 100}}
"#;
    let expected = serde_json::json!({
        "name": "web",
        "type": "STRICT_DNS",
        "connect_timeout": "0.250s",
        "lb_policy": "LEAST_REQUEST",
        "respect_dns_ttl": true,
        "per_connection_buffer_limit_bytes": 8,
        "common_lb_config": {"healthy_panic_threshold": {"value": 12.5}},
        "metadata": {"filter_metadata": {"b": {"x": [1.0, {"y": null}]}, "a": {"z": true}}},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {"max_concurrent_streams": 100}},
            },
        },
    });
    assert_eq!(decoded(text, types::CLUSTER, "web"), expected);
}

#[test]
fn the_same_text_has_the_same_bytes_and_so_the_same_version() {
    let entries: Vec<String> = (0..40).map(|i| format!("key{i}: {{a: {i}}}")).collect();
    let text = |entries: &[String]| {
        let head = "'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: web\nmetadata:\n  filter_metadata:\n";
        entries.iter().fold(head.to_owned(), |text, entry| text + "    " + entry + "\n")
    };
    let classes = |text: &str| good(&[("sidecar/a.yaml", text.as_bytes())]);
    let first = classes(&text(&entries));
    let reversed: Vec<String> = entries.iter().rev().cloned().collect();
    assert_eq!(first, classes(&text(&reversed)));
    let version = |classes: &super::super::Classes| classes.iter().next().map(|class| class.version);
    assert_eq!(version(&first), version(&classes(&text(&reversed))));
    assert_ne!(version(&first), version(&classes(&text(&entries[1..]))));
}

#[test]
fn the_bases_of_the_example_are_good() {
    let dir = burgee_tests::workspace().join("examples/served/bases");
    let (classes, problems) = super::super::Classes::load(&dir);
    assert_eq!(told(&problems), "");
    let names: Vec<&str> = classes.iter().map(|class| &*class.name).collect();
    assert_eq!(names, ["gateway", "sidecar"]);
    let folders: Vec<_> = ["", "gateway", "sidecar"].iter().map(|name| dir.join(name)).collect();
    let watched: Vec<_> = classes.watched().iter().map(|folder| folder.join("")).collect();
    assert_eq!(watched, folders.iter().map(|folder| folder.join("")).collect::<Vec<_>>());
}

proptest! {
    /// A message that is written as text and read again is the same message.
    #[test]
    fn a_message_survives_its_text(
        name in "[a-zA-Z0-9|._-]{1,20}",
        port in 0u32..65536,
        seconds in 0u32..1000,
        host in "\\PC{0,12}",
        labels in proptest::collection::btree_map("[a-z./]{1,8}", "\\PC{0,8}", 0..5),
        retries in proptest::option::of(any::<u32>()),
    ) {
        let mut json = serde_json::json!({
            "@type": types::ENDPOINTS,
            "cluster_name": name,
            "policy": {"endpoint_stale_after": format!("{seconds}s")},
            "endpoints": [{
                "lb_endpoints": [{
                    "endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}},
                    "metadata": {"filter_metadata": {"istio": labels}},
                }],
            }],
        });
        if let Some(retries) = retries {
            json["endpoints"][0]["load_balancing_weight"] = retries.into();
        }
        let text = json.to_string();
        let source = Source::new("a.json", text.as_str());
        let yaml = Value::from_json(&source).expect("JSON").to_yaml();
        let of = |file: &str, text: &str| good(&[(file, text.as_bytes())]);
        let (json, yaml) = (of("a.json", &text), of("a.yaml", &yaml));
        prop_assert_eq!(&json, &yaml);
        let classes = json;
        let class = classes.iter().next().expect("a class");
        let resource = class.resources.get(types::ENDPOINTS, &name).expect("the resource");
        let message = descriptors::message(types::ENDPOINTS).expect("a known type");
        let message = DynamicMessage::decode(message, resource.value()).expect("what we encoded");
        let options = SerializeOptions::new().use_proto_field_name(true);
        let again = message.serialize_with_options(serde_json::value::Serializer, &options).expect("JSON");
        let mut again = again;
        again["@type"] = types::ENDPOINTS.into();
        prop_assert_eq!(good(&[("a.json", again.to_string().as_bytes())]), classes);
    }

    /// Whatever a file holds, reading it ends without a panic, and tells errors or gives resources.
    #[test]
    fn any_bytes_are_refused_or_read(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        extension in proptest::sample::select(vec!["yaml", "json", "pb"]),
    ) {
        let (classes, problems) = load(&[(&format!("a.{extension}"), bytes.as_slice())]);
        prop_assert!(classes.iter().count() == 1 || !problems.is_empty());
    }
}
