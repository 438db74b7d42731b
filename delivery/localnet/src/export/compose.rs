//! The texts of `compose.yaml` and `prometheus.yml`. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::containers::{
    ADMIN_PORT, APP_PORT, APP_TCP_PORT, AppContainers, BareContainer, CONFIG, CONFIG_DIRECTORY, Containers,
    GatewayContainer, LOGS, MODULES, PROGRAMS, RECEIVER_PORT,
};
use super::names::{PROMETHEUS, RECEIVER};
use super::{BOOTSTRAP_FILE, USER};

/// The image that scrapes, for who asks for it: a release with long support.
const PROMETHEUS_IMAGE: &str = "prom/prometheus:v3.5.0";
/// How often it asks each proxy.
const SCRAPE_SECONDS: u32 = 5;

/// What containers of proxies have in common.
struct Proxies<'a> {
    image: &'a str,
    /// The digest of each proxy's bootstrap, by folder.
    bootstraps: &'a BTreeMap<String, String>,
}

/// The text of `compose.yaml`. `bootstraps` has the digest of each proxy's bootstrap, by folder.
pub(super) fn compose(containers: &Containers, bootstraps: &BTreeMap<String, String>, image: &str) -> String {
    let proxies = Proxies { image, bootstraps };
    let mut out = String::from(
        "# Written by `burgee export compose`; README.md says how to use it, and how to write it again.\nservices:\n",
    );
    for gateway in &containers.gateways {
        self::gateway(&mut out, gateway, containers, &proxies);
    }
    for app in &containers.apps {
        self::app(&mut out, app, image);
        sidecar(&mut out, app, containers, &proxies);
    }
    for bare in &containers.bare {
        self::bare(&mut out, bare, image);
    }
    receiver(&mut out, image);
    scraper(&mut out);
    out
}

fn gateway(out: &mut String, gateway: &GatewayContainer, containers: &Containers, proxies: &Proxies<'_>) {
    heading(out, &format!("The gateway {}.", gateway.workload), &gateway.name);
    envoy(out, &gateway.name, proxies);
    line(out, "ports:");
    for published in &gateway.published {
        let (variable, port, inside) = (&published.variable, published.port, published.inside);
        let _ = writeln!(out, "      - \"127.0.0.1:${{{variable}:-{port}}}:{inside}\"");
    }
    let _ = writeln!(out, "      - \"127.0.0.1::{ADMIN_PORT}\"");
    line(out, "depends_on:");
    for app in &containers.apps {
        depends(out, &app.proxy, "service_healthy");
    }
    depends(out, RECEIVER, "service_started");
}

fn app(out: &mut String, app: &AppContainers, image: &str) {
    heading(out, &format!("The app of {}. Its proxy shares its network.", app.workload), &app.app);
    let mut arguments: Vec<String> = ["app", "--name", &app.workload, "--listen"].map(str::to_owned).into();
    arguments.push(format!("127.0.0.1:{APP_PORT}"));
    if app.takes_tcp {
        arguments.extend(["--listen-tcp".to_owned(), format!("127.0.0.1:{APP_TCP_PORT}")]);
    }
    for (url, address) in &app.calls {
        arguments.extend(["--call".to_owned(), format!("{url}={address}")]);
    }
    stub(out, &arguments, image);
    line(out, "ports:");
    let _ = writeln!(out, "      - \"127.0.0.1::{ADMIN_PORT}\"");
    healthcheck(out, &format!("http://127.0.0.1:{APP_PORT}{}", burgee_stub::protocol::SERVED_PATH));
}

fn bare(out: &mut String, bare: &BareContainer, image: &str) {
    heading(out, &format!("The app of {}. It has no proxy.", bare.workload), &bare.name);
    let mut arguments: Vec<String> = ["app", "--name", &bare.workload].map(str::to_owned).into();
    for (argument, port) in [("--listen", APP_PORT), ("--listen-tcp", APP_TCP_PORT)] {
        arguments.extend([argument.to_owned(), format!("0.0.0.0:{port}")]);
    }
    for (url, address) in &bare.calls {
        arguments.extend(["--call".to_owned(), format!("{url}={address}")]);
    }
    stub(out, &arguments, image);
    healthcheck(out, &format!("http://127.0.0.1:{APP_PORT}{}", burgee_stub::protocol::SERVED_PATH));
}

fn sidecar(out: &mut String, app: &AppContainers, containers: &Containers, proxies: &Proxies<'_>) {
    heading(out, &format!("The sidecar of {}.", app.workload), &app.proxy);
    line(out, &format!("network_mode: {}", quoted(&format!("service:{}", app.app))));
    envoy(out, &app.proxy, proxies);
    line(out, "depends_on:");
    // Names that are not there yet are asked for again only seconds later.
    for other in &containers.apps {
        depends(out, &other.app, if other.app == app.app { "service_healthy" } else { "service_started" });
    }
    depends(out, RECEIVER, "service_started");
}

