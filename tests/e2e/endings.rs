//! Nothing outlives the program, however it ends.

use nix::sys::signal::Signal;

use crate::support::http::refuses;
use crate::support::mesh::Mesh;
use crate::support::processes::is_running;
use crate::support::{eventually, one_service};

/// Waits until the processes and listeners of a mesh are gone.
fn wait_until_gone(pids: &[u32], addresses: &[String]) {
    eventually("the end of every proxy", || {
        let running: Vec<_> = pids.iter().filter(|pid| is_running(**pid)).collect();
        let open: Vec<_> = addresses.iter().filter(|address| !refuses(address)).collect();
        if running.is_empty() && open.is_empty() {
            Ok(())
        } else {
            Err(format!("{running:?} run, {open:?} accept"))
        }
    });
}

/// The ids of everything that a mesh has started: the proxies and, as far as it can be asked for, the apps and the
/// receiver.
fn everything(mesh: &Mesh) -> Vec<u32> {
    #[cfg(target_os = "linux")]
    {
        let children = crate::support::processes::children(mesh.held.pid());
        assert_eq!(children.len(), mesh.pids().len() + 2, "an app and a receiver beside the proxies");
        children
    }
    #[cfg(not(target_os = "linux"))]
    mesh.pids()
}

fn ends_well_by(signal: Signal) {
    let mesh = Mesh::hold(&one_service(), 1);
    let (pids, addresses) = (mesh.pids(), mesh.addresses());
    assert!(pids.iter().all(|pid| is_running(*pid)) && addresses.iter().all(|address| !refuses(address)));
    #[cfg(target_os = "linux")]
    {
        // So that what is asked for below can be found at all.
        let mut running = crate::support::processes::that_name(mesh.held.scratch());
        running.sort_unstable();
        let mut expected = pids.clone();
        expected.sort_unstable();
        assert_eq!(running, expected);
    }
    let pids = everything(&mesh);
    let ended = mesh.held.end_by(signal).expect_code(0);
    // It has waited for them itself.
    assert!(pids.iter().all(|pid| !is_running(*pid)), "{ended}");
    assert!(addresses.iter().all(|address| refuses(address)), "{ended}");
    ended.expect_nothing_left();
}

#[test]
fn ctrl_c_after_the_summary_is_the_ordinary_end() {
    ends_well_by(Signal::SIGINT);
}

#[test]
fn a_terminal_that_closes_after_the_summary_is_the_ordinary_end() {
    ends_well_by(Signal::SIGHUP);
}

#[test]
fn sigterm_after_the_summary_is_the_ordinary_end() {
    ends_well_by(Signal::SIGTERM);
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_run_takes_its_proxies_with_it_and_the_next_one_cleans_up() {
    use crate::support::program::Program;

    let mesh = Mesh::hold(&one_service(), 1);
    let (pids, addresses) = (everything(&mesh), mesh.addresses());
    let killed = mesh.held.end_by(Signal::SIGKILL);
    assert_eq!(killed.code, None, "{killed}");
    wait_until_gone(&pids, &addresses);

    // A process that is killed cannot remove its files; the next run of the same user does.
    let leavings = || std::fs::read_dir(killed.scratch()).expect("a directory").count();
    assert_eq!(leavings(), 1);
    let next =
        Program::up(&one_service()).args(["--path", "/", "--requests", "1"]).env("TMPDIR", killed.scratch());
    next.run().expect_code(0);
    assert_eq!(leavings(), 0);
}

/// A run that has started its Envoys and has not come to its summary, and the ids of their processes.
#[cfg(target_os = "linux")]
fn starting() -> (crate::support::program::Held, Vec<u32>) {
    use crate::support::{envoy, processes, program::Program};

    let binary = std::fs::canonicalize(&envoy().path).expect("an Envoy");
    let mut held = Program::up(&one_service()).args(["--path", "/", "--requests", "1"]).hold();
    let pids = held.wait_for("two Envoys", |held| {
        let is_envoy =
            |pid: &u32| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == binary);
        let pids: Vec<_> = processes::children(held.pid()).into_iter().filter(is_envoy).collect();
        (pids.len() == 2).then_some(pids)
    });
    (held, pids)
}

#[test]
#[cfg(target_os = "linux")]
fn sigterm_while_envoys_start_is_told_and_leaves_nothing() {
    let (held, pids) = starting();
    let ended =
        held.end_by(Signal::SIGTERM).expect_code(2).expect_said(&["stopped by SIGTERM before the summary"]);
    assert_eq!(ended.stdout, "");
    // It has waited for them itself.
    assert!(pids.iter().all(|pid| !is_running(*pid)), "{ended}");
    ended.expect_nothing_left();
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_is_killed_while_envoys_start_leaves_none() {
    let (held, pids) = starting();
    let killed = held.end_by(Signal::SIGKILL);
    assert_eq!((killed.code, killed.stdout.as_str()), (None, ""));
    wait_until_gone(&pids, &[]);
}

/// The app or the receiver of a held mesh, by what it was told to be.
#[cfg(target_os = "linux")]
fn stub(mesh: &Mesh, kind: &str) -> u32 {
    let is_it = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|argument| argument == kind.as_bytes())
    };
    everything(mesh).into_iter().find(is_it).unwrap_or_else(|| panic!("no {kind} runs"))
}

