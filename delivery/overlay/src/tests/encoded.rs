//! What a server sends beside listeners: the same as in files, as bytes.

use burgee_api::resolve::{ClassPolicy, Effective, Workload};
use bytes::Bytes;
use proptest::prelude::*;

use super::generated::{policy, some_options};
use super::natives::{half_native, native};
use super::policies::{everything, full, of_every_class, otel_logger, otel_tracing, plugins, with_bytes};
use super::support::{
    base, busy, by_discovery, everywhere, listener_with, nothing, options, over_ads, provider,
};
use crate::{
    Identity, InlineModule, Options, Value, descriptors, encoded_clusters, encoded_extensions,
    extension_configs, is_about_workload, overlay, overlay_resource,
};

/// What files have, each encoded as a whole: the name and the bytes.
fn of_files(policy: &Effective, options: &Options) -> Vec<(String, Vec<u8>)> {
    let message = descriptors::message("envoy.config.core.v3.TypedExtensionConfig").expect("a message");
    let encode = |config: crate::ExtensionConfig| {
        let resource = &config.value.field("resources").map_or(&[][..], Value::items)[0];
        let Value::Map(mut fields) = resource.clone() else { panic!("a message") };
        fields.retain(|(key, _)| key != "@type");
        let bytes = descriptors::encode(&message, &Value::Map(fields));
        (config.name, bytes.unwrap_or_else(|error| panic!("{error}")))
    };
    extension_configs(policy, options).into_iter().map(encode).collect()
}

fn encoded(policy: &Effective, options: &Options) -> Vec<(String, Vec<u8>)> {
    let encoded = encoded_extensions(policy, options).unwrap_or_else(|error| panic!("{error}"));
    encoded.into_iter().map(|extension| (extension.name.clone(), extension.bytes())).collect()
}

/// Ways in which extensions are delivered by name, with modules of several sizes.
fn by_name() -> Vec<Options> {
    let mut by_name = vec![by_discovery(), over_ads(), full(over_ads()), with_bytes(full(over_ads()))];
    for size in [0, 100, 127, 128, 16_384, 300_000] {
        let mut options = with_bytes(full(over_ads()));
        let bytes: Vec<u8> = (0..size).map(|number: u32| number.to_le_bytes()[1] ^ 7).collect();
        for module in options.inline_modules.values_mut() {
            *module = InlineModule::from(Bytes::from(bytes.clone()));
        }
        by_name.push(options);
    }
    by_name
}

#[test]
fn bytes_are_those_of_the_whole_value() {
    for options in by_name() {
        for policy in [busy(), everything(), everywhere(vec![half_native(), provider("other")]), nothing()] {
            let expected = of_files(&policy, &options);
            let got = encoded(&policy, &options);
            let names = |all: &[(String, Vec<u8>)]| all.iter().map(|one| one.0.clone()).collect::<Vec<_>>();
            assert_eq!(names(&got), names(&expected));
            assert!(got == expected, "{:?}", names(&got));
        }
    }
    assert!(encoded(&everything(), &full(options())).is_empty(), "listeners hold them");
}

#[test]
fn modules_are_in_common_and_their_bytes_in_no_head() {
    let options = by_name().pop().expect("one with large modules");
    let all = encoded_extensions(&everything(), &options).expect("extensions");
    let with_module = all.iter().filter(|extension| extension.module().is_some());
    for extension in with_module.clone() {
        let given = options.inline_modules.values().any(|module| {
            extension.module().is_some_and(|own| own.bytes().as_ptr() == module.bytes().as_ptr())
        });
        assert!(given, "{}", extension.name);
        assert!(extension.bytes().len() > 300_000);
    }
    assert!(with_module.count() > 6);
    // Scripts and modules in files have none.
    assert!(all.iter().any(|extension| extension.module().is_none()));
    assert!(all.iter().all(|extension| extension.head.len() < 5_000));
}

#[test]
fn another_module_is_another_head() {
    let of = |digest: &str| {
        let mut options = with_bytes(full(over_ads()));
        // The name of the machine has the beginning of the digest alone.
        options.module.sha256 = format!("{}{digest}", &options.module.sha256[..63]);
        options.inline_modules.insert(options.module.sha256.clone(), InlineModule::new(b"other"));
        encoded_extensions(&busy(), &options).expect("extensions").remove(0)
    };
    assert_eq!(of("e"), of("e"));
    assert_ne!(of("e").head, of("d").head);
}

