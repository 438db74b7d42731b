//! The example of extensions, as its page says: a script and a module do what they are for, others are refused by rules, and
//! what cannot be used changes nothing.

use std::fs;
use std::path::Path;

use burgee_localnet::summary::ProxyKind;

use crate::support::http::Connection;
use crate::support::mesh::{Mesh, page};
use crate::support::program::Program;
use crate::support::{eventually, root, tempdir, wasm};

/// A copy of the example, whose module is where it was.
fn copy() -> tempfile::TempDir {
    let (folder, example) = (tempdir(), root().join("examples/extensions"));
    for name in ["mesh.yaml", "services.yaml", "extensions.yaml"] {
        let text = fs::read_to_string(example.join(name)).expect("a document");
        let filters = root().join("filters/headers").display().to_string();
        fs::write(folder.path().join(name), text.replace("../../filters/headers", &filters)).expect("a copy");
    }
    folder
}

fn change(folder: &Path, from: &str, to: &str) -> String {
    let text = fs::read_to_string(folder.join("extensions.yaml")).expect("a document");
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

fn headers(mesh: &Mesh, tenant: &str) -> Result<(Option<String>, Option<String>), String> {
    let mut connection = Connection::open(&mesh.entrance(), "shop.extensions.internal")?;
    let answer = connection.get_with("/", format!("x-tenant: {tenant}\r\n").as_bytes())?;
    let of = |name: &str| answer.header(name).map(str::to_owned);
    if answer.status != 200 {
        return Err(format!("{answer:?}"));
    }
    Ok((of("x-tenant"), of("x-shop-version")))
}

fn wait_for(mesh: &Mesh, tenant: &str, version: &str) {
    eventually("both headers", || match headers(mesh, "acme")? {
        (Some(one), Some(other)) if (one.as_str(), other.as_str()) == (tenant, version) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn scripts_modules_and_plugins_of_connections_run_and_what_cannot_changes_nothing() {
    let folder = copy();
    fs::write(folder.path().join("count.wasm"), wasm::counting()).expect("a file");
    let network = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: count\n  namespace: \
                   team-shop\n  annotations: {burgee.dev/module: count.wasm}\nspec:\n  type: NETWORK\n  match: [{mode: SERVER}]\n  \
                   url: oci://registry.example.com/teams/count:1\n  sha256: \
                   90e128a40895e6a740248070e5ceb3dc8bcf6a91a744775ca6cdb558a0e61a97\n";
    fs::write(folder.path().join("network.yaml"), network).expect("a document");
    let mut mesh = Mesh::of(Program::up(folder.path()).args(["--hold", "-o", "json", "--requests", "4"]));
    let loaded: Vec<(&str, bool)> =
        mesh.summary.plugins.iter().map(|plugin| (plugin.plugin.as_str(), plugin.loaded)).collect();
    for name in
        ["TrafficExtension/istio-system/tenants", "TrafficExtension/team-shop/version", "team-shop/count"]
    {
        assert!(loaded.contains(&(name, true)), "{name}: {loaded:?}");
    }
    wait_for(&mesh, "acme", "v1");
    let sidecar = mesh
        .summary
        .proxies
        .iter()
        .find(|proxy| proxy.kind == ProxyKind::Sidecar)
        .expect("a sidecar")
        .clone();
    eventually("connections", || {
        let stats = page(&sidecar.admin, "/stats?filter=seen_connections");
        let count = stats.trim().rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
        if count > Some(0) { Ok(()) } else { Err(stats) }
    });

    // Another script takes effect; one that is none does not, and neither does a configuration that the module refuses.
    let file = folder.path().join("extensions.yaml");
    let other = change(folder.path(), "known[\"tenant\"] or", "(known[\"tenant\"] .. \"!\") or");
    mesh.change(&file, &other, "is in force after");
    wait_for(&mesh, "acme!", "v1");
    let said = mesh.change(&file, &other.replace("x-shop-version: v1", "x-shop-version: 1"), "the last good");
    assert!(said.contains("x-shop-version"), "{said}");
    wait_for(&mesh, "acme!", "v1");
    mesh.change(&file, &other.replace("x-shop-version: v1", "x-shop-version: v2"), "is in force after");
    wait_for(&mesh, "acme!", "v2");
    let broken = change(folder.path(), "local known =", "local local known =");
    mesh.change(&file, &broken, "last good");
    wait_for(&mesh, "acme!", "v2");
}

#[test]
fn rules_say_who_may_use_what_and_where_they_say_so() {
    let folder = copy();
    let path = folder.path().display().to_string();
    Program::new(["check", &path]).run().expect_code(0);
    for (from, to, expected) in [
        (
            "@sha256:90e128a40895e6a740248070e5ceb3dc8bcf6a91a744775ca6cdb558a0e61a97",
            "",
            "must be named by its digest",
        ),
        ("registry.example.com/teams", "registry.example.com/others", "modules may come from"),
        ("namespace: istio-system", "namespace: team-other", "scripts may not be used"),
    ] {
        let file = folder.path().join("extensions.yaml");
        let before = fs::read_to_string(&file).expect("a document");
        fs::write(&file, change(folder.path(), from, to)).expect("a document");
        let said = Program::new(["check", &path]).run().expect_code(1);
        let words = said.stdout.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(expected) && words.contains("BG0266"), "{expected}: {said}");
        fs::write(&file, before).expect("a document");
    }
}
