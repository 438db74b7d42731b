//! A real Envoy with somebody's own configuration.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::mesh::page;
use super::{envoy, eventually, http};

/// An Envoy that ends with the test.
pub(crate) struct Proxy {
    child: Child,
    /// Its admin address.
    pub(crate) admin: String,
}

impl Proxy {
    /// Starts one in a folder of its own and waits until it serves. The configuration has an admin address.
    pub(crate) fn start(folder: &Path, configuration: &Path) -> Proxy {
        Proxy::start_with(folder, configuration, &[])
    }

    /// The same of another Envoy.
    pub(crate) fn start_of(program: &Path, folder: &Path, configuration: &Path) -> Proxy {
        Proxy::run(program, folder, configuration, &[])
    }

    /// The same with variables in its environment.
    pub(crate) fn start_with(folder: &Path, configuration: &Path, variables: &[(&str, &str)]) -> Proxy {
        Proxy::run(&envoy().path, folder, configuration, variables)
    }

    /// Starts one and waits for its admin page alone: it need not come to serve.
    pub(crate) fn start_unready(folder: &Path, configuration: &Path) -> Proxy {
        Proxy::run_until(&envoy().path, folder, configuration, &[], false)
    }

    fn run(program: &Path, folder: &Path, configuration: &Path, variables: &[(&str, &str)]) -> Proxy {
        Proxy::run_until(program, folder, configuration, variables, true)
    }

    fn run_until(
        program: &Path,
        folder: &Path,
        configuration: &Path,
        variables: &[(&str, &str)],
        is_to_serve: bool,
    ) -> Proxy {
        let address_file = folder.join("admin-address");
        let log = fs::File::create(folder.join("envoy.log")).expect("a log");
        let mut command = Command::new(program);
        command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]);
        command.arg("--config-path").arg(configuration).arg("--admin-address-path").arg(&address_file);
        command.envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("Envoy can be started");
        let mut proxy = Proxy { child, admin: String::new() };
        proxy.admin = eventually("an Envoy that serves", || {
            let log = || fs::read_to_string(folder.join("envoy.log")).unwrap_or_default();
            assert!(proxy.child.try_wait().is_ok_and(|status| status.is_none()), "Envoy ended: {}", log());
            let admin = fs::read_to_string(&address_file).map_err(|error| error.to_string())?;
            match http::get(&admin, &admin, "/ready")? {
                ready if ready.status == 200 || !is_to_serve => Ok(admin),
                ready => Err(format!("{ready:?}\n{}", log())),
            }
        });
        proxy
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        super::processes::send(self.child.id(), signal);
    }

    /// Where a listener is, as `127.0.0.1:PORT`, once it is there.
    pub(crate) fn listener(&self, name: &str) -> String {
        let name = format!("{name}::");
        eventually("a listener", || {
            let listeners = page(&self.admin, "/listeners");
            let address = listeners.lines().find_map(|line| line.strip_prefix(&name));
            address.map(str::to_owned).ok_or(listeners)
        })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