fn receiver(out: &mut String, image: &str) {
    heading(out, "Receives log records and spans, and prints a line for each.", RECEIVER);
    let listen = format!("0.0.0.0:{RECEIVER_PORT}");
    stub(out, &["receiver", "--pretty", "--listen", &listen].map(str::to_owned), image);
    healthcheck(out, &format!("127.0.0.1:{RECEIVER_PORT}"));
}

fn scraper(out: &mut String) {
    heading(out, "Only with `docker compose --profile prometheus up`.", PROMETHEUS);
    line(out, &format!("image: {PROMETHEUS_IMAGE}"));
    line(out, &format!("profiles: [{PROMETHEUS}]"));
    line(out, "volumes: [\"./prometheus.yml:/etc/prometheus/prometheus.yml:ro\"]");
    line(out, "ports: [\"127.0.0.1:${PROMETHEUS_PORT:-9090}:9090\"]");
    line(out, "restart: unless-stopped");
}

/// What every proxy's container has.
fn envoy(out: &mut String, folder: &str, proxies: &Proxies<'_>) {
    line(out, &format!("image: {}", quoted(proxies.image)));
    if let Some(digest) = proxies.bootstraps.get(folder) {
        // Compose starts anew what has another label; what is in a mounted file it does not look at.
        line(out, &format!("labels: {{burgee.dev/bootstrap: \"{digest}\"}}"));
    }
    line(out, &format!("user: \"{USER}:{USER}\""));
    line(out, "entrypoint: [\"envoy\"]");
    let bootstrap = format!("{CONFIG}/{BOOTSTRAP_FILE}");
    // As `burgee up` starts them: connections of before a change of listeners are closed within a second.
    let arguments = [
        "--config-path",
        &bootstrap,
        "--concurrency",
        "1",
        "--log-level",
        "warning",
        "--file-flush-interval-msec",
        "250",
        "--drain-time-s",
        "1",
        "--drain-strategy",
        "immediate",
        "--disable-hot-restart",
    ];
    line(out, &format!("command: {}", list(&arguments.map(str::to_owned))));
    line(out, "volumes:");
    // Folders, not files: a file that is replaced is another file, and a mount keeps the old one.
    for (from, to) in [
        (format!("./{CONFIG_DIRECTORY}/{folder}"), CONFIG),
        ("./modules".to_owned(), MODULES),
        ("./bin".to_owned(), PROGRAMS),
    ] {
        let _ = writeln!(out, "      - {}", quoted(&format!("{from}:{to}:ro")));
    }
    line(out, &format!("tmpfs: [{}]", quoted(&format!("{LOGS}:mode=1777"))));
    healthcheck(out, &format!("http://127.0.0.1:{ADMIN_PORT}/ready"));
    line(out, "restart: unless-stopped");
}

/// What every container of our program has.
fn stub(out: &mut String, arguments: &[String], image: &str) {
    line(out, &format!("image: {}", quoted(image)));
    line(out, &format!("user: \"{USER}:{USER}\""));
    line(out, &format!("entrypoint: [\"{PROGRAMS}/burgee-stub\"]"));
    line(out, &format!("command: {}", list(arguments)));
    line(out, &format!("volumes: [\"./bin:{PROGRAMS}:ro\"]"));
    line(out, "restart: unless-stopped");
}

/// The image need not have a shell or curl: our program asks.
fn healthcheck(out: &mut String, what: &str) {
    line(out, "healthcheck:");
    let test = ["CMD", &format!("{PROGRAMS}/burgee-stub"), "probe", what].map(str::to_owned);
    let _ = writeln!(out, "      test: {}", list(&test));
    out.push_str("      interval: 2s\n      timeout: 5s\n      retries: 30\n");
}

fn heading(out: &mut String, comment: &str, name: &str) {
    // A name out of a document must not end the comment.
    let comment: String = comment.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(out, "  # {comment}\n  {}:", quoted(name));
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "    {text}");
}

fn depends(out: &mut String, on: &str, condition: &str) {
    let _ = writeln!(out, "      {}: {{condition: {condition}}}", quoted(on));
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

/// A string of YAML in which compose replaces nothing.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('$', "$$")
}

/// The text of `prometheus.yml`: every proxy's page, labelled by the workload.
pub(super) fn prometheus(containers: &Containers) -> String {
    let said = "Written by `burgee export compose`. Scrapes every proxy; for `docker compose --profile prometheus up`.";
    let gateways = containers.gateways.iter().map(|gateway| (&gateway.name, &gateway.workload));
    let sidecars = containers.apps.iter().map(|app| (&app.app, &app.workload));
    let targets = gateways.chain(sidecars);
    let targets = targets.map(|(host, workload)| (format!("{host}:{ADMIN_PORT}"), workload.as_str()));
    crate::prometheus::configuration(said, SCRAPE_SECONDS, targets)
}
