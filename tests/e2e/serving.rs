//! `burgee serve`: real Envoys, gateway and sidecar, of both flavours and of two releases, follow documents; what they refuse
//! comes back; and nothing that happens to the server is felt by requests.

use std::fs;
use std::path::Path;

use burgee_localnet::Silent;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::load::Load;
use crate::support::mesh::{scrape, sum};
use crate::support::program::Program;
use crate::support::served::{Served, ServedProxy, Story, answer, gateway, script, sidecar, wait_for_header};
use crate::support::{eventually, http, tools, wasm};

const GATEWAY: &str = "istio-system/gateway";
const WEB: &str = "shop/web";

/// A mesh with Istio's metrics.
fn story() -> Story {
    let story = Story::new("extensionProviders:\n- name: prometheus\n  prometheus: {}\n");
    story.write(
        "metrics.yaml",
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: metrics, namespace: \
         istio-system}\nspec: {metrics: [{providers: [{name: prometheus}]}]}\n",
    );
    story
}

/// A plugin of the sidecar's whose module is a file beside the document.
fn plugin(file: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: marks\n  namespace: shop\n  \
         annotations: {{burgee.dev/module: {file}}}\nspec:\n  selector: {{matchLabels: {{app: web}}}}\n  url: \
         oci://registry.example.com/marks:1\n  failStrategy: FAIL_RELOAD\n"
    )
}

fn document<'s>(status: &'s Value, name: &str) -> &'s Value {
    let documents = status["documents"].as_array().expect("documents");
    documents.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name}: {status:#}"))
}

