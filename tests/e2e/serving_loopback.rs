//! `burgee serve --base loopback`: the mesh of documents on loopback, every Envoy of it served; and what becomes of it when the
//! documents ask for more than what runs, or when a part of it dies.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::support::load::Load;
use crate::support::mesh::{HOST, scrape, sum};
use crate::support::processes::{self, is_running};
use crate::support::program::Program;
use crate::support::served::Served;
use crate::support::{copy_of_one_service, envoy, eventually, http, tempdir, tools};

/// A script of the gateway that says which version it is.
fn script(version: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {{name: script, namespace: \
         istio-system}}\nspec:\n  selector: {{matchLabels: {{istio: ingressgateway}}}}\n  lua:\n    inlineCode: |\n      function \
         envoy_on_response(handle) handle:headers():add(\"x-script\", \"{version}\") end\n"
    )
}

/// Where a workload's admin page is, and where requests can be sent, as the server says it.
fn told(served: &mut Served, what: &str) -> String {
    served.held.wait_for(what, |held| {
        let line = held.stderr().lines().find(|line| line.starts_with(what))?.to_owned();
        let address = line.split("http://").nth(1)?;
        Some(address.trim_end_matches('/').to_owned())
    })
}

fn start(documents: &Path, state: &Path) -> Served {
    // Whatever has to be fetched first is no part of what a test waits for.
    envoy();
    Served::start("loopback", documents, state, "127.0.0.1:0", &[])
}

#[test]
fn a_mesh_on_loopback_follows_its_documents_without_losing_a_request_or_a_count() {
    let Some(h2load) = tools::h2load() else { return };
    let (documents, state) = (copy_of_one_service(), tempdir());
    let write = |name: &str, text: &str| fs::write(documents.path().join(name), text).expect("a document");
    write("script.yaml", &script("one"));
    let mut served = start(documents.path(), state.path());
    let entrance = told(&mut served, "try it:");
    let gateway = told(&mut served, "istio-system/istio-ingressgateway:");
    let sidecar = told(&mut served, "quickstart/hello-v1:");
    served.wait_for_proxies(2);
    let header = |wanted: Option<&str>| {
        eventually("the script", || {
            let answer = http::get(&entrance, HOST, "/")?;
            if answer.header("x-script") == wanted { Ok(()) } else { Err(format!("{answer:?}")) }
        });
    };
    header(Some("one"));
    let mut load = Load::start(&h2load, &entrance, HOST, 6);
    write("script.yaml", &script("two"));
    header(Some("two"));
    fs::remove_file(documents.path().join("script.yaml")).expect("it is there");
    header(None);
    assert!(load.is_running(), "every change came while requests were sent");
    load.expect_no_failure();
    served.wait_for_proxies(2);
    // Both sides count each request, and each knows who is at the other one.
    eventually("every request is counted on both sides", || {
        let count =
            |admin: &str, reporter| sum(&scrape(admin), "istio_requests_total", Some(("reporter", reporter)));
        let counts = (count(&gateway, "source"), count(&sidecar, "destination"));
        if counts.0 > 100.0 && counts.0 == counts.1 { Ok(()) } else { Err(format!("{counts:?}")) }
    });
    let known = scrape(&sidecar).iter().any(|sample| {
        sample.labels.get("source_workload").is_some_and(|name| name == "istio-ingressgateway")
            && sample.labels.get("request_method").is_some_and(|method| method == "GET")
    });
    assert!(known, "{:?}", scrape(&sidecar));
    let children = processes::children(served.held.pid());
    assert_eq!(children.len(), 4, "two Envoys, an app and a receiver");
    let ended = served.held.end_by(Signal::SIGINT).expect_code(0);
    assert!(children.iter().all(|pid| !is_running(*pid)), "{ended}");
    ended.expect_nothing_left();
}

#[test]
fn what_does_not_run_and_what_dies_is_told_and_the_rest_goes_on() {
    let (documents, state) = (copy_of_one_service(), tempdir());
    let mut served = start(documents.path(), state.path());
    let entrance = told(&mut served, "try it:");
    served.wait_for_proxies(2);
    let problem = |served: &Served, code: &str, text: &str| {
        served.wait_until(code, |status| {
            let problems = status["problems"].as_array()?.iter();
            let mut of_code = problems.filter(|problem| problem["code"] == code);
            of_code
                .any(|problem| problem["message"].as_str().is_some_and(|it| it.contains(text)))
                .then_some(())
        });
    };
    // A workload more, and one port more of the service that runs.
    let services = documents.path().join("services.yaml");
    let text = fs::read_to_string(&services).expect("services");
    let more = text.replacen(
        "      targetPort: 8080\n",
        "      targetPort: 8080\n    - {number: 81, name: http-more, protocol: HTTP, targetPort: 8081}\n",
        1,
    ) + "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: late, namespace: \
                quickstart}\nspec: {address: 10.0.0.12, labels: {app: hello}}\n";
    assert!(more.contains("8081"), "{more}");
    fs::write(&services, more).expect("services");
    problem(&served, "BG0420", "quickstart/late is new and is not running");
    served.wait_for_proxies(2);
    assert_eq!(http::get(&entrance, HOST, "/").map(|answer| answer.status), Ok(200));
    // A mesh that cannot be: what runs goes on.
    fs::write(&services, text.replace("kind: Gateway", "kind: Unknown")).expect("services");
    served.wait_until("the gateway is gone from the documents", |status| {
        (!status["problems"].as_array()?.is_empty()).then_some(())
    });
    fs::write(&services, &text).expect("services");
    served.wait_until("the documents of before", |status| {
        status["problems"].as_array()?.is_empty().then_some(())
    });
    assert_eq!(http::get(&entrance, HOST, "/").map(|answer| answer.status), Ok(200));
    // The Envoy that is killed is missed.
    let binary = fs::canonicalize(&envoy().path).expect("an Envoy");
    let is_envoy = |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == binary);
    let envoy = processes::children(served.held.pid()).into_iter().find(is_envoy).expect("an Envoy");
    processes::send(envoy, Signal::SIGKILL);
    problem(&served, "BG0457", "ended: killed by SIGKILL");
    served.wait_for_proxies(1);
    served.held.end_by(Signal::SIGTERM).expect_code(0).expect_nothing_left();
}

#[test]
fn documents_of_no_mesh_start_nothing_and_say_why() {
    let (documents, state) = (tempdir(), tempdir());
    fs::write(documents.path().join("mesh.yaml"), "rootNamespace: istio-system\n").expect("a document");
    let program = |more: &[&str]| {
        let program = Program::new(["serve", "--base", "loopback", "--listen", "127.0.0.1:0"]);
        let program = program.args(["--admin", "127.0.0.1:0", "--module"]).args([crate::support::module()]);
        program.args(["-f".as_ref(), documents.path(), "--state".as_ref(), state.path()]).args(more)
    };
    program(&[])
        .run()
        .expect_code(2)
        .expect_said(&["BG04", "the documents describe no mesh that can run on loopback"])
        .expect_nothing_left();
    let files = ["--tls-cert", "a.pem", "--tls-key", "b.pem", "--tls-ca", "c.pem"];
    program(&files).run().expect_code(2).expect_said(&["leave --tls-cert, --tls-key and --tls-ca out"]);
}
