//! What traces are made of. How entries add up is in the worked examples in `tests/cases`; here is what goes beyond them.

use super::*;
use crate::resolve::fixture::{Levels, policies, service, workload};
use crate::resolve::{Effective, PolicySet, Tracer};
use crate::test;

/// A mesh with these default providers and these further settings.
fn mesh(defaults: &str, settings: &str) -> String {
    let provider =
        |name: &str| format!("- {{name: {name}, opentelemetry: {{service: collector.obs, port: 4317}}}}\n");
    format!(
        "extensionProviders:\n{}{}- {{name: lost, opentelemetry: {{service: lost.obs, port: 4317}}}}\n\
         - {{name: zipkin, zipkin: {{service: collector.obs, port: 9411}}}}\n- {{name: prom, prometheus: {{}}}}\n\
         - {{name: http, opentelemetry: {{service: collector.obs, port: 4318, http: {{path: /v1/traces}}}}}}\n\
         - {{name: walk, skywalking: {{service: collector.obs, port: 11800}}}}\n\
         - {{name: long-zip, zipkin: {{service: collector.obs, port: 9411, maxTagLength: 9}}}}\n\
         - {{name: long-dog, datadog: {{service: collector.obs, port: 8126, maxTagLength: 9}}}}\n\
         - {{name: sampled, opentelemetry: {{service: collector.obs, port: 4318, http: {{path: /v1/traces}}, \
         dynatraceSampler: {{tenant: t, clusterId: 1}}}}}}\n\
         - {{name: gone, lightstep: {{service: collector.obs, port: 8360, accessToken: t}}}}\n\
         - {{name: long, opentelemetry: {{service: obs/collector.obs, port: 4317, maxTagLength: 99}}}}\n\
         defaultProviders: {{tracing: [{defaults}]}}\n{settings}\n{}",
        provider("zip"),
        provider("otel"),
        service("collector", "obs", "collector.obs")
    )
}

/// What is traced in the notation of the examples: the provider, then what was said of it.
fn show(tracing: &Tracing) -> String {
    let (name, settings) = match tracing {
        Tracing::Untouched => return "legacy".to_owned(),
        Tracing::Off(_) | Tracing::LeftOut(_) => return "off".to_owned(),
        Tracing::Bootstrap(settings) => ("bootstrap", settings),
        Tracing::Provider { provider, settings, .. } => (provider.value.as_str(), settings),
    };
    let mut shown = name.to_owned();
    if let Origin::Document { .. } = settings.sampling.origin {
        shown += &format!(" {}", settings.sampling.value);
    }
    let names: Vec<&str> = settings.custom_tags.iter().map(|(name, _)| name.as_str()).collect();
    let own: Vec<&str> = names.iter().copied().filter(|name| !name.starts_with("istio.")).collect();
    if !own.is_empty() {
        shown += &format!(" {{{}}}", own.join(","));
    }
    match names.len() - own.len() {
        0 => shown += " -istio",
        9 => {}
        other => shown += &format!(" {other} of istio's"),
    }
    for (value, word) in [
        (!settings.use_request_id.value, " -id"),
        (settings.disable_context_propagation.value, " -propagation"),
    ] {
        shown += if value { word } else { "" };
    }
    shown
}