#[test]
fn changes_reach_a_gateway_and_a_sidecar_under_load_and_no_request_or_count_is_lost() {
    let Some(h2load) = tools::h2load() else { return };
    let story = story();
    fs::write(story.documents.join("one.wasm"), wasm::marking("one", "")).expect("a module");
    fs::write(story.documents.join("two.wasm"), wasm::marking("two", "")).expect("a module");
    story.write("script.yaml", &script("\"one\""));
    story.write("plugin.yaml", &plugin("one.wasm"));
    let served = story.serve();
    let sidecar = sidecar(&served.address, &["--flavour", "state-of-the-world"]);
    let gateway = gateway(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for_header(&entrance, "x-script", Some("one"));
    wait_for_header(&entrance, "x-module", Some("one"));
    let count = |proxy: &ServedProxy, reporter: &str| {
        sum(&scrape(&proxy.proxy.admin), "istio_requests_total", Some(("reporter", reporter)))
    };
    let before = eventually("both sides count", || {
        let counts = (count(&gateway, "source"), count(&sidecar, "destination"));
        if counts.0 > 0.0 && counts.0 == counts.1 { Ok(counts.0) } else { Err(format!("{counts:?}")) }
    });

    let mut load = Load::start(&h2load, &entrance, "web.example", 8);
    let mut probes = 0.0;
    let mut wait_for = |name: &str, value: Option<&str>| {
        eventually(name, || {
            probes += 1.0;
            let answer = answer(&entrance)?;
            if answer.header(name) == value { Ok(()) } else { Err(format!("{answer:?}")) }
        });
    };
    story.write("script.yaml", &script("\"two\""));
    wait_for("x-script", Some("two"));
    story.write("plugin.yaml", &plugin("two.wasm"));
    wait_for("x-module", Some("two"));
    let how = |served: &Served| {
        served.wait_until("how the change went", |status| {
            let last = &status["last_change"];
            last["took_ms"].as_u64()?;
            Some((last["changed"].clone(), last["drained"].clone()))
        })
    };
    assert_eq!(how(&served), (1.into(), 0.into()), "a configuration by name is changed in place");
    fs::remove_file(story.documents.join("script.yaml")).expect("it is there");
    wait_for("x-script", None);
    assert_eq!(how(&served), (1.into(), 1.into()), "a filter that goes is a listener that drains");
    story.write("script.yaml", &script("\"three\""));
    wait_for("x-script", Some("three"));
    assert!(load.is_running(), "every change came while requests were sent");
    let done = load.expect_no_failure();
    served.wait_for_proxies(2);
    // Requests that were under way when the time was over were answered too, to nobody: one for each of its clients.
    eventually("every request is counted", || {
        let counts = (count(&gateway, "source") - before, count(&sidecar, "destination") - before);
        let least = done as f64 + probes;
        let is_all = |count: f64| count >= least && count <= least + 4.0;
        if is_all(counts.0) && is_all(counts.1) { Ok(()) } else { Err(format!("{counts:?} of {least}")) }
    });
    let status = served.status();
    assert_eq!(
        (&document(&status, "metrics")["loaded"], &document(&status, "marks")["loaded"]),
        (&2.into(), &1.into())
    );
    let page = http::get(&served.admin, &served.admin, "/metrics").expect("a page").body;
    for line in [
        "burgee_proxies 2",
        "burgee_proxies_behind 0",
        "burgee_document_loaded{kind=\"WasmPlugin\",namespace=\"shop\",name=\"marks\"} 1",
        "burgee_document_refused{kind=\"Telemetry\",namespace=\"istio-system\",name=\"metrics\"} 0",
        "burgee_plugin_traps{plugin=\"shop/marks\"} 0",
        "burgee_problems{severity=\"error\"} 0",
    ] {
        assert!(page.lines().any(|found| found == line), "no {line}\n{page}");
    }
    assert!(page.contains("\nburgee_last_change_seconds 0."), "{page}");
    let ready = http::get(&served.admin, &served.admin, "/readyz").expect("an answer");
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
    let ended = served.held.end_by(Signal::SIGTERM).expect_code(0);
    assert!(ended.stderr.contains("proxies keep what they have"), "{ended}");
    wait_for_header(&entrance, "x-script", Some("three"));
}

#[test]
fn what_a_proxy_refuses_comes_back_and_outlives_the_server() {
    let story = story();
    story.write("script.yaml", &script("\"good\""));
    let served = story.serve();
    let gateway = gateway(&served.address, &[]);
    let _sidecar = sidecar(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for_header(&entrance, "x-script", Some("good"));

    // One that Envoy cannot load, with one that is fine.
    story.write("script.yaml", &script("(("));
    fs::write(story.documents.join("one.wasm"), wasm::marking("one", "")).expect("a module");
    story.write("plugin.yaml", &plugin("one.wasm"));
    wait_for_header(&entrance, "x-module", Some("one"));
    let error = served.wait_until("the refusal", |status| {
        let script = document(status, "script");
        Some(script["refused"][0]["error"].as_str()?.to_owned()).filter(|_| script["loaded"] == 0)
    });
    assert!(error.contains("script load error"), "{error}");
    served.wait_for_proxies(2);
    wait_for_header(&entrance, "x-script", Some("good"));
    let told =
        Program::new(["status", "istio-system/script", "--server", &served.admin]).run().expect_code(1);
    for text in ["0 of 1", "script load error", "its last good version runs"] {
        assert!(told.stdout.contains(text), "no {text}\n{told}");
    }

    // Whatever happens to the server; the one that comes after it remembers.
    let (address, pushes) = (served.address.clone(), served.held.stderr().matches("refuses").count());
    assert!(pushes > 0);
    served.held.end_by(Signal::SIGKILL);
    wait_for_header(&entrance, "x-script", Some("good"));
    let served = story.serve_at(&address, &[]);
    served.wait_for_proxies(2);
    let status = served.status();
    assert_eq!(
        (&document(&status, "script")["loaded"], &document(&status, "marks")["loaded"]),
        (&0.into(), &1.into())
    );
    assert_eq!(served.held.stderr().matches("refuses").count(), 0, "it is not tried again");
    wait_for_header(&entrance, "x-script", Some("good"));

    story.write("script.yaml", &script("\"better\""));
    wait_for_header(&entrance, "x-script", Some("better"));
    served.wait_until("no refusal", |status| (document(status, "script")["loaded"] == 1).then_some(()));
    Program::new(["status", "--server", &served.admin]).run().expect_code(0);
}

#[test]
fn a_plugin_that_traps_gets_its_last_good_version_again() {
    let story = story();
    fs::write(story.documents.join("good.wasm"), wasm::marking("good", "")).expect("a module");
    let traps = "(func (export \"proxy_on_request_headers\") (param i32 i32 i32) (result i32) unreachable)";
    fs::write(story.documents.join("traps.wasm"), wasm::marking("traps", traps)).expect("a module");
    story.write("plugin.yaml", &plugin("good.wasm"));
    let served = story.serve();
    let _sidecar = sidecar(&served.address, &[]);
    let gateway = gateway(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for_header(&entrance, "x-module", Some("good"));
    // So that the proxy has told of its counters before.
    served.wait_until("the plugin's VM is known", |status| {
        let proxies = status["proxies"].as_array()?;
        let plugins = proxies.iter().flat_map(|proxy| proxy["plugins"].as_array().into_iter().flatten());
        plugins
            .filter(|plugin| plugin["name"] == "shop/marks")
            .find_map(|it| it["vm"].as_object().map(|_| ()))
    });
    story.write("plugin.yaml", &plugin("traps.wasm"));
    served.wait_until("it traps, and its version before it is back", |status| {
        // Each request meets it until then.
        let _ = answer(&entrance);
        let marks = document(status, "marks");
        marks["refused"][0]["error"].as_str().filter(|error| error.contains("trapped")).map(|_| ())
    });
    wait_for_header(&entrance, "x-module", Some("good"));
}

#[test]
fn documents_that_are_wrong_change_nothing_and_the_rest_takes_effect() {
    let story = story();
    story.write("script.yaml", &script("\"one\""));
    let mut served = story.serve();
    let gateway = gateway(&served.address, &[]);
    let _sidecar = sidecar(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for_header(&entrance, "x-script", Some("one"));
    let said = served.held.stderr().len();
    story.write("metrics.yaml", "kind: [");
    story.write("script.yaml", &script("\"two\""));
    wait_for_header(&entrance, "x-script", Some("two"));
    served.held.wait_until_said(said, "keeps the last good one");
    let status = served.status();
    assert_eq!(document(&status, "metrics")["loaded"], 2);
    assert!(status["problems"].as_array().is_some_and(|all| all.iter().any(|it| it["severity"] == "error")));
    // Emptied, as many editors do before they write.
    fs::write(story.documents.join("script.yaml"), "").expect("a file");
    let said = served.held.stderr().len();
    served.held.wait_until_said(said, "script keeps the last good one");
    wait_for_header(&entrance, "x-script", Some("two"));
    fs::remove_file(story.documents.join("script.yaml")).expect("it is there");
    wait_for_header(&entrance, "x-script", None);
}

#[test]
fn an_older_envoy_is_served_as_well() {
    let story = story();
    story.write("script.yaml", &script("\"one\""));
    let served = story.serve();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let [current, older] = runtime.block_on(burgee_localnet::envoy::pinned(&Silent)).expect("both Envoys");
    let version = |text: &str| text.rsplit_once('.').map_or("", |(version, _)| version).to_owned();
    let (new, old) = (version(&current.version), version(&older.version));
    let arguments = ["--kind", "gateway", "--labels", "istio=gateway", "--envoy", &old];
    let gateway = ServedProxy::start_with(Some(&older.path), &served.address, GATEWAY, &arguments);
    let arguments = ["--labels", "app=web", "--envoy", &new];
    let _sidecar = ServedProxy::start_with(Some(&current.path), &served.address, WEB, &arguments);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for_header(&entrance, "x-script", Some("one"));
    story.write("script.yaml", &script("\"two\""));
    wait_for_header(&entrance, "x-script", Some("two"));
    let status = served.status();
    let mut versions: Vec<&str> =
        status["proxies"].as_array().expect("proxies").iter().filter_map(|it| it["envoy"].as_str()).collect();
    versions.sort_unstable();
    assert_eq!(versions, [older.version.as_str(), current.version.as_str()]);
}

#[test]
fn a_server_stands_between_another_control_plane_and_a_proxy() {
    let story = story();
    // It is a control plane as any other: what it lays over bases itself, another one of ours would take out.
    fs::remove_file(story.documents.join("metrics.yaml")).expect("it is there");
    let behind = story.serve();
    let documents = story.folder.path().join("others");
    fs::create_dir(&documents).expect("a folder");
    fs::write(documents.join("script.yaml"), script("\"between\"")).expect("a file");
    let between = Served::start(
        &format!("xds://{}", behind.address),
        &documents,
        &story.folder.path().join("other-state"),
        "127.0.0.1:0",
        &[],
    );
    let gateway = gateway(&between.address, &[]);
    let _sidecar = sidecar(&between.address, &["--flavour", "state-of-the-world"]);
    between.wait_for_proxies(2);
    behind.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for_header(&entrance, "x-script", Some("between"));
    behind.held.end_by(Signal::SIGKILL);
    // What is behind is gone; what is between changes on.
    fs::write(documents.join("script.yaml"), script("\"alone\"")).expect("a file");
    wait_for_header(&entrance, "x-script", Some("alone"));
}

#[test]
fn what_is_in_force_at_a_server_can_be_asked_about_and_compared() {
    let story = story();
    story.write(
        "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: pull, namespace: shop}\ntype: kubernetes.io/dockerconfigjson\n\
         stringData:\n  .dockerconfigjson: '{\"auths\": {\"r.example\": {\"auth\": \"c2VjcmV0OndvcmQ=\"}}}'\n",
    );
    story.write("script.yaml", &script("\"one\""));
    let served = story.serve();
    let _gateway = gateway(&served.address, &[]);
    served.wait_for_proxies(1);
    let explained = Program::new(["explain", GATEWAY, "--server", &served.admin]).run().expect_code(0);
    for text in ["gateway of revision default", "istio=gateway", "script.yaml:1:1", "metrics.yaml"] {
        assert!(explained.stdout.contains(text), "no {text}\n{explained}");
    }
    let new = story.folder.path().join("new-documents");
    fs::create_dir(&new).expect("a folder");
    for name in ["mesh.yaml", "metrics.yaml", "script.yaml"] {
        fs::copy(story.documents.join(name), new.join(name)).expect("a copy");
    }
    let diff =
        || Program::new(["diff", "--server", &served.admin]).args(["-f".as_ref(), new.as_os_str()]).run();
    diff().expect_code(0);
    fs::write(new.join("script.yaml"), script("\"two\"")).expect("a file");
    let told = diff().expect_code(1);
    assert!(told.stdout.contains(GATEWAY) && told.stdout.contains("in place"), "{told}");
    // A document that is refused is not in force, and secrets are nobody's business.
    story.write("script.yaml", "kind: [");
    served.wait_until("the refusal", |status| {
        let problems = status["problems"].as_array()?;
        problems.iter().find(|problem| problem["severity"] == "error").map(|_| ())
    });
    let texts = http::get(&served.admin, &served.admin, "/v1/texts").expect("texts").body;
    assert!(texts.contains("x-script") && !texts.contains("c2VjcmV0OndvcmQ="), "{texts}");
    let kept = fs::read_to_string(story.folder.path().join("state/documents.json")).expect("a file");
    assert!(kept.contains("x-script") && !kept.contains("c2VjcmV0OndvcmQ="), "{kept}");
    let said = served.held.stderr() + &served.status().to_string();
    assert!(!said.contains("c2VjcmV0OndvcmQ="), "{said}");
}

#[test]
fn what_cannot_be_served_is_told_before_anything_is_started() {
    let story = story();
    let documents = story.documents.to_string_lossy().into_owned();
    let serve = |more: &[&str]| {
        Program::new(["serve"])
            .args(more)
            .args(["--module".as_ref(), crate::support::module().as_os_str()])
            .run()
    };
    let nowhere = story.folder.path().join("nowhere").to_string_lossy().into_owned();
    let empty = story.folder.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    let empty = empty.to_string_lossy().into_owned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    for (arguments, said) in [
        (vec!["--base", &nowhere, "-f", &documents], "there is no such folder"),
        (vec!["--base", "xds://host", "-f", &documents], "no address of a control plane"),
        (vec!["--base", &story.base, "-f", "-"], "standard input"),
        (vec!["--base", &empty, "-f", &documents, "--state", &nowhere], "nothing to serve"),
    ] {
        serve(&[arguments, ports.to_vec()].concat()).expect_code(2).expect_said(&[said]);
    }
    serve(&["--base", &story.base, "-f", &documents, "--admin", "127.0.0.1:0", "--listen", &taken])
        .expect_code(2)
        .expect_said(&["cannot be listened on"]);
    story.write("mesh.yaml", "rootNamespace: [1]\n");
    let arguments = ["--base", &story.base, "-f", &documents, "--state", &nowhere];
    serve(&[&arguments[..], &ports].concat())
        .expect_code(2)
        .expect_said(&["rootNamespace", "none that was good before"]);
    Program::new(["status", "--server", &taken]).run().expect_code(2).expect_said(&["cannot be asked"]);
}

#[test]
fn a_folder_of_a_server_is_no_other_s() {
    let story = story();
    let first = story.serve();
    let state = story.folder.path().join("state");
    let second =
        Program::new(["serve", "--base", &story.base, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args([
                "-f".as_ref(),
                story.documents.as_os_str(),
                "--state".as_ref(),
                Path::new(&state).as_os_str(),
            ])
            .args(["--module".as_ref(), crate::support::module().as_os_str()])
            .run();
    second.expect_code(2).expect_said(&["another server uses"]);
    drop(first);
}

#[test]
fn a_plugin_whose_new_module_cannot_be_had_keeps_the_last_good_one_across_a_restart() {
    let story = story();
    fs::write(story.documents.join("one.wasm"), wasm::marking("one", "")).expect("a module");
    story.write("plugin.yaml", &plugin("one.wasm"));
    let served = story.serve();
    let gateway = gateway(&served.address, &[]);
    let _sidecar = sidecar(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for_header(&entrance, "x-module", Some("one"));
    let kept = |served: &Served| {
        served.wait_until("the last good one is kept", |status| {
            let problems = status["problems"].as_array()?;
            problems.iter().any(|problem| problem["code"] == "BG0012").then_some(())
        });
        served.wait_for_proxies(2);
        wait_for_header(&entrance, "x-module", Some("one"));
    };
    story.write(
        "plugin.yaml",
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: marks, namespace: shop}\nspec:\n  \
         selector: {matchLabels: {app: web}}\n  url: oci://127.0.0.1:1/marks:2\n",
    );
    kept(&served);
    // Twice, since what the first one keeps is what the second one begins with.
    let address = served.address.clone();
    let mut served = served;
    for _ in 0..2 {
        served.held.end_by(Signal::SIGKILL);
        served = story.serve_at(&address, &[]);
        kept(&served);
    }
    story.write("plugin.yaml", &plugin("one.wasm"));
    served.wait_until("nothing is kept", |status| status["problems"].as_array()?.is_empty().then_some(()));
}