/// Kills one process of a held mesh. That is said, everything else goes on, and the run ends only when it is told to.
#[cfg(target_os = "linux")]
fn goes_on_without(find: impl Fn(&Mesh) -> u32, said: &str, answered: Option<u16>) {
    use crate::support::http;
    use crate::support::mesh::HOST;

    let mut mesh = Mesh::hold(&one_service(), 1);
    let (all, killed) = (everything(&mesh), find(&mesh));
    crate::support::processes::end(killed);
    mesh.held.wait_until_said(0, said);
    let rest: Vec<_> = all.iter().copied().filter(|pid| *pid != killed).collect();
    assert!(rest.iter().all(|pid| is_running(*pid)), "others ended too");
    let answer = http::get(&mesh.entrance(), HOST, "/").map(|answer| answer.status);
    assert_eq!(answer.ok(), answered);
    let ended = mesh.held.end_by(Signal::SIGINT);
    assert!(rest.iter().all(|pid| !is_running(*pid)), "{ended}");
    ended.expect_nothing_left();
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_gateway_is_told_and_the_rest_goes_on() {
    let said = "the Envoy of istio-system/istio-ingressgateway ended: killed by SIGKILL";
    goes_on_without(|mesh| mesh.gateway().pid, said, None);
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_sidecar_is_told_and_the_rest_goes_on() {
    let said = "the Envoy of quickstart/hello-v1 ended: killed by SIGKILL";
    goes_on_without(|mesh| mesh.sidecar().pid, said, Some(503));
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_app_is_told_and_the_rest_goes_on() {
    let said = "the app of quickstart/hello-v1 ended: killed by SIGKILL";
    goes_on_without(|mesh| stub(mesh, "app"), said, Some(503));
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_receiver_is_told_and_the_rest_goes_on() {
    goes_on_without(|mesh| stub(mesh, "receiver"), "the receiver ended: killed by SIGKILL", Some(200));
}

/// A run whose build of the module does not end, and the id of that build's process.
#[cfg(target_os = "linux")]
fn building(folder: &std::path::Path) -> (crate::support::program::Held, Build) {
    use std::os::unix::fs::PermissionsExt;

    use crate::support::{processes, program::Program};

    let cargo = folder.join("cargo");
    std::fs::write(&cargo, "#!/bin/sh\nexec sleep 300\n").expect("a file can be written");
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).expect("permissions can be set");
    let program = Program::new(["up".as_ref(), one_service().as_os_str()]);
    let mut held = program.env("CARGO", &cargo).env("BURGEE_CACHE", folder).hold();
    let pid = held.wait_for("a build", |held| {
        let is_build = |pid: &u32| {
            std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"sleep\x00300\x00")
        };
        processes::children(held.pid()).into_iter().find(is_build)
    });
    (held, Build(pid))
}

/// A process that ends with the test.
#[cfg(target_os = "linux")]
struct Build(u32);

#[cfg(target_os = "linux")]
impl Drop for Build {
    fn drop(&mut self) {
        crate::support::processes::end(self.0);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_is_told_to_stop_while_its_module_is_built_leaves_no_build() {
    let folder = crate::support::tempdir();
    let (held, build) = building(folder.path());
    held.end_by(Signal::SIGTERM).expect_nothing_left();
    wait_until_gone(&[build.0], &[]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_is_killed_while_its_module_is_built_leaves_no_build() {
    let folder = crate::support::tempdir();
    let (held, build) = building(folder.path());
    held.end_by(Signal::SIGKILL);
    wait_until_gone(&[build.0], &[]);
}

/// A first run whose fetch of Envoy does not end, and the id of that fetch's process.
#[cfg(target_os = "linux")]
fn fetching(folder: &std::path::Path) -> (crate::support::program::Held, Build) {
    use std::os::unix::fs::PermissionsExt;

    use crate::support::{processes, program::Program};

    let python = folder.join("python3");
    std::fs::write(&python, "#!/bin/sh\nPATH=/usr/bin:/bin\nexec sleep 301\n")
        .expect("a file can be written");
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755))
        .expect("permissions can be set");
    let program = Program::up(&one_service()).env("BURGEE_CACHE", folder).without_env("ENVOY_BIN");
    let mut held = program.env("PATH", folder).hold();
    let pid = held.wait_for("a fetch", |held| {
        let is_fetch = |pid: &u32| {
            std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"sleep\x00301\x00")
        };
        processes::children(held.pid()).into_iter().find(is_fetch)
    });
    (held, Build(pid))
}

#[test]
#[cfg(target_os = "linux")]
fn a_first_run_that_is_told_to_stop_or_killed_while_it_fetches_leaves_no_fetch() {
    let folder = crate::support::tempdir();
    let (held, fetch) = fetching(folder.path());
    let ended = held.end_by(Signal::SIGTERM).expect_code(2);
    assert!(!is_running(fetch.0), "{ended}");
    ended.expect_nothing_left();

    let (held, fetch) = fetching(folder.path());
    held.end_by(Signal::SIGKILL);
    wait_until_gone(&[fetch.0], &[]);
}
