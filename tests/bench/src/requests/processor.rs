//! The processor: how long a process has had it, and which of its cores a program may use.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use super::error::RequestsError;

/// How long a process has run, all of its threads together.
pub(crate) fn time_of(pid: u32) -> Result<Duration, RequestsError> {
    let tasks = format!("/proc/{pid}/task");
    let mut time = Duration::ZERO;
    for task in fs::read_dir(&tasks).map_err(RequestsError::io("list", &tasks))? {
        let path = task.map_err(RequestsError::io("list", &tasks))?.path().join("schedstat");
        match fs::read_to_string(&path) {
            Ok(text) => time += read_schedstat(&text).ok_or(RequestsError::NoTimes(path, text))?,
            // The thread has ended since the list was made.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(RequestsError::io("read", path)(error)),
        }
    }
    Ok(time)
}

/// Linux says ESRCH where the file is still open to a thread that is gone.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::errno::Errno::ESRCH as i32)
}

/// A thread's time: the first of the numbers, in nanoseconds. Behind it are how long it waited and how often it ran.
fn read_schedstat(text: &str) -> Option<Duration> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let (Ok(run), Ok(_), Ok(_)) = (numbers.next()?, numbers.next()?, numbers.next()?) else { return None };
    Some(Duration::from_nanos(run))
}

/// Who runs where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cores {
    /// Envoy's: as many as it has workers, if there are so many.
    pub envoy: Vec<usize>,
    /// The load generator's and the upstream's.
    pub load: Vec<usize>,
}

impl Cores {
    /// Shares out the cores that this process may use: the last is the load's, Envoy has the first of the others.
    pub fn share(concurrency: u32) -> Result<Cores, RequestsError> {
        share(&allowed()?, concurrency).ok_or(RequestsError::OneCore)
    }
}

fn share(allowed: &[usize], concurrency: u32) -> Option<Cores> {
    let (load, others) = allowed.split_last().filter(|(_, others)| !others.is_empty())?;
    Some(Cores {
        envoy: others.iter().copied().take((concurrency as usize).max(1)).collect(),
        load: vec![*load],
    })
}

/// Starts a program on some cores only. It ends with us.
#[cfg(target_os = "linux")]
pub(crate) fn spawn_on(cores: &[usize], command: &mut Command, path: &Path) -> Result<Child, RequestsError> {
    // A child has the cores of the thread that starts it.
    let before = allowed()?;
    set(cores)?;
    burgee_machine::end_with_parent(command);
    let child = command.spawn().map_err(RequestsError::io("start", path));
    set(&before)?;
    child
}

#[cfg(target_os = "linux")]
fn allowed() -> Result<Vec<usize>, RequestsError> {
    use nix::sched::{CpuSet, sched_getaffinity};
    use nix::unistd::Pid;

    let set = sched_getaffinity(Pid::from_raw(0)).map_err(refused("read"))?;
    Ok((0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or_default()).collect())
}

#[cfg(target_os = "linux")]
fn set(cores: &[usize]) -> Result<(), RequestsError> {
    use nix::sched::{CpuSet, sched_setaffinity};
    use nix::unistd::Pid;

    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core).map_err(refused("choose"))?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).map_err(refused("choose"))
}

#[cfg(target_os = "linux")]
fn refused(action: &'static str) -> impl FnOnce(nix::errno::Errno) -> RequestsError {
    move |error| RequestsError::io(action, "the cores of this process")(error.into())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn spawn_on(_: &[usize], _: &mut Command, _: &Path) -> Result<Child, RequestsError> {
    Err(RequestsError::NotLinux)
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Result<Vec<usize>, RequestsError> {
    Err(RequestsError::NotLinux)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_the_time() {
        assert_eq!(read_schedstat("1234567 89 10\n"), Some(Duration::from_nanos(1_234_567)));
        for text in ["", "\n", "12", "12 3", "a 1 2", "12 b 3", "-1 2 3"] {
            assert_eq!(read_schedstat(text), None, "{text:?}");
        }
    }

    #[test]
    fn envoy_and_the_load_never_share_a_core() {
        let shared = |allowed: &[usize], concurrency| share(allowed, concurrency).map(|c| (c.envoy, c.load));
        assert_eq!(shared(&[0, 1], 1), Some((vec![0], vec![1])));
        assert_eq!(shared(&[0, 1], 4), Some((vec![0], vec![1])));
        assert_eq!(shared(&[2, 3, 5, 7], 2), Some((vec![2, 3], vec![7])));
        assert_eq!(shared(&[4], 1), None);
        assert_eq!(shared(&[], 1), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_runs_has_time_and_runs_where_it_is_told() {
        let before = allowed().unwrap();
        let core = *before.last().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "grep Cpus_allowed_list /proc/self/status"]).stdout(std::process::Stdio::piped());
        let child = spawn_on(&[core], &mut command, Path::new("sh")).unwrap();
        let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(said.split_ascii_whitespace().last(), Some(core.to_string().as_str()));
        assert_eq!(allowed().unwrap(), before);
        assert!(time_of(std::process::id()).unwrap() > Duration::ZERO);
        assert!(time_of(0).is_err());
    }
}
