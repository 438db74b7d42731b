//! A server that runs, and proxies that get everything from it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::program::{Held, Program};
use super::proxy::Proxy;
use super::{eventually, http, module, tempdir};

/// The workloads that the base is for.
const GATEWAY: &str = "istio-system/gateway";
const WEB: &str = "shop/web";

/// `burgee serve` over a base and documents, in a folder of a test's own.
pub(crate) struct Served {
    pub(crate) held: Held,
    /// Where proxies connect.
    pub(crate) address: String,
    /// Where its status is.
    pub(crate) admin: String,
}

impl Served {
    /// Starts one over `base`, with the documents in `documents` and what outlives it in `state`; on any port, or on that
    /// of an earlier one.
    pub(crate) fn start(base: &str, documents: &Path, state: &Path, listen: &str, more: &[&str]) -> Served {
        Served::of(Served::program(base, documents, state, listen, more))
    }

    fn program(base: &str, documents: &Path, state: &Path, listen: &str, more: &[&str]) -> Program {
        Program::new(["serve", "--base", base, "--listen", listen, "--admin", "127.0.0.1:0"])
            .args(["-f".as_ref(), documents.as_os_str(), "--state".as_ref(), state.as_os_str()])
            .args(["--module".as_ref(), module().as_os_str()])
            .args(more)
    }

    /// One that this program is.
    fn of(program: Program) -> Served {
        let mut held = program.hold();
        let line = held.wait_for("a server that serves", |held| {
            held.stderr().lines().find(|line| line.starts_with("serving proxies at ")).map(str::to_owned)
        });
        let word = |after: &str| {
            let rest = line.split(after).nth(1).unwrap_or_else(|| panic!("no {after}: {line}"));
            rest.split([' ', '/']).next().unwrap_or_default().to_owned()
        };
        let (address, admin) = (word("proxies at "), word("http://"));
        Served { held, address, admin }
    }

    /// What it knows.
    pub(crate) fn status(&self) -> Value {
        let page = http::get(&self.admin, &self.admin, "/v1/status?proxies=true").expect("a status");
        serde_json::from_str(&page.body).unwrap_or_else(|error| panic!("{error}: {}", page.body))
    }

    /// Waits until what it knows is as wanted.
    pub(crate) fn wait_until<T>(&self, what: &str, probe: impl Fn(&Value) -> Option<T>) -> T {
        eventually(what, || {
            let status = self.status();
            probe(&status).ok_or_else(|| format!("{status:#}\n{}", self.held.stderr()))
        })
    }

    /// Waits until so many proxies are connected and have all that they should have.
    pub(crate) fn wait_for_proxies(&self, count: usize) {
        self.wait_until(&format!("{count} proxies"), |status| {
            (status["connected"] == count && status["behind"] == 0).then_some(())
        });
    }
}

/// A proxy of a served workload.
pub(crate) struct ServedProxy {
    pub(crate) proxy: Proxy,
    /// What is gone with it.
    _folder: tempfile::TempDir,
}

impl ServedProxy {
    /// Starts one with the bootstrap that `burgee bootstrap` prints; `more` are arguments of that.
    pub(crate) fn start(server: &str, workload: &str, more: &[&str]) -> ServedProxy {
        ServedProxy::start_with(None, server, workload, more)
    }

    /// The same with another Envoy.
    pub(crate) fn start_with(
        envoy: Option<&Path>,
        server: &str,
        workload: &str,
        more: &[&str],
    ) -> ServedProxy {
        let folder = tempdir();
        let printed = Program::new(["bootstrap", workload, "--server", server]).args(more).run();
        let text = printed
            .expect_code(0)
            .stdout
            .replace("port_value: 15000", "port_value: 0")
            .replace("stats_flush_interval: 5s", "stats_flush_interval: 1s");
        let configuration = folder.path().join("bootstrap.yaml");
        fs::write(&configuration, text).expect("a file can be written");
        let proxy = match envoy {
            Some(envoy) => Proxy::start_of(envoy, folder.path(), &configuration),
            None => Proxy::start(folder.path(), &configuration),
        };
        ServedProxy { proxy, _folder: folder }
    }
}

