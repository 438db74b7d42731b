//! The app behind each sidecar: a process that answers every request as it is asked to, makes the calls that it is
//! told to make, and counts both.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};

use burgee_stub::protocol::{SERVED_PATH, Served};

use crate::error::LocalnetError;
use crate::pages::Pages;
use crate::process::StubProcess;

/// A running app; killed when this is dropped.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) process: StubProcess,
    pages: Pages,
}

impl App {
    /// Starts the app of a workload at a loopback address, from which it calls too. For every request it calls each URL
    /// once, over a connection to the address beside it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) async fn start(
        prefix: &[OsString],
        name: &str,
        at: Ipv4Addr,
        calls: &[(String, SocketAddr)],
    ) -> Result<App, LocalnetError> {
        let mut arguments: Vec<OsString> = vec!["app".into(), "--name".into(), name.into()];
        for argument in ["--listen", "--listen-tcp"] {
            arguments.extend([argument.into(), format!("{at}:0").into()]);
        }
        if at != Ipv4Addr::LOCALHOST {
            arguments.extend(["--from".into(), at.to_string().into()]);
        }
        for (url, address) in calls {
            arguments.extend(["--call".into(), format!("{url}={address}").into()]);
        }
        let process = StubProcess::start(prefix, arguments, &format!("the app of {name}"), drop).await?;
        let pages = Pages::new(process.address());
        Ok(App { process, pages })
    }

    /// Where what it has counted can be asked for.
    pub(crate) fn counter(&self) -> Counter {
        Counter(self.pages.clone())
    }

    /// What it has counted since it was started, the witness that is not Envoy; nothing when it does not answer.
    pub(crate) async fn served(&self) -> Option<Served> {
        if self.process.ended().is_some() { None } else { self.counter().read().await }
    }
}

/// Where what an app has counted can be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Counter(Pages);

impl Counter {
    /// What it has counted; nothing when it does not answer.
    pub(crate) async fn read(&self) -> Option<Served> {
        serde_json::from_str(&self.0.page(SERVED_PATH).await.ok()?).ok()
    }
}
