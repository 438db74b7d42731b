//! The commands that mend what is missing, for the system that this is.

/// Whether this is macOS; else the commands are Debian's and its relatives'.
const IS_MAC: bool = cfg!(target_os = "macos");

/// Installs Rust.
pub(super) const RUST: &str = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";
/// Installs a C compiler, which links.
pub(super) const LINKER: &str =
    if IS_MAC { "xcode-select --install" } else { "sudo apt-get install build-essential" };
/// Installs Python.
pub(super) const PYTHON: &str = if IS_MAC { "brew install python3" } else { "sudo apt-get install python3" };
/// Installs pip.
pub(super) const PIP: &str = if IS_MAC { "python3 -m ensurepip" } else { "sudo apt-get install python3-pip" };
/// Installs Docker's engine and command.
pub(super) const DOCKER: &str =
    if IS_MAC { "brew install --cask docker" } else { "sudo apt-get install docker.io" };
/// Installs the plugin `compose`.
pub(super) const COMPOSE: &str = if IS_MAC {
    "brew install docker-compose"
} else {
    "sudo apt-get install docker-compose-plugin, or docker-compose; see https://docs.docker.com/compose/install/"
};
/// Starts the engine, or lets this user reach it.
pub(super) const ENGINE: &str = if IS_MAC {
    "open -a Docker"
} else {
    "sudo systemctl start docker; sudo usermod -aG docker $USER and log in again if it is refused"
};
/// Another place for the cache.
pub(super) const CACHE: &str = "export BURGEE_CACHE=/path/to/a/directory/that/can/be/written";
/// Another place for temporary files.
pub(super) const TEMPORARY: &str = "export TMPDIR=/path/to/a/directory/that/can/be/written";
/// Brings 127.0.0.1 up.
pub(super) const LOOPBACK: &str =
    if IS_MAC { "sudo ifconfig lo0 127.0.0.1 up" } else { "sudo ip link set lo up" };
/// More instances of inotify.
pub(super) const INSTANCES: &str = "sudo sysctl fs.inotify.max_user_instances=512";
/// More watches of inotify.
pub(super) const WATCHES: &str = "sudo sysctl fs.inotify.max_user_watches=524288";
/// More open files.
pub(super) const OPEN_FILES: &str = "ulimit -n 4096";

/// Installs a target of the compiler.
pub(super) fn target(name: &str) -> String {
    format!("rustup target add {name}")
}

/// Says who has a port.
pub(super) fn port(number: u16) -> String {
    if IS_MAC {
        format!("lsof -nP -iTCP:{number} -sTCP:LISTEN shows who has it; or choose another port")
    } else {
        format!("ss -ltnp 'sport = :{number}' shows who has it; or choose another port")
    }
}
