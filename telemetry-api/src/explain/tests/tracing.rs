//! Traces, by the names of the worked examples.

use super::*;
use crate::test;

#[test]
fn traces_say_what_was_overridden_and_what_came_to_nothing() {
    let zip = "tracing: [{providers: [{name: zip}]}]";
    verify(
        Signal::Tracing,
        &[
            Row {
                name: "T1",
                field: "tracing",
                outbound: &["left as the proxy has it@-"],
                inbound: &["left as the proxy has it@-"],
                ..NOTHING
            },
            Row {
                name: "T1, the mesh's own settings",
                mesh: "enableTracing: true\ndefaultConfig: {tracing: {sampling: 10}}",
                field: "randomSamplingPercentage",
                outbound: &["10 %@mesh < 1 %@-"],
                inbound: &["10 %@mesh < 1 %@-"],
                ..NOTHING
            },
            Row {
                name: "T4",
                mesh: "defaultProviders: {tracing: [zip]}",
                levels: &[("N", "tracing: [{providers: [{name: otel}]}]")],
                field: "provider",
                outbound: &["otel@n < zip@mesh"],
                inbound: &["otel@n < zip@mesh"],
                ..NOTHING
            },
            Row {
                name: "T5",
                levels: &[("R", zip), ("N", "tracing: [{providers: [{name: otel}]}]")],
                field: "provider",
                outbound: &["otel@n < zip@r"],
                inbound: &["otel@n < zip@r"],
                ..NOTHING
            },
            Row {
                name: "T6",
                levels: &[("R", zip), ("N", "tracing: [{}]")],
                field: "provider",
                outbound: &["zip@r"],
                inbound: &["zip@r"],
                lost: [&["ignored an entry without fields@n"], &["ignored an entry without fields@n"]],
                ..NOTHING
            },
            Row {
                name: "T7",
                levels: &[("R", zip), ("N", "tracing: [{disableSpanReporting: true}]")],
                field: "disableSpanReporting",
                outbound: &["true@n"],
                inbound: &["true@n"],
                lost: [&["switched_off zip@r"], &["switched_off zip@r"]],
                ..NOTHING
            },
            Row {
                name: "T12",
                mesh: "enableTracing: true",
                levels: &[("R", "tracing: [{randomSamplingPercentage: 50}]")],
                field: "provider",
                outbound: &["none, so nothing is traced@r"],
                inbound: &["none, so nothing is traced@r"],
                lost: [&["no_provider 50 %@r"], &["no_provider 50 %@r"]],
                codes: &["BG0510"],
            },
            Row {
                name: "T13",
                levels: &[
                    (
                        "R",
                        "tracing: [{providers: [{name: zip}], randomSamplingPercentage: 10, customTags: {a: {literal: \
                         {value: r}}, c: {literal: {value: r}}}}]",
                    ),
                    ("N", "tracing: [{customTags: {c: {literal: {value: own}}}}]"),
                ],
                field: "customTags.c",
                outbound: &["\"own\"@n < \"r\"@r"],
                inbound: &["\"own\"@n < \"r\"@r"],
                lost: [&["replaced \"r\"@r"], &["replaced \"r\"@r"]],
                ..NOTHING
            },
            Row {
                name: "T15",
                levels: &[
                    ("R", "tracing: [{providers: [{name: zip}], randomSamplingPercentage: 10}]"),
                    ("N", "tracing: [{randomSamplingPercentage: 0}]"),
                ],
                mesh: "defaultConfig: {tracing: {sampling: 7}}",
                field: "randomSamplingPercentage",
                outbound: &["0 %@n < 10 %@r < 7 %@mesh < 1 %@-"],
                inbound: &["0 %@n < 10 %@r < 7 %@mesh < 1 %@-"],
                ..NOTHING
            },
            Row {
                name: "T16",
                levels: &[
                    ("R", zip),
                    (
                        "W",
                        "tracing: [{match: {mode: CLIENT}, providers: [{name: otel}], randomSamplingPercentage: \
                         99.9}]",
                    ),
                ],
                field: "provider",
                outbound: &["otel@w < zip@r"],
                inbound: &["zip@r"],
                lost: [&[], &["other_side otel@w", "other_side 99.9 %@w"]],
                ..NOTHING
            },
            Row {
                name: "T20",
                levels: &[
                    ("R", "tracing: [{providers: [{name: zip}], disableSpanReporting: true}]"),
                    ("N", "tracing: [{providers: [{name: otel}]}]"),
                ],
                field: "disableSpanReporting",
                outbound: &["true@r"],
                inbound: &["true@r"],
                lost: [
                    &["switched_off zip@r", "switched_off otel@n"],
                    &["switched_off zip@r", "switched_off otel@n"],
                ],
                codes: &["BG0514"],
                ..NOTHING
            },
            Row {
                name: "T21",
                levels: &[("N", "tracing: [{providers: [{name: zip}, {name: otel}]}]")],
                field: "provider",
                outbound: &["zip@n"],
                inbound: &["zip@n"],
                lost: [&["ignored otel@n"], &["ignored otel@n"]],
                ..NOTHING
            },
            Row {
                name: "T25",
                levels: &[("R", "tracing: [{providers: [{name: zip}], enableIstioTags: false}]")],
                field: "enableIstioTags",
                outbound: &["false@r < true@-"],
                inbound: &["false@r < true@-"],
                ..NOTHING
            },
            Row {
                name: "T29",
                mesh: "defaultProviders: {tracing: [zip]}",
                levels: &[("N", "tracing: [{providers: [{name: prom}], randomSamplingPercentage: 5}]")],
                field: "provider",
                outbound: &["prom@n < zip@mesh"],
                inbound: &["prom@n < zip@mesh"],
                lost: [&["unusable_provider 5 %@n"], &["unusable_provider 5 %@n"]],
                ..NOTHING
            },
            Row {
                name: "the collector is nowhere",
                levels: &[("N", "tracing: [{providers: [{name: lost}]}]")],
                field: "tracing",
                outbound: &["off@n"],
                inbound: &["off@n"],
                ..NOTHING
            },
            Row {
                name: "T30",
                levels: &[("N", "tracing: [{match: {mode: CLIENT}, providers: [{name: zip}]}]")],
                field: "provider",
                outbound: &["zip@n"],
                inbound: &["none, so nothing is traced@n"],
                lost: [&[], &["other_side zip@n"]],
                ..NOTHING
            },
            Row {
                name: "a path's length",
                mesh: "defaultConfig: {tracing: {maxPathTagLength: 20}}",
                levels: &[("N", "tracing: [{providers: [{name: otel}]}]")],
                field: "maxPathTagLength",
                outbound: &["99@mesh < 20@mesh"],
                inbound: &["99@mesh < 20@mesh"],
                ..NOTHING
            },
        ],
    );
}

#[test]
fn the_mesh_s_own_tracer_is_told_with_its_line() {
    for (address, facts_of, expected) in [
        ("zipkin.obs:9411", "provider", "mesh@mesh"),
        ("zipkin.obs:9411", "service", "zipkin.obs@mesh"),
        ("zipkin.obs:9411", "port", "9411@mesh"),
        ("$(HOST_IP):9411", "tracing", "off@mesh"),
    ] {
        let mesh =
            format!("enableTracing: true\ndefaultConfig: {{tracing: {{zipkin: {{address: '{address}'}}}}}}");
        let checked = checked(&documents(&mesh, &[]));
        let explanation = Explainer::new(&checked).explain(&workload());
        let section = section_of(&explanation, ListenerClass::Outbound, Signal::Tracing);
        assert_eq!(facts(section, facts_of), [expected], "{address}");
    }
}
