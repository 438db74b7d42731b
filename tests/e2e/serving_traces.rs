//! `burgee serve --otlp`: a trace of each change at a real collector, with a span for each proxy that got something else; and a
//! collector that is away hinders nobody.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::eventually;
use crate::support::http;
use crate::support::program::{Held, Program};
use crate::support::served::{Story, gateway, script, sidecar, wait_for_header};

/// A collector on any port, or on that of an earlier one, and where it is.
fn collector(listen: &str) -> (Held, String) {
    let mut held = Program::new(["stub", "receiver", "--listen", listen]).hold();
    let address = held.wait_for("a collector", |held| {
        let first: Value = serde_json::from_str(held.stdout().lines().next()?).ok()?;
        first["listening"].as_str().map(str::to_owned)
    });
    (held, address)
}

/// The spans of the trace whose change has this attribute, when all of it is there.
fn trace(collector: &Held, is_it: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    eventually("a trace", || {
        let text = collector.stdout();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let spans: Vec<Value> = lines.filter_map(|line| line.get("span").cloned()).collect();
        let roots = spans.iter().filter(|span| span["name"] == "change");
        let of = |root: &Value| -> Vec<Value> {
            spans.iter().filter(|span| span["trace_id"] == root["trace_id"]).cloned().collect()
        };
        roots.map(of).find(|trace| is_it(trace)).ok_or(text)
    })
}

fn pushes(trace: &[Value]) -> Vec<&Value> {
    trace.iter().filter(|span| span["name"] == "push").collect()
}

#[test]
fn a_change_is_a_trace_and_a_refusal_is_in_it_in_envoys_words() {
    let (receiver, address) = collector("127.0.0.1:0");
    let story = Story::new("");
    story.write("script.yaml", &script("\"one\""));
    let served = story.serve_at("127.0.0.1:0", &["--otlp", &address]);
    let gateway = gateway(&served.address, &[]);
    let _sidecar = sidecar(&served.address, &[]);
    served.wait_for_proxies(2);
    let entrance = gateway.proxy.listener("entrance");
    wait_for_header(&entrance, "x-script", Some("one"));
    story.write("script.yaml", &script("\"two\""));
    let spans = trace(&receiver, |trace| pushes(trace).len() == 1);
    let mut names: Vec<&str> = spans.iter().filter_map(|span| span["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["change", "compute", "modules", "push", "read"]);
    let root = spans.iter().find(|span| span["name"] == "change").expect("a root");
    assert_eq!(
        (&root["parent_span_id"], &root["tags"]["burgee.proxies.changed"], &root["tags"]["burgee.end"]),
        (&Value::Null, &"1".into(), &"complete".into())
    );
    assert_eq!(root["resource"]["service.name"], "burgee");
    let push = pushes(&spans)[0];
    assert_eq!(
        (&push["tags"]["burgee.workload"], &push["tags"]["burgee.responses"], &push["is_error"]),
        (&"istio-system/gateway".into(), &"1".into(), &false.into())
    );
    let (begun, ended) = (push["start_ns"].as_u64(), push["end_ns"].as_u64());
    assert!(
        begun < ended && begun >= root["start_ns"].as_u64() && ended <= root["end_ns"].as_u64(),
        "{push}"
    );

    story.write("script.yaml", &script("(("));
    let spans = trace(&receiver, |trace| pushes(trace).iter().any(|push| push["is_error"] == true));
    let error = pushes(&spans)[0]["tags"]["burgee.error"].as_str().unwrap_or_default();
    assert!(error.contains("script load error"), "{error}");

    // A collector that dies is said once, and what nobody took is counted.
    receiver.end_by(Signal::SIGKILL);
    for version in ["\"three\"", "\"four\""] {
        story.write("script.yaml", &script(version));
        wait_for_header(&entrance, "x-script", Some(version.trim_matches('"')));
    }
    eventually("lost traces", || {
        let page = http::get(&served.admin, &served.admin, "/metrics")?.body;
        if page.lines().any(|line| line == "burgee_lost_traces_total 2") { Ok(()) } else { Err(page) }
    });
    assert_eq!(served.held.stderr().matches("takes no traces").count(), 1, "{}", served.held.stderr());
    let (receiver, _) = collector(&address);
    story.write("script.yaml", &script("\"five\""));
    trace(&receiver, |trace| pushes(trace).len() == 1);
    eventually("the collector is back", || {
        let said = served.held.stderr();
        if said.contains("takes traces again") { Ok(()) } else { Err(said) }
    });
}
