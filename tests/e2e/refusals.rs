//! What an Envoy refuses: it is told with Envoy's words, and nothing of it stays.

use std::fs;

use crate::support::copy_of_one_service;
use crate::support::mesh::{HOST, Mesh, page};
use crate::support::program::Program;

const METRICS: &str = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\n\
    metadata: {name: mesh-default, namespace: istio-system}\nspec: {metrics: [{providers: [{name: prometheus}]}]}\n";
const IN_FORCE: &str = "the change is in force";
const UNCHANGED: &str = "the last good documents stay in force";

#[test]
fn an_extension_that_is_new_and_refused_is_told_and_taken_back() {
    let folder = copy_of_one_service();
    let file = |name: &str| folder.path().join(name);
    fs::remove_file(file("telemetry.yaml")).expect("a document can be removed");
    fs::write(file("mesh.yaml"), "rootNamespace: istio-system\n").expect("a document can be written");
    let module = file("bad.wasm");
    // It looks like a module, so only the Envoy that loads it knows better.
    fs::write(&module, b"\0asm\x01\0\0\0no module").expect("a file can be written");
    let program = Program::new(["up".as_ref(), folder.path().as_os_str()])
        .args(["--module".as_ref(), module.as_os_str()])
        .args(["--hold", "-o", "json", "--requests", "2"]);
    // Nothing needs the module yet.
    let mut mesh = Mesh::of(program);

    let is_referred_to = |mesh: &Mesh| {
        let proxies = [mesh.gateway(), mesh.sidecar()];
        proxies.map(|proxy| page(&proxy.admin, "/config_dump").contains("burgee.telemetry."))
    };
    let services = fs::read_to_string(file("services.yaml")).expect("the services are there");
    for round in 0..2 {
        let said = mesh.change(&file("telemetry.yaml"), METRICS, UNCHANGED);
        assert!(!said.contains(IN_FORCE), "{said}");
        for text in ["refused the change", "Failed to parse corrupted Wasm module", "BG0430"] {
            assert!(said.contains(text), "not said: {text}\n{said}");
        }
        assert_eq!(is_referred_to(&mesh), [false, false]);
        mesh.send(3, "/still");

        // Another change, without what was refused, is taken: nothing of before counts against it.
        fs::remove_file(file("telemetry.yaml")).expect("a document can be removed");
        let host = if round == 0 { HOST } else { "*" };
        let changed = services.replace("- \"*\"", &format!("- \"{host}\""));
        mesh.change(&file("services.yaml"), &changed, IN_FORCE);
        mesh.send(3, "/on");
    }
}
