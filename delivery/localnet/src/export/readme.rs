//! The folder's README: how to start it, what to ask, what is then to be seen. Pure.

use std::fmt::Write;

use super::containers::{ADMIN_PORT, Containers};
use super::names::RECEIVER;
use crate::gateway_hosts::example_host;

/// The text of `README.md`.
pub(super) fn readme(containers: &Containers, command: &str) -> String {
    let mut out = String::from(
        "# A mesh in containers\n\n\
         Written by `burgee export compose`: what the documents in `documents/` ask for, as configuration of stock \
         Envoys. It takes Docker with its plugin compose, or the older program `docker-compose` from version 1.29.\n\n\
         ```sh\ndocker compose up -d --wait\n```\n\n\
         Where `docker compose` is no command, type `docker-compose` in its place, here and below, and leave `--wait` \
         out:\n\n```sh\ndocker-compose up -d\n```\n\n\
         The gateway then answers after a few seconds. `burgee doctor` says which of them this machine has.\n\n\
         ## Ask\n\n",
    );
    ask(&mut out, containers);
    see(&mut out, containers);
    let _ = write!(
        out,
        "## What runs\n\n| container | what it is |\n| --- | --- |\n{}\n\
         `docker compose restart APP` gives an app a new network: restart its proxy after it. A port of the host that \
         is taken is changed by the variable in `compose.yaml`, such as `GATEWAY_PORT=8888 docker compose up -d`.\n\n\
         ## Change\n\n\
         Edit the documents where they came from and write this folder again:\n\n```sh\n{command}\n```\n\n\
         Proxies that run take the new configuration within a second, without a restart. What the command below \
         starts anew is only what cannot change while it runs: which containers there are, what apps call, and labels \
         of metrics that are new.\n\n\
         ```sh\ndocker compose up -d\n```\n\n\
         A file of this folder that was changed by hand is not written over unless `--force` is given. \
         `docker compose down` ends everything.\n",
        table(containers),
    );
    out
}

fn ask(out: &mut String, containers: &Containers) {
    let published = containers.gateways.iter().flat_map(|gateway| &gateway.published);
    let asked: Vec<(String, u16)> = published
        .flat_map(|published| published.hosts.iter().map(|host| (example_host(host), published.port)))
        .collect();
    out.push_str("```sh\n");
    for (host, port) in &asked {
        let _ = writeln!(out, "curl -i -H 'Host: {}' http://127.0.0.1:{port}/", plain(host));
    }
    if let Some((host, port)) = asked.first() {
        let _ = writeln!(
            out,
            "curl -i -H 'Host: {}' 'http://127.0.0.1:{port}/?status=503&delay=50ms&size=2048'",
            plain(host)
        );
    }
    out.push_str(
        "```\n\n\
         Apps answer with the `status`, `size` and `delay` that a request asks for. `NAME.status=503` asks it of the \
         service that an app calls, where NAME is the first label of its host.\n\n",
    );
}

fn see(out: &mut String, containers: &Containers) {
    let _ = write!(
        out,
        "## See\n\n\
         Log records and spans that go to a collector:\n\n```sh\ndocker compose logs -f {RECEIVER}\n```\n\n\
         Access logs that go to a file: those to `/dev/stdout` are the proxies' own logs, all others are in \
         `/var/log/burgee` of the proxy's container.\n\n```sh\n"
    );
    for proxy in proxies(containers) {
        let _ = writeln!(out, "docker compose logs -f {}", proxy.container);
    }
    out.push_str("```\n\nMetrics, and whatever else Envoy's admin page tells (its port differs from start to start):\n\n```sh\n");
    for proxy in proxies(containers) {
        let _ = writeln!(
            out,
            "curl -s \"http://$(docker compose port {} {ADMIN_PORT})/stats/prometheus\" | grep istio_",
            proxy.network
        );
    }
    out.push_str(
        "```\n\nPrometheus, on http://127.0.0.1:9090 (`prometheus.yml` names every proxy):\n\n\
         ```sh\ndocker compose --profile prometheus up -d\n```\n\n",
    );
}

/// A proxy as people ask about it.
struct Proxy<'a> {
    /// Its container.
    container: &'a str,
    /// The container whose network it is in.
    network: &'a str,
}

fn proxies(containers: &Containers) -> impl Iterator<Item = Proxy<'_>> {
    let gateways = containers.gateways.iter().map(|gateway| (&gateway.name, &gateway.name));
    let sidecars = containers.apps.iter().map(|app| (&app.proxy, &app.app));
    gateways.chain(sidecars).map(|(container, network)| Proxy { container, network })
}

fn table(containers: &Containers) -> String {
    let mut out = String::new();
    for gateway in &containers.gateways {
        let ports: Vec<String> =
            gateway.published.iter().map(|published| format!("127.0.0.1:{}", published.port)).collect();
        let workload = plain(&gateway.workload);
        let _ = writeln!(out, "| `{}` | the gateway {workload}, on {} |", gateway.name, ports.join(" and "));
    }
    for app in &containers.apps {
        let workload = plain(&app.workload);
        let _ = writeln!(out, "| `{}` | a stub app in the place of {workload} |", app.app);
        let _ = writeln!(out, "| `{}` | its sidecar, in the same network |", app.proxy);
    }
    let _ = writeln!(out, "| `{RECEIVER}` | receives what proxies send to any collector, and prints it |");
    out
}

/// A text of a document within a line of Markdown or a quoted word of a shell.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\'' | '|' | '`') { '-' } else { c }).collect()
}
