//! Access logs, by the names of the worked examples.

use super::*;
use crate::test;

#[test]
fn access_logs_say_what_was_overridden_and_what_came_to_nothing() {
    let mesh = "accessLogFile: /mesh.log";
    let file = "accessLogging: [{providers: [{name: file}]}]";
    verify(
        Signal::AccessLogging,
        &[
            Row {
                name: "L1",
                mesh,
                field: "accessLogFile",
                outbound: &["mesh /mesh.log@mesh"],
                inbound: &["mesh /mesh.log@mesh"],
                ..NOTHING
            },
            Row {
                name: "L1, and the mesh has no file",
                field: "accessLogFile",
                outbound: &["none, so nothing is logged@-"],
                inbound: &["none, so nothing is logged@-"],
                ..NOTHING
            },
            Row {
                name: "L3",
                mesh: "defaultProviders: {accessLogging: [file]}",
                field: "provider",
                outbound: &["file file@mesh"],
                inbound: &["file file@mesh"],
                ..NOTHING
            },
            Row {
                name: "L5",
                mesh,
                levels: &[("N", "accessLogging: [{match: {mode: CLIENT}, providers: [{name: file}]}]")],
                field: "accessLogFile",
                outbound: &[],
                inbound: &["mesh /mesh.log@mesh"],
                lost: [&[], &["other_side file@n"]],
                ..NOTHING
            },
            Row {
                name: "L9",
                levels: &[("R", file), ("N", "accessLogging: [{providers: [{name: json}]}]")],
                field: "provider",
                outbound: &["json json@n < file@r"],
                inbound: &["json json@n < file@r"],
                ..NOTHING
            },
            Row {
                name: "L11",
                levels: &[("R", file), ("N", "accessLogging: [{disabled: true}]")],
                field: "disabled",
                outbound: &["file true@n < false@r"],
                inbound: &["file true@n < false@r"],
                ..NOTHING
            },
            Row {
                name: "L13",
                mesh,
                levels: &[("N", "accessLogging: [{disabled: true}]")],
                field: "accessLogFile",
                outbound: &["mesh /mesh.log@mesh"],
                inbound: &["mesh /mesh.log@mesh"],
                lost: [&["no_provider true@n"], &["no_provider true@n"]],
                codes: &["BG0511"],
            },
            Row {
                name: "L14",
                mesh,
                levels: &[("N", "accessLogging: [{providers: [{name: ghost}]}]")],
                field: "accessLogFile",
                outbound: &["mesh /mesh.log@mesh"],
                inbound: &["mesh /mesh.log@mesh"],
                lost: [&["unusable_provider ghost@n"], &["unusable_provider ghost@n"]],
                ..NOTHING
            },
            Row {
                name: "L22",
                levels: &[
                    ("R", "accessLogging: [{providers: [{name: file}, {name: json}]}]"),
                    ("N", "accessLogging: [{providers: [{name: json}], disabled: true}]"),
                ],
                field: "disabled",
                outbound: &["json true@n < false@r"],
                inbound: &["json true@n < false@r"],
                codes: &["BG0512"],
                ..NOTHING
            },
            Row {
                name: "L32",
                levels: &[
                    ("R", file),
                    ("N", "accessLogging: [{disabled: true}]"),
                    ("W", "accessLogging: [{}]"),
                ],
                field: "disabled",
                outbound: &["file false@w < true@n < false@r"],
                inbound: &["file false@w < true@n < false@r"],
                ..NOTHING
            },
            Row {
                name: "L41",
                mesh: "defaultProviders: {accessLogging: [file]}",
                levels: &[("N", "accessLogging: [{match: {mode: SERVER}, providers: [{name: json}]}]")],
                field: "provider",
                outbound: &[],
                inbound: &["json json@n < file@mesh"],
                lost: [&["other_side json@n"], &[]],
                codes: &["BG0513"],
            },
            Row {
                name: "F2",
                levels: &[
                    (
                        "R",
                        "accessLogging: [{providers: [{name: file}], filter: {expression: response.code > 1}}]",
                    ),
                    (
                        "N",
                        "accessLogging: [{providers: [{name: file}], filter: {expression: response.code > 2}}]",
                    ),
                ],
                field: "filter",
                outbound: &["file response.code > 2@n < response.code > 1@r"],
                inbound: &["file response.code > 2@n < response.code > 1@r"],
                ..NOTHING
            },
            Row {
                name: "F3",
                levels: &[
                    (
                        "R",
                        "accessLogging: [{providers: [{name: file}], filter: {expression: response.code > 1}}]",
                    ),
                    ("N", file),
                ],
                field: "filter",
                outbound: &["file none@n < response.code > 1@r"],
                inbound: &["file none@n < response.code > 1@r"],
                ..NOTHING
            },
            Row {
                name: "F4",
                levels: &[("R", file), ("N", "accessLogging: [{filter: {expression: response.code > 1}}]")],
                field: "filter",
                outbound: &["file none@r"],
                inbound: &["file none@r"],
                lost: [&["ignored response.code > 1@n"], &["ignored response.code > 1@n"]],
                ..NOTHING
            },
            Row {
                name: "F10",
                levels: &[
                    (
                        "R",
                        "accessLogging: [{providers: [{name: file}], filter: {expression: response.code > 1}}]",
                    ),
                    ("N", "accessLogging: [{disabled: true}]"),
                ],
                field: "disabled",
                outbound: &["file true@n < false@r"],
                inbound: &["file true@n < false@r"],
                lost: [&["switched_off response.code > 1@r"], &["switched_off response.code > 1@r"]],
                ..NOTHING
            },
        ],
    );
}