#[test]
fn clusters_are_those_that_an_overlay_adds_and_listeners_await() {
    let policy = of_every_class(&ClassPolicy {
        access_logs: vec![otel_logger("logs"), super::policies::mesh_logger()],
        tracing: otel_tracing(true),
        ..ClassPolicy::default()
    });
    let clusters = encoded_clusters(&policy).expect("clusters");
    let message = descriptors::message(crate::view::CLUSTER).expect("a message");
    let added: Vec<(String, Vec<u8>)> = overlay(&base("front-proxy.yaml"), &policy, &options())
        .edits
        .into_iter()
        .filter(|edit| edit.value.field("load_assignment").is_some())
        .map(|edit| {
            let name = crate::view::name(&edit.value).to_owned();
            (name, descriptors::encode(&message, &edit.value).expect("a cluster"))
        })
        .collect();
    assert_eq!(clusters, added);

    let message = descriptors::message(crate::view::LISTENER).expect("a message");
    let listener = descriptors::encode(&message, &listener_with(Vec::new())).expect("a listener");
    let laid = overlay_resource(crate::view::LISTENER, &listener, &policy, &over_ads()).expect("a listener");
    let names: Vec<&String> = clusters.iter().map(|(name, _)| name).collect();
    assert_eq!(names, laid.awaited_clusters.iter().collect::<Vec<_>>());
    // Those of which nobody knows where they are are not made up.
    let mut nowhere = super::policies::mesh_logger();
    nowhere.sink = burgee_api::resolve::LogSink::MeshService { address: None };
    let policy = of_every_class(&ClassPolicy { access_logs: vec![nowhere], ..ClassPolicy::default() });
    assert_eq!(encoded_clusters(&policy), Ok(Vec::new()));
    assert_eq!(encoded_clusters(&nothing()), Ok(Vec::new()));
}

/// The same policy for another workload.
fn of_another(policy: &Effective) -> Effective {
    let other = Workload::new(policy.workload.kind, "other", "db-v7", std::collections::BTreeMap::new());
    Effective { workload: other, ..policy.clone() }
}

#[test]
fn who_a_workload_is_matters_where_it_is_written() {
    let written = |options: Options| Options { identity: Identity::Written, ..options };
    let whole = Options { is_whole: true, ..options() };
    let logged = of_every_class(&ClassPolicy { plugins: plugins(), ..ClassPolicy::default() });
    for (policy, options, expected) in [
        (busy(), over_ads(), false),
        (everything(), full(over_ads()), false),
        (everywhere(vec![native()]), over_ads(), true),
        (everywhere(vec![provider("a"), half_native()]), over_ads(), true),
        (busy(), written(over_ads()), true),
        (logged.clone(), written(over_ads()), false),
        (logged, over_ads(), false),
        (nothing(), written(options()), false),
        // Envoy may make them after all.
        (busy(), whole.clone(), true),
        (busy(), Options { delivery: over_ads().delivery, ..whole }, false),
    ] {
        assert_eq!(is_about_workload(&policy, &options), expected, "{:?}", options.identity);
        if expected && options.is_whole {
            continue;
        }
        let lay = |policy: &Effective| {
            let value = overlay(&base("sidecar.yaml"), policy, &options).value;
            (value, extension_configs(policy, &options))
        };
        assert_eq!(lay(&policy) != lay(&of_another(&policy)), expected, "{:?}", options.identity);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn generated_policies_are_encoded_as_they_are(policy in policy(), options in some_options()) {
        let options = Options { delivery: over_ads().delivery, ..options };
        prop_assert_eq!(encoded(&policy, &options), of_files(&policy, &options));
    }

    #[test]
    fn workloads_are_alike_unless_it_is_said(
        base in super::generated::bootstrap(), policy in policy(), options in some_options(),
    ) {
        let other = of_another(&policy);
        if !is_about_workload(&policy, &options) {
            prop_assert_eq!(overlay(&base, &policy, &options), overlay(&base, &other, &options));
            prop_assert_eq!(extension_configs(&policy, &options), extension_configs(&other, &options));
        }
    }
}
