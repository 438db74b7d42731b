//! Texts and folders that are refused: where, what is wrong, what to do.

use std::path::Path;

use super::super::{Classes, Contents, File};
use super::support::{DIR, cluster, folder, good, load, told};

/// What is told of a file `a.yaml` with this text, without help.
fn lines(text: &str) -> Vec<String> {
    let (classes, problems) = load(&[("a.yaml", text.as_bytes())]);
    assert_eq!(classes.iter().count(), 0, "{text}");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_wrong_with_a_resource_is_told_with_its_place_and_path() {
    let cluster = "'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: web\n";
    let table = [
        (
            "conect_timeout: 1s",
            "3:1  error BG0808: conect_timeout: envoy.config.cluster.v3.Cluster has no field \"conect_timeout\"",
            "did you mean connect_timeout?",
        ),
        (
            "load_assignment:\n  endpoints:\n  - lb_endpoint: []",
            "5:5  error BG0808: load_assignment.endpoints[0].lb_endpoint:",
            "did you mean lb_endpoints?",
        ),
        ("connect_timeout: 250", "3:1  error BG0809: connect_timeout:", "a duration in seconds"),
        ("connect_timeout: soon", "3:1  error BG0809: connect_timeout:", "a duration in seconds"),
        (
            "type: STATICS",
            "3:1  error BG0809: type: this does not fit its field: \"STATICS\"",
            "wanted is STATIC, or another of STATIC, STRICT_DNS",
        ),
        ("respect_dns_ttl: 3", "3:1  error BG0809: respect_dns_ttl:", "true or false"),
        ("alt_stat_name: 7", "3:1  error BG0809: alt_stat_name:", "a string"),
        (
            "per_connection_buffer_limit_bytes: -1",
            "3:1  error BG0809: per_connection_buffer_limit_bytes:",
            "a google.protobuf.UInt32Value",
        ),
        (
            "health_checks: {}",
            "3:1  error BG0809: health_checks: this does not fit its field: it is a map",
            "wanted is a list",
        ),
        (
            "health_checks: [~]",
            "3:17  error BG0809: health_checks[0]: this does not fit its field: null",
            "a value",
        ),
        (
            "load_assignment: []",
            "3:1  error BG0809: load_assignment: this does not fit its field: it is a list",
            "the fields of a",
        ),
        (
            "type: STATIC\ncluster_type: {name: a}",
            "4:1  error BG0809: cluster_type: type is there too, and only one of the cluster_discovery_type can be",
            "keep one of type and cluster_type",
        ),
        (
            "connect_timeout: 1s\nconnectTimeout: 2s",
            "4:1  error BG0809: connectTimeout: connect_timeout is written twice",
            "keep one",
        ),
        (
            "typed_extension_protocol_options: {a: {'@type': type.googleapis.com/acme.Thing}}",
            "3:40  error BG0807: typed_extension_protocol_options.a.@type: stock Envoy has no message \"acme.Thing\"",
            "encoded, in a DiscoveryResponse in a file `.pb`",
        ),
        (
            "typed_extension_protocol_options: {a: {b: 1}}",
            "3:36  error BG0807: typed_extension_protocol_options.a: nothing says of which type",
            "write its `@type",
        ),
        (
            "metadata: {typed_filter_metadata: {a: {'@type': type.googleapis.com/google.protobuf.Duration, value: x}}}",
            "3:36  error BG0809: metadata.typed_filter_metadata.a:",
            "a google.protobuf.Duration",
        ),
    ];
    for (text, expected, help) in table {
        let told = lines(&format!("{cluster}{text}\n"));
        let [one] = told.as_slice() else { panic!("{text}: {told:#?}") };
        assert!(one.starts_with(&format!("bases/a.yaml:{expected}")), "{text}: {one}");
        assert!(one.contains(help), "{text}: {one}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told() {
    let table = [
        ("\n", "1:1  error BG0806: this file holds no resources", "in between"),
        ("{}", "1:1  error BG0806: this file holds no resources", "in between"),
        ("resources: []", "1:1  error BG0806: this file holds no resources", ""),
        ("name: web", "1:1  error BG0806: this is no resource", "`@type`"),
        ("7", "1:1  error BG0806: this is no resource", ""),
        ("[7]", "1:2  error BG0809: [0]: this is no resource", "`@type`"),
        ("resources: 7", "1:1  error BG0809: resources: this is not a list", ""),
        ("resource: []\nresources: []", "1:1  error BG0808: resource:", "did you mean resources?"),
        ("static_resource: {}", "1:1  error BG0806: this is no resource", "static_resources"),
        (
            "static_resources: {cluster: []}",
            "1:20  error BG0808: static_resources.cluster:",
            "did you mean clusters?",
        ),
        (
            "static_resources: {clusters: [{name: a, b: 1}]}",
            "1:41  error BG0808: static_resources.clusters[0].b:",
            "",
        ),
        (
            "- '@type': type.googleapis.com/envoy.api.v2.Cluster",
            "1:3  error BG0807: [0].@type: stock Envoy has no message",
            "did you mean envoy.config.cluster.v3.Cluster?",
        ),
        ("- '@type': 7", "1:3  error BG0807: [0].@type: the URL of a type is a string", ""),
        ("- {name: web}", "1:3  error BG0807: [0]: nothing says of which type this is", ""),
        (
            "- '@type': type.googleapis.com/envoy.config.cluster.v3.Cluster",
            "1:3  error BG0810: [0]: a envoy.config.cluster.v3.Cluster without a name",
            "write its field name",
        ),
        (
            "- '@type': type.googleapis.com/envoy.config.core.v3.Address",
            "1:3  error BG0810: [0]: a envoy.config.core.v3.Address without a name",
            "wrap it in a envoy.service.discovery.v3.Resource",
        ),
        (
            "- '@type': type.googleapis.com/envoy.service.discovery.v3.Resource",
            "1:3  error BG0809: [0]: a wrapper without a resource in it",
            "the field `resource`",
        ),
    ];
    for (text, expected, help) in table {
        let told = lines(text);
        let [one] = told.as_slice() else { panic!("{text}: {told:#?}") };
        assert!(one.starts_with(&format!("bases/a.yaml:{expected}")), "{text}: {one}");
        assert!(one.contains(help), "{text}: {one}");
    }
}

#[test]
fn everything_is_told_in_one_run() {
    let text = "
- {'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a, one: 1, two: 2, type: three}
- {'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster, name: b, connect_timeout: 4}
";
    let (_, problems) = load(&[("x/a.yaml", text.as_bytes()), ("y/b.json", b"{"), ("y/c.pb", &[0xff])]);
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code.0).collect();
    assert_eq!(&codes[..4], ["BG0808", "BG0808", "BG0809", "BG0809"]);
    assert_eq!(codes.last(), Some(&"BG0812"));
    assert_eq!(codes.len(), 6);
}

#[test]
fn places_in_json_are_told_too() {
    let text =
        "{\n  \"@type\": \"type.googleapis.com/envoy.config.cluster.v3.Cluster\",\n  \"nam\": \"web\"\n}\n";
    let (_, problems) = load(&[("a.json", text.as_bytes())]);
    assert!(told(&problems).starts_with("bases/a.json:3:3  error BG0808: nam:"), "{}", told(&problems));
}

#[test]
fn a_name_is_there_once_per_type_and_class() {
    let web = cluster("web");
    let routes = "{'@type': type.googleapis.com/envoy.config.route.v3.RouteConfiguration, name: web}";
    good(&[("x/a.yaml", web.as_bytes()), ("x/b.yaml", routes.as_bytes()), ("y/a.yaml", web.as_bytes())]);
    let (classes, problems) =
        load(&[("x/a.yaml", web.as_bytes()), ("x/b.yaml", format!("\n{web}").as_bytes())]);
    assert_eq!(
        told(&problems),
        "bases/x/b.yaml:2:1  error BG0811: there is a envoy.config.cluster.v3.Cluster \"web\" already, at \
         bases/x/a.yaml:1:1\n  help: names are unique within a class; take one of them out or rename it\n"
    );
    assert_eq!(classes.iter().count(), 0);
}

#[test]
fn what_is_wrong_with_a_folder_is_told_and_leaves_the_other_classes() {
    let web = cluster("web");
    let mixed = load(&[("a.yaml", web.as_bytes()), ("x/a.yaml", web.as_bytes())]);
    assert_eq!(mixed.0.iter().count(), 1);
    assert!(told(&mixed.1).starts_with("bases/a.yaml:1:1  error BG0802"), "{}", told(&mixed.1));

    let empty = load(&[("x/class.yaml", b"{}"), ("y/a.yaml", web.as_bytes())]);
    assert_eq!(empty.0.iter().map(|class| &*class.name).collect::<Vec<_>>(), ["y"]);
    assert!(told(&empty.1).starts_with("error BG0803: the class x has no resources"), "{}", told(&empty.1));

    let no_text = load(&[("x/a.yaml", &[0xc3, 0x28]), ("y/a.yaml", web.as_bytes())]);
    assert_eq!(no_text.0.iter().count(), 1);
    assert!(told(&no_text.1).starts_with("error BG0801: cannot read bases/x/a.yaml: invalid utf-8"));

    let mut contents = folder(&[("y/a.yaml", web.as_bytes()), ("x/a.yaml", b"")]);
    contents.files[1].bytes = Err("permission denied".to_owned());
    let (classes, problems) = Classes::of_contents(Path::new(DIR), &contents);
    assert_eq!(classes.iter().count(), 1);
    assert!(told(&problems).starts_with("error BG0801: cannot read bases/x/a.yaml: permission denied"));

    let (classes, problems) = Classes::of_contents(Path::new(DIR), &Contents::default());
    assert!(classes.is_lost());
    assert!(told(&problems).starts_with("error BG0801: there are no resources in bases"));
}

#[test]
fn what_has_errors_goes_on_as_it_was() {
    let (one, two) = (cluster("one"), cluster("two"));
    let before =
        good(&[("x/a.yaml", one.as_bytes()), ("y/a.yaml", one.as_bytes()), ("z/a.yaml", one.as_bytes())]);
    let (now, _) = load(&[("x/a.yaml", b"{"), ("y/a.yaml", two.as_bytes())]);
    assert!(now.failed().contains("x"));
    let (kept, told) = now.over(&before);
    let has = |class: &str, name: &str| {
        let class = kept.iter().find(|one| *one.name == *class);
        class.is_some_and(|class| class.resources.get(crate::resource::types::CLUSTER, name).is_some())
    };
    assert!(has("x", "one") && has("y", "two") && !has("y", "one"));
    assert!(kept.iter().all(|class| *class.name != *"z"), "what was taken away is gone");
    let told: Vec<String> = told.iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(told, ["the class x goes on as it was"]);

    let file = File { shown: DIR.to_owned(), path: "".into(), bytes: Err("no such file".to_owned()) };
    let contents = Contents { files: vec![file], folders: Vec::new() };
    let (lost, told) = Classes::of_contents(Path::new(DIR), &contents);
    assert!(lost.is_lost());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(lost.over(&before).0.iter().eq(before.iter()));
}

#[test]
fn a_folder_on_disk_is_read_with_links_and_without_hidden_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(at("..data/sidecar")).expect("folders");
    std::fs::write(at("..data/sidecar/a.yaml"), cluster("web")).expect("a file");
    std::fs::write(at("..data/sidecar/README.md"), "not a resource").expect("a file");
    std::os::unix::fs::symlink(at("..data/sidecar"), at("sidecar")).expect("a link");
    let (classes, problems) = Classes::load(dir.path());
    assert_eq!(told(&problems), "");
    assert_eq!(classes.iter().map(|class| &*class.name).collect::<Vec<_>>(), ["sidecar"]);
    assert_eq!(classes.watched(), [dir.path().to_owned(), at("sidecar")]);

    let (classes, problems) = Classes::load(&at("missing"));
    assert!(classes.is_lost());
    assert_eq!(classes.watched(), [at("missing")]);
    assert!(told(&problems).contains("error BG0801: cannot read"), "{}", told(&problems));
}
