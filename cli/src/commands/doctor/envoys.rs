//! Programs on PATH that are called envoy: those that are passed over, and why.

use std::path::PathBuf;
use std::time::Duration;

use burgee_localnet::EnvoyError;
use burgee_localnet::envoy::{self, Found, Prospect};
use futures_util::future::join_all;

use super::probe::{first_line, run};

/// How long one may take: as long as it is given when it is to be used.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A program called envoy, and why it is none that can be used; nothing when it can be.
pub(super) type OtherEnvoy = (PathBuf, Option<String>);

/// Every program called envoy on PATH that would be tried, in order, all asked at once.
pub(super) async fn on_path() -> Vec<OtherEnvoy> {
    join_all(envoy::on_path().into_iter().map(ask)).await
}

async fn ask(path: PathBuf) -> OtherEnvoy {
    let fault = match run(path.as_os_str(), &["--version"], TIMEOUT).await {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("version: ") => None,
        Ok(output) => {
            let said = [&output.stdout, &output.stderr].map(|said| first_line(said));
            let said = said.into_iter().find(|said| !said.is_empty());
            Some(said.map_or("it says nothing".to_owned(), |said| format!("it says `{said}`")))
        }
        Err(error) => Some(error.to_string()),
    };
    (path, fault)
}

/// Those that come before the one that is used, with what is wrong with each.
pub(super) fn passed_over(
    found: Vec<OtherEnvoy>,
    used: &Result<Prospect, EnvoyError>,
) -> Vec<(PathBuf, String)> {
    let used = match used {
        Ok(Prospect::Here(envoy)) if envoy.found == Found::Path => Some(&envoy.path),
        Ok(_) | Err(_) => None,
    };
    let before = found.into_iter().take_while(|(path, _)| Some(path) != used);
    before.filter_map(|(path, fault)| Some((path, fault?))).collect()
}

#[cfg(test)]
mod tests {
    use burgee_localnet::Envoy;

    use super::*;

    #[test]
    fn only_what_comes_before_the_one_that_is_used_is_passed_over() {
        let found = || {
            vec![
                ("/a/envoy".into(), Some("no answer".to_owned())),
                ("/b/envoy".into(), None),
                ("/c/envoy".into(), Some("it says nothing".to_owned())),
            ]
        };
        let here = |path: &str, found| {
            Ok(Prospect::Here(Envoy { path: path.into(), version: "1.40.0".to_owned(), found }))
        };
        for (used, expected) in [
            (here("/b/envoy", Found::Path), &["/a/envoy"][..]),
            (here("/a/envoy", Found::Path), &[]),
            (here("/cache/envoy", Found::Cache), &["/a/envoy", "/c/envoy"]),
        ] {
            let paths: Vec<PathBuf> = passed_over(found(), &used).into_iter().map(|(path, _)| path).collect();
            assert_eq!(paths, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
        }
    }
}
