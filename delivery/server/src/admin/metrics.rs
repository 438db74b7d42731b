//! What a server counts, as a page for Prometheus. Nothing in it grows with the number of proxies but the numbers; documents
//! have series of their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use burgee_api::resolve::PolicyDocument;
use burgee_overlay::{PLUGIN_PREFIX, plugin_id};

use crate::fleet::Fleet;
use crate::status::{Report, Wanted, report};
use crate::upstream::Upstream;

/// The page.
pub(super) fn page(fleet: &Fleet, upstream: Option<&Upstream>) -> String {
    let report = report(fleet, &Wanted::default());
    let mut page = String::new();
    let mut one = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(page, "{name}{labels} {value}");
        }
    };
    let plain = |value: f64| [(String::new(), value)];
    one("burgee_proxies", "gauge", "Proxies that are connected.", &plain(count(report.connected)));
    one(
        "burgee_proxies_behind",
        "gauge",
        "Of them those that do not have what they should have.",
        &plain(count(report.behind)),
    );
    one(
        "burgee_changes_total",
        "counter",
        "Changes of policies, modules or bases.",
        &plain(report.change as f64),
    );
    let last = fleet.last_change().and_then(|(_, took)| Some((String::new(), took?.as_secs_f64())));
    one(
        "burgee_last_change_seconds",
        "gauge",
        "How long the last change took until the last proxy had it.",
        &last.into_iter().collect::<Vec<_>>(),
    );
    one("burgee_responses_total", "counter", "Responses of discovery.", &plain(fleet.pushes() as f64));
    one(
        "burgee_refusals_total",
        "counter",
        "Responses that proxies refused.",
        &plain(fleet.refusals() as f64),
    );
    one(
        "burgee_lost_traces_total",
        "counter",
        "Traces of changes that no collector has.",
        &plain(fleet.lost_reports() as f64),
    );
    one(
        "burgee_resources",
        "gauge",
        "Different resources that proxies have.",
        &plain(count(fleet.resources())),
    );
    one("burgee_info", "gauge", "What is in force.", &[(labels(&[("in_force", &report.in_force)]), 1.0)]);
    one("burgee_problems", "gauge", "What is wrong with documents and bases.", &problems(&report));
    let of_documents = |of: fn(&crate::status::DocumentReport) -> usize| -> Vec<(String, f64)> {
        let series = report.documents.iter().map(|it| {
            let names = [("kind", &it.kind), ("namespace", &it.namespace), ("name", &it.name)];
            (labels(&names.map(|(key, value)| (key, value.as_str()))), count(of(it)))
        });
        series.collect()
    };
    one(
        "burgee_document_proxies",
        "gauge",
        "Proxies that a document is for.",
        &of_documents(|it| it.concerned),
    );
    one("burgee_document_loaded", "gauge", "Of them those that have it.", &of_documents(|it| it.loaded));
    one(
        "burgee_document_refused",
        "gauge",
        "Of them those from which it is held back.",
        &of_documents(|it| it.refused.len()),
    );
    // By what proxies tell, which costs less to go through than what each should run; of plugins in force alone, since
    // proxies may say anything.
    let in_force = fleet.in_force().0;
    let mut traps: BTreeMap<String, f64> = BTreeMap::new();
    for document in in_force.policies.documents() {
        if let PolicyDocument::Extension(plugin) = document {
            traps.insert(plugin.key(), 0.0);
        }
    }
    for proxy in fleet.proxies() {
        for (name, state) in proxy.status().plugins {
            let plugin = name.strip_prefix(PLUGIN_PREFIX).and_then(plugin_id);
            if let Some(count) = plugin.and_then(|plugin| traps.get_mut(&plugin)) {
                *count += state.traps as f64;
            }
        }
    }
    let traps: Vec<_> =
        traps.into_iter().map(|(name, value)| (labels(&[("plugin", name.as_str())]), value)).collect();
    one("burgee_plugin_traps", "gauge", "Traps of a plugin, as connected proxies count them.", &traps);
    if let Some(upstream) = upstream {
        let (open, failures) = upstream.streams();
        one("burgee_upstream_streams", "gauge", "Streams to the control plane behind.", &plain(count(open)));
        one(
            "burgee_upstream_failures_total",
            "counter",
            "Streams to it that failed.",
            &plain(failures as f64),
        );
    }
    page
}

fn problems(report: &Report) -> Vec<(String, f64)> {
    let mut counts = BTreeMap::from([("error", 0_usize), ("note", 0), ("warning", 0)]);
    for problem in &report.problems {
        if let Some(count) = counts.get_mut(problem.severity.as_str()) {
            *count += 1;
        }
    }
    counts.into_iter().map(|(severity, value)| (labels(&[("severity", severity)]), count(value))).collect()
}

fn count(number: usize) -> f64 {
    number as f64
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let escape = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
    format!("{{{}}}", pairs.join(","))
}