/// A base in which a gateway sends everything to a sidecar, and that to an app; on ports that the system picks for the
/// listeners, so that the gateway's cluster has to be told of the sidecar's.
fn base(folder: &Path, sidecar_port: u16, app_port: u16) -> PathBuf {
    let http = "type.googleapis.com/envoy.extensions.filters";
    let listener = |name: &str, direction: &str, port: u16, cluster: &str| {
        format!(
            "- '@type': type.googleapis.com/envoy.config.listener.v3.Listener
  name: {name}
  traffic_direction: {direction}
  address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
  filter_chains:
  - filters:
    - name: manager
      typed_config:
        '@type': {http}.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: {name}
        rds: {{route_config_name: to-{cluster}, config_source: {{ads: {{}}, resource_api_version: V3}}}}
        http_filters:
        - name: router
          typed_config: {{'@type': {http}.http.router.v3.Router}}
- '@type': type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: to-{cluster}
  virtual_hosts: [{{name: all, domains: ['*'], routes: [{{match: {{prefix: /}}, route: {{cluster: {cluster}}}}}]}}]
"
        )
    };
    let cluster = |name: &str, port: u16| {
        format!(
            "- '@type': type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: {name}
  type: STATIC
  connect_timeout: 5s
  load_assignment:
    cluster_name: {name}
    endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]}}]
"
        )
    };
    for (class, text) in [
        ("gateway", listener("entrance", "OUTBOUND", 0, "web") + &cluster("web", sidecar_port)),
        ("sidecar", listener("inbound", "INBOUND", sidecar_port, "app") + &cluster("app", app_port)),
    ] {
        let folder = folder.join(class);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("resources.yaml"), format!("resources:\n{text}")).expect("a file");
    }
    folder.to_owned()
}

/// A port that nobody has.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A base, documents and what outlives a server, in one folder; and the app that is called.
pub(crate) struct Story {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) base: String,
    pub(crate) documents: PathBuf,
    _app: http::Server,
}

impl Story {
    /// One whose mesh says this beside its root namespace.
    pub(crate) fn new(mesh: &str) -> Story {
        let folder = tempdir();
        let app = http::Server::start();
        let base = base(&folder.path().join("bases"), free_port(), app.port());
        let documents = folder.path().join("documents");
        fs::create_dir(&documents).expect("a folder");
        let story = Story { base: base.to_string_lossy().into_owned(), documents, _app: app, folder };
        story.write("mesh.yaml", &format!("rootNamespace: istio-system\n{mesh}"));
        story
    }

    /// Saves a document, whole at once.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let beside = self.folder.path().join("new");
        fs::write(&beside, text).expect("a file");
        fs::rename(&beside, self.documents.join(name)).expect("its name");
    }

    /// A server of it, on any port.
    pub(crate) fn serve(&self) -> Served {
        self.serve_at("127.0.0.1:0", &[])
    }

    /// A server of it, whose program something is done to before.
    pub(crate) fn serve_with(&self, change: impl FnOnce(Program) -> Program) -> Served {
        let state = self.folder.path().join("state");
        Served::of(change(Served::program(&self.base, &self.documents, &state, "127.0.0.1:0", &[])))
    }

    /// A server of it; `more` are arguments of its own.
    pub(crate) fn serve_at(&self, listen: &str, more: &[&str]) -> Served {
        Served::start(&self.base, &self.documents, &self.folder.path().join("state"), listen, more)
    }
}

/// The gateway; `more` are arguments of its bootstrap.
pub(crate) fn gateway(server: &str, more: &[&str]) -> ServedProxy {
    let more = [&["--kind", "gateway", "--labels", "istio=gateway"], more].concat();
    ServedProxy::start(server, GATEWAY, &more)
}

/// The sidecar; `more` are arguments of its bootstrap.
pub(crate) fn sidecar(server: &str, more: &[&str]) -> ServedProxy {
    ServedProxy::start(server, WEB, &[&["--labels", "app=web,version=v1"], more].concat())
}

/// A script at the gateway that adds a header to each answer; the value is Lua.
pub(crate) fn script(value: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {{name: script, namespace: \
         istio-system}}\nspec:\n  selector: {{matchLabels: {{istio: gateway}}}}\n  lua:\n    inlineCode: |\n      \
         function envoy_on_response(handle)\n        handle:headers():add(\"x-script\", {value})\n      end\n"
    )
}

/// An answer through the gateway.
pub(crate) fn answer(address: &str) -> Result<http::Answer, String> {
    let answer = http::get(address, "web.example", "/")?;
    if answer.status == 200 { Ok(answer) } else { Err(format!("{answer:?}")) }
}

/// Waits until an answer has a header, or has it no more.
pub(crate) fn wait_for_header(address: &str, name: &str, value: Option<&str>) {
    eventually(&format!("{name}: {value:?}"), || {
        let answer = answer(address)?;
        if answer.header(name) == value { Ok(()) } else { Err(format!("{answer:?}")) }
    });
}