#[test]
fn providers_of_every_kind_trace_where_they_can() {
    let rows: &[(&str, &str, Levels<'_>, &str, &str)] = &[
        (
            "propagation off",
            "",
            &[("R", &["p=zip propagation=false"])],
            "zip -propagation",
            "zip -propagation",
        ),
        ("a collector that is missing", "zip", &[("N", &["p=lost"])], "off", "off"),
        ("Zipkin", "zip", &[("N", &["p=zipkin"])], "zipkin", "zipkin"),
        ("SkyWalking", "zip", &[("N", &["p=walk"])], "walk", "walk"),
        ("Datadog", "zip", &[("N", &["p=long-dog"])], "long-dog", "long-dog"),
        ("over HTTP", "zip", &[("N", &["p=http"])], "http", "http"),
        ("its own sampler", "zip", &[("N", &["p=sampled sampling=5"])], "sampled 100", "sampled 100"),
        ("a kind that Envoy has lost", "zip", &[("N", &["p=gone"])], "off", "off"),
    ];
    for (row, defaults, levels, client, server) in rows {
        let set = policies(&mesh(defaults, ""), "tracing", levels);
        let effective = set.resolve(&workload(WorkloadKind::Sidecar));
        let shown = |class| show(&effective.class(class).tracing);
        assert_eq!(shown(ListenerClass::Outbound), *client, "{row}: outbound");
        assert_eq!(shown(ListenerClass::Inbound), *server, "{row}: inbound");
        let gateway = set.resolve(&workload(WorkloadKind::Gateway));
        assert_eq!(show(&gateway.class(ListenerClass::Gateway).tracing), *client, "{row}: gateway");
    }
}

/// Traces of the outbound class of a sidecar in a mesh with settings and one entry.
fn outbound(settings: &str, entries: &[&str]) -> Effective {
    let levels: Levels<'_> = if entries.is_empty() { &[] } else { &[("N", entries)] };
    policies(&mesh("", settings), "tracing", levels).resolve(&workload(WorkloadKind::Sidecar))
}

fn provided(effective: &Effective) -> (&Tracer, &TracingSettings) {
    match &effective.class(ListenerClass::Outbound).tracing {
        Tracing::Provider { tracer, settings, .. } => (tracer, settings),
        other => panic!("no provider: {other:?}"),
    }
}

#[test]
fn the_control_planes_share_holds_where_nothing_else_is_said() {
    let mesh = |settings| format!("rootNamespace: root\n{}", mesh("zip", settings));
    for (settings, share, expected, rule) in [
        ("", 50.0, 50.0, Some("the control plane's PILOT_TRACE_SAMPLING")),
        ("", 1.0, 1.0, Some("Istio's default: 1 % of new traces")),
        ("", 120.0, 1.0, Some("Istio's default: 1 % of new traces")),
        ("defaultConfig: {tracing: {sampling: 10}}", 50.0, 10.0, None),
    ] {
        let resources =
            crate::document::read(&[crate::document::Source::new("m.yaml", mesh(settings))]).resources;
        let plane = ControlPlane { trace_sampling: share, environment: None };
        let effective = PolicySet::of(resources, plane).resolve(&workload(WorkloadKind::Sidecar));
        let sampling = &provided(&effective).1.sampling;
        assert!((sampling.value - expected).abs() < f64::EPSILON, "{settings} {share}: {sampling:?}");
        if let Some(rule) = rule {
            assert_eq!(sampling.origin, Origin::Rule(rule));
        }
    }
}

#[test]
fn the_share_of_traces_names_the_line_that_set_it() {
    let effective = outbound("defaultConfig: {tracing: {sampling: 10}}", &["p=zip"]);
    let sampling = &provided(&effective).1.sampling;
    assert!((sampling.value - 10.0).abs() < f64::EPSILON);
    assert_eq!(
        sampling.origin.to_string().split(" (").next(),
        Some("MeshConfig mesh defaultConfig.tracing.sampling")
    );
}

#[test]
fn istios_own_tags_say_who_the_workload_is() {
    let effective = outbound("defaultConfig: {meshId: main}", &["p=zip"]);
    let tags = &provided(&effective).1.custom_tags;
    let literal = |name: &str| match tags.iter().find(|(tag, _)| tag == name).map(|(_, tag)| &tag.value) {
        Some(CustomTag::Literal(value)) => value.clone(),
        other => panic!("{name}: {other:?}"),
    };
    for (name, expected) in [
        ("istio.canonical_revision", "latest"),
        ("istio.canonical_service", "x"),
        ("istio.mesh_id", "main"),
        ("istio.namespace", "a"),
        ("istio.cluster_id", "Kubernetes"),
    ] {
        assert_eq!(literal(name), expected, "{name}");
    }
    let dry_run = tags.iter().filter(|(_, tag)| matches!(tag.value, CustomTag::Metadata { .. })).count();
    assert_eq!(dry_run, 4);

    // What a proxy says of itself goes before what the mesh's configuration says of all.
    let own = Workload { mesh_id: Some("own".to_owned()), ..workload(WorkloadKind::Sidecar) };
    let set = policies(&mesh("", "defaultConfig: {meshId: main}"), "tracing", &[("N", &["p=zip"])]);
    let effective = set.resolve(&own);
    let mesh_id = provided(&effective).1.custom_tags.iter().find(|(tag, _)| tag == "istio.mesh_id");
    assert_eq!(mesh_id.map(|(_, tag)| &tag.value), Some(&CustomTag::Literal("own".to_owned())));
}

#[test]
fn the_meshs_own_settings_hold_where_nothing_else_is_said() {
    for (settings, expected) in [
        ("", "legacy"),
        ("enableTracing: true", "bootstrap"),
        ("enableTracing: false", "off"),
        ("defaultConfig: {concurrency: 2}", "legacy"),
        ("defaultConfig: {tracing: {}}", "bootstrap"),
        (
            "defaultConfig: {tracing: {sampling: 20, customTags: {b: {literal: {value: v}}}}}",
            "bootstrap 20 {b}",
        ),
        ("defaultConfig: {tracing: {enableIstioTags: false}}", "bootstrap -istio"),
        ("enableTracing: false\ndefaultConfig: {tracing: {sampling: 20}}", "off"),
    ] {
        let effective = outbound(settings, &[]);
        assert_eq!(show(&effective.class(ListenerClass::Inbound).tracing), expected, "{settings}");
    }
}

#[test]
fn what_ends_tracing_is_named() {
    for (settings, entries, expected) in [
        ("", vec!["sampling=50"], "Telemetry a/level-n spec.tracing[0]"),
        ("", vec!["p=zip off"], "Telemetry a/level-n spec.tracing[0].disableSpanReporting"),
        ("", vec!["p=ghost"], "Telemetry a/level-n spec.tracing[0].providers[0].name"),
        ("enableTracing: false", vec![], "MeshConfig mesh enableTracing"),
    ] {
        let effective = outbound(settings, &entries);
        let origin = match &effective.class(ListenerClass::Outbound).tracing {
            Tracing::Off(origin) if !entries.contains(&"p=ghost") => origin,
            Tracing::LeftOut(provider) if provider.value == "ghost" => &provider.origin,
            other => panic!("{entries:?}: {other:?}"),
        };
        assert_eq!(origin.to_string().split(" (").next(), Some(expected));
    }
}

#[test]
fn a_path_is_cut_where_the_provider_says_or_else_the_proxy() {
    let of_proxy = "defaultConfig: {tracing: {maxPathTagLength: 7}}";
    for (settings, entry, expected) in [
        ("", "p=zip", None),
        (of_proxy, "p=zip", Some(7)),
        (of_proxy, "p=long", Some(99)),
        (of_proxy, "p=long-zip", Some(9)),
        (of_proxy, "p=long-dog", Some(9)),
        (of_proxy, "p=zipkin", Some(7)),
        (of_proxy, "p=walk", Some(7)),
        ("", "p=walk", None),
        ("defaultConfig: {tracing: {maxPathTagLength: 0}}", "p=zip", None),
    ] {
        let effective = outbound(settings, &[entry]);
        assert_eq!(provided(&effective).1.max_path_tag_length, expected, "{settings} {entry}");
    }
}

#[test]
fn only_gateways_begin_a_span_for_the_request_to_the_upstream_unless_skywalking_wants_it() {
    for (provider, kind, expected) in [
        ("zip", WorkloadKind::Sidecar, false),
        ("zip", WorkloadKind::Gateway, true),
        ("zipkin", WorkloadKind::Gateway, true),
        ("walk", WorkloadKind::Sidecar, true),
        ("walk", WorkloadKind::Gateway, true),
    ] {
        let effective = policies(&mesh(provider, ""), "tracing", &[]).resolve(&workload(kind));
        assert_eq!(provided(&effective).1.spawn_upstream_span, expected, "{provider} {kind:?}");
    }
}

#[test]
fn a_collector_is_looked_up_among_the_services() {
    let provider = |service: &str| {
        format!(
            "extensionProviders:\n- {{name: otel, opentelemetry: {{service: {service}, port: 4317}}}}\n\
             defaultProviders: {{tracing: [otel]}}\n"
        )
    };
    let one = service("c", "one", "c.example");
    let two = service("c", "two", "c.example");
    for (wanted, services, expected) in [
        ("c.example", one.clone(), Some("one")),
        ("one/c.example", one.clone(), Some("one")),
        ("two/c.example", one.clone(), None),
        ("c.example", format!("{one}{two}"), None),
        ("two/c.example", format!("{one}{two}"), Some("two")),
        ("other.example", one.clone(), None),
        ("c.example", String::new(), None),
    ] {
        let set = policies(&format!("{}{services}", provider(wanted)), "tracing", &[]);
        let effective = set.resolve(&workload(WorkloadKind::Sidecar));
        let found = match &effective.class(ListenerClass::Outbound).tracing {
            Tracing::Provider { tracer, .. } => Some(tracer.collector().namespace.clone()),
            _ => None,
        };
        assert_eq!(found.as_deref(), expected, "{wanted} among {services}");
    }
}

#[test]
fn the_hash_covers_what_decides_about_traces() {
    let hash = |settings: &str, entry: &str| {
        policies(&mesh("zip", settings), "tracing", &[("N", &[entry])]).hash().to_owned()
    };
    let mut hashes = vec![hash("", "")];
    for (settings, entry) in [
        ("", "sampling=5"),
        ("", "p=otel"),
        ("", "m=C"),
        ("", "tags=a"),
        ("", "istio=false"),
        ("", "id=false"),
        ("", "off"),
        ("", "propagation=false"),
        ("enableTracing: true", ""),
        ("enableTracing: false", ""),
        ("defaultConfig: {tracing: {}}", ""),
        ("defaultConfig: {tracing: {sampling: 5}}", ""),
        ("defaultConfig: {tracing: {customTags: {b: {literal: {value: v}}}}}", ""),
        ("defaultConfig: {serviceCluster: c}", ""),
        ("defaultConfig: {tracingServiceName: CANONICAL_NAME_ONLY}", ""),
        ("defaultConfig: {meshId: m}", ""),
        ("defaultConfig: {tracing: {maxPathTagLength: 5}}", ""),
        ("defaultConfig: {tracing: {enableIstioTags: false}}", ""),
        ("defaultConfig: {tracing: {customTags: {b: {environment: {name: v}}}}}", ""),
        ("defaultConfig: {tracing: {customTags: {b: {header: {name: v}}}}}", ""),
        ("defaultConfig: {tracing: {customTags: {b: {header: {name: v, defaultValue: d}}}}}", ""),
    ] {
        hashes.push(hash(settings, entry));
    }
    hashes.push(policies(&mesh("otel", ""), "tracing", &[("N", &[""])]).hash().to_owned());
    let with_service = format!("{}{}", mesh("zip", ""), service("other", "obs", "other.obs"));
    hashes.push(policies(&with_service, "tracing", &[("N", &[""])]).hash().to_owned());
    let all = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all);
    assert_eq!(hash("", "sampling=5"), hash("", "sampling=5"));
}
