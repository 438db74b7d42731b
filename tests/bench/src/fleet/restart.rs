//! The worst that can befall a fleet: its server is killed, another takes its place, and every proxy comes back in the same
//! moment, with the versions of what it has. None may be sent anything.

use std::time::Duration;

use serde::Serialize;

use super::door::Door;
use super::error::FleetError;
use super::server::Server;
use super::tally::{Epoch, Tally};
use super::{Cost, PATIENCE, QUIET};

/// How long it is waited after the server said that it does not have all proxies in sync yet.
const PAUSE: Duration = Duration::from_millis(20);

/// What coming back took.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Restart {
    /// From when the new server is started until it serves, in seconds of the clock.
    pub start: f64,
    /// From then until every proxy has a stream.
    pub connected: f64,
    /// From then until the server knows that every proxy has everything.
    pub cost: Cost,
    /// How many connections were turned away meanwhile, and tried again.
    pub turned_away: u64,
    /// What the server has in memory then, in bytes.
    pub memory: u64,
}

/// Who is connected, as a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub(super) struct Connected {
    pub connected: usize,
    /// How many of them do not have what they should have.
    pub behind: usize,
}

/// Kills the server, starts it anew and has all proxies come back.
pub(super) async fn measure(
    proxies: u32,
    server: &mut Server,
    tally: &Tally,
    door: &Door,
) -> Result<Restart, FleetError> {
    door.shut();
    let begun = std::time::Instant::now();
    server.restart().await?;
    let start = begun.elapsed().as_secs_f64();
    let (before, away) = (server.time()?, tally.tried_again());
    let said = server.asker()?;
    let back = come_back(proxies as usize, tally, door, || said.connected()).await?;
    let server_seconds = server.time()?.saturating_sub(before).as_secs_f64();
    Ok(Restart {
        start,
        connected: back.connected,
        cost: Cost { server_seconds, ..back.cost },
        turned_away: tally.tried_again() - away,
        memory: server.memory()?,
    })
}

/// Has all proxies come back to a server that is there.
pub(super) async fn come_back<F>(
    proxies: usize,
    tally: &Tally,
    door: &Door,
    connected: impl Fn() -> F,
) -> Result<Restart, FleetError>
where
    F: Future<Output = Result<Connected, FleetError>>,
{
    let (resources, responses, bytes) = (tally.resources(), tally.responses(), tally.bytes());
    let back = tally.back();
    let epoch = tally.next();
    door.open();
    tally.wait(PATIENCE, "every proxy is back", || tally.back() - back == proxies).await?;
    let streams = tally.until_now(epoch);
    let seconds = tokio::time::timeout(PATIENCE, in_sync(proxies, tally, epoch, connected)).await;
    let seconds = seconds.map_err(|_| FleetError::Late {
        what: "the server knows that every proxy has everything",
        seconds: PATIENCE.as_secs(),
        state: format!("{} came back", tally.back() - back),
    })??;
    // What else comes.
    tally.quiet(QUIET).await;
    let (resources, responses) = (tally.resources() - resources, tally.responses() - responses);
    if resources > 0 {
        return Err(FleetError::Pushed { resources, responses });
    }
    let cost = Cost { proxies, seconds, responses, bytes: tally.bytes() - bytes, ..Cost::default() };
    Ok(Restart { connected: streams, cost, ..Restart::default() })
}

async fn in_sync<F>(
    proxies: usize,
    tally: &Tally,
    epoch: Epoch,
    connected: impl Fn() -> F,
) -> Result<f64, FleetError>
where
    F: Future<Output = Result<Connected, FleetError>>,
{
    while connected().await? != (Connected { connected: proxies, behind: 0 }) {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(tally.until_now(epoch))
}
