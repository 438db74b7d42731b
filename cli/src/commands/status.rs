//! `burgee status`: what runs where, as a server knows it.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use burgee_api::text::clean;
use burgee_server::admin::paths;
use burgee_server::status::{DocumentReport, ProxyReport, Report};
use comfy_table::{ContentArrangement, Table, presets};

use crate::args::{Format, StatusArgs};
use crate::server::Server;
use crate::{Failure, Outcome, output};

/// How many proxies, refusals and problems are shown one by one where nobody asked for one.
const MOST: usize = 20;

/// Runs it.
pub(crate) fn run(args: &StatusArgs) -> Result<Outcome, Failure> {
    let server = Server::at(&args.server);
    let mut query = vec![("proxies", "true")];
    let mut report: Report = match &args.about {
        None => server.get(paths::STATUS, &query)?,
        Some(about) => {
            query.push(("document", about));
            let of_document: Report = server.get(paths::STATUS, &query)?;
            match of_document.documents.is_empty() {
                false => of_document,
                true => server.get(paths::STATUS, &[("proxies", "true"), ("workload", about)])?,
            }
        }
    };
    if let Some(about) = &args.about
        && report.proxies.is_empty()
        && report.documents.is_empty()
    {
        return Err(Failure::new(
            format!("{} knows neither a document nor a proxy of the workload {about}", args.server),
            "`burgee status` without a name lists what there is; write NAMESPACE/NAME or KIND/NAMESPACE/NAME",
        ));
    }
    if args.about.is_some() {
        let is_near = |document: &DocumentReport| document.concerned > 0 || report.documents.len() == 1;
        report.documents = report.documents.iter().filter(|it| is_near(it)).cloned().collect();
    }
    match args.output {
        Format::Text => output::text_line(text(&report, args.about.is_some(), now()).trim_end())?,
        Format::Json => output::json(&report)?,
        Format::Yaml => output::yaml(&report)?,
    }
    let is_well = report.behind == 0
        && report.documents.iter().all(|document| document.refused.is_empty())
        && report.problems.iter().all(|problem| problem.severity != "error");
    Ok(if is_well { Outcome::Done } else { Outcome::Found })
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// A report as people read it.
fn text(report: &Report, is_about_one: bool, now: f64) -> String {
    let mut out = String::new();
    let behind = match report.behind {
        0 => "all have what they should have".to_owned(),
        behind => format!("{behind} do not have what they should have"),
    };
    let _ = writeln!(out, "in force: change {}, {}", report.change, report.in_force);
    if let Some(last) = report.last_change.as_ref().filter(|last| last.changed > 0) {
        let how = match last.drained {
            0 => "all in place".to_owned(),
            drained if drained == last.changed => "all by draining listeners".to_owned(),
            drained => format!("{drained} by draining listeners, the others in place"),
        };
        let took =
            last.took_ms.map_or("under way".to_owned(), |took| format!("{took} ms until the last had it"));
        let _ = writeln!(out, "last change: {} proxies got something else, {how}; {took}", last.changed);
    }
    let _ = writeln!(out, "proxies: {} connected; {behind}\n", report.connected);
    if !report.documents.is_empty() {
        let mut table = table(&["document", "loaded", "where"]);
        for document in &report.documents {
            let name = format!("{} {}/{}", document.kind, document.namespace, document.name);
            let loaded = format!("{} of {}", document.loaded, document.concerned);
            table.add_row([clean(&name), loaded, clean(&document.place)]);
        }
        let _ = writeln!(out, "{}\n", trimmed(&table));
    }
    for document in &report.documents {
        let most = if is_about_one { usize::MAX } else { MOST };
        for refusal in document.refused.iter().take(most) {
            let name = format!("{} {}/{}", document.kind, document.namespace, document.name);
            let _ = writeln!(
                out,
                "{} refuses {}:\n    {}",
                clean(&refusal.node),
                clean(&name),
                clean(&refusal.error)
            );
        }
        if document.refused.len() > most {
            let _ = writeln!(out, "and {} more proxies", document.refused.len() - most);
        }
    }
    proxies(report, is_about_one, now, &mut out);
    for problem in report.problems.iter().filter(|problem| problem.severity != "note").take(MOST) {
        let place = if problem.place.is_empty() { String::new() } else { format!("{}: ", problem.place) };
        let _ = writeln!(
            out,
            "{} {}: {}{}",
            problem.severity,
            problem.code,
            clean(&place),
            clean(&problem.message)
        );
    }
    out
}

fn proxies(report: &Report, is_about_one: bool, now: f64, out: &mut String) {
    if report.proxies.is_empty() {
        return;
    }
    let mut table = table(&["proxy", "workload", "kind", "Envoy", "connected", "has"]);
    // Those that lack something are what is looked for.
    let mut proxies: Vec<&ProxyReport> = report.proxies.iter().collect();
    proxies.sort_by_key(|proxy| (proxy.in_sync && proxy.held.is_empty(), &proxy.node));
    let most = if is_about_one { usize::MAX } else { MOST };
    for proxy in proxies.iter().take(most) {
        let has = match (proxy.in_sync, proxy.acknowledged_change) {
            (true, _) if proxy.held.is_empty() => "all of it".to_owned(),
            (true, _) => "its last good".to_owned(),
            (false, Some(change)) => format!("change {change}"),
            (false, None) => "nothing yet".to_owned(),
        };
        table.add_row([
            clean(&proxy.node),
            clean(&proxy.workload),
            proxy.kind.clone(),
            clean(&proxy.envoy),
            ago(now - proxy.connected_since),
            has,
        ]);
    }
    let _ = writeln!(out, "{}", trimmed(&table));
    if proxies.len() > most {
        let _ = writeln!(out, "and {} more", proxies.len() - most);
    }
    out.push('\n');
    for proxy in proxies.iter().take(most) {
        for plugin in proxy.plugins.iter().filter(|_| is_about_one) {
            let module = match (&plugin.digest, &plugin.missing) {
                (Some(digest), _) => format!("sha256 {}", digest.chars().take(12).collect::<String>()),
                (None, Some(why)) => format!("no module: {}", clean(why)),
                (None, None) => "a script".to_owned(),
            };
            let generation = plugin.generation.as_deref().unwrap_or("-");
            let vm = match &plugin.vm {
                Some(vm) if vm.traps > 0 => {
                    format!("trapped {} times, started anew {} times", vm.traps, vm.reloads)
                }
                Some(_) => "runs".to_owned(),
                None => "not told".to_owned(),
            };
            let _ = writeln!(
                out,
                "{}: the plugin {}: {module}, generation {generation}, VM: {vm}",
                clean(&proxy.node),
                clean(&plugin.name)
            );
        }
        for held in &proxy.held {
            let what = held.document.as_deref().unwrap_or("everything that changed with it");
            let instead = if held.has_older {
                "its last good version runs"
            } else {
                "what stands for none is in its place"
            };
            let _ = writeln!(
                out,
                "{} cannot take {}; {instead}:\n    {}",
                clean(&proxy.node),
                clean(what),
                clean(&held.error)
            );
        }
        if let Some(last) = proxy.refused.last().filter(|_| proxy.held.is_empty() && !proxy.in_sync) {
            let _ = writeln!(
                out,
                "{} refused {}:\n    {}",
                clean(&proxy.node),
                clean(&last.names.join(", ")),
                clean(&last.error)
            );
        }
    }
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    table
}

fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// A duration in the two largest of its units.
fn ago(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}
