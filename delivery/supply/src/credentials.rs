//! Who asks: what Docker's configuration says of a registry, from a pull secret or from the user's own file.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use data_encoding::BASE64;
use serde::Deserialize;

use crate::error::SupplyError;

/// The key by which Docker keeps what it knows of Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// What a helper of Docker's calls the name of a token.
const TOKEN_USER: &str = "<token>";

/// Where credentials come from.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nobody says who asks.
    #[default]
    Anonymous,
    /// What a pull secret holds: a configuration of Docker's, as JSON. The programs that it may name are not run.
    Docker(String),
    /// The user's own configuration of Docker: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`, with the programs
    /// that it names for its credentials.
    User,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Credentials::Anonymous => "Anonymous",
            Credentials::Docker(_) => "Docker(…)",
            Credentials::User => "User",
        })
    }
}

/// How to say who asks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    Password {
        user: String,
        password: String,
    },
    /// A token that another token is asked for with.
    Identity(String),
    /// A token as it is.
    Token(String),
}

/// Docker's configuration, of which the rest is none of our business.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: HashMap<String, Entry>,
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// What a helper of Docker's answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

impl Credentials {
    /// What is known for a repository of a registry; none: nobody says who asks.
    pub(crate) fn login(&self, registry: &str, repository: &str) -> Result<Option<Login>, SupplyError> {
        match self {
            Credentials::Anonymous => Ok(None),
            Credentials::Docker(text) => Config::read(text, "the pull secret")?.login(registry, repository),
            Credentials::User => {
                let Some(file) = user_file().filter(|file| file.is_file()) else { return Ok(None) };
                let text = std::fs::read_to_string(&file).map_err(SupplyError::io("reading", &file))?;
                let config = Config::read(&text, "Docker's configuration")?;
                let helper =
                    keys(registry, repository).find_map(|key| config.cred_helpers.get(&key).cloned());
                match helper.or_else(|| config.creds_store.clone()) {
                    Some(helper) => match ask(&helper, registry)? {
                        Some(login) => Ok(Some(login)),
                        None => config.login(registry, repository),
                    },
                    None => config.login(registry, repository),
                }
            }
        }
    }
}

fn user_file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME")?.join(".docker")))?;
    Some(folder.join("config.json"))
}

/// The keys by which a configuration may have a registry, the most special first.
fn keys(registry: &str, repository: &str) -> impl Iterator<Item = String> {
    let mut keys = Vec::new();
    let mut path = format!("{registry}/{repository}");
    loop {
        keys.push(path.clone());
        match path.rsplit_once('/') {
            Some((shorter, _)) => path = shorter.to_owned(),
            None => break,
        }
    }
    if registry == "docker.io" {
        keys.extend([
            DOCKER_HUB_KEY.to_owned(),
            "index.docker.io".to_owned(),
            "registry-1.docker.io".to_owned(),
        ]);
    }
    keys.into_iter()
}

impl Config {
    fn read(text: &str, what: &'static str) -> Result<Config, SupplyError> {
        // What the parser says could show a part of the text.
        serde_json::from_str(text).map_err(|error| SupplyError::Unusable {
            what,
            reason: format!(
                "it is no configuration of Docker's in JSON (line {}, column {}); `docker login` writes one, with `auths`",
                error.line(),
                error.column()
            ),
        })
    }

    fn login(&self, registry: &str, repository: &str) -> Result<Option<Login>, SupplyError> {
        let bare = |key: &str| {
            let key = key.split_once("://").map_or(key, |(_, rest)| rest);
            let key = key.strip_suffix("/v1/").or(key.strip_suffix("/v2/")).unwrap_or(key);
            key.trim_end_matches('/').to_owned()
        };
        let find = |wanted: &str| {
            self.auths
                .get(wanted)
                .or_else(|| self.auths.iter().find(|(key, _)| bare(key) == wanted).map(|(_, entry)| entry))
        };
        keys(registry, repository).find_map(|key| find(&key)).map_or(Ok(None), Entry::login)
    }
}

impl Entry {
    fn login(&self) -> Result<Option<Login>, SupplyError> {
        let known = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = known(&self.registrytoken) {
            return Ok(Some(Login::Token(token)));
        }
        if let Some(token) = known(&self.identitytoken) {
            return Ok(Some(Login::Identity(token)));
        }
        if let Some(auth) = known(&self.auth) {
            let wrong = || SupplyError::Unusable {
                what: "what Docker's configuration says of the registry",
                reason: "`auth` is USER:PASSWORD in base64".to_owned(),
            };
            let bytes = BASE64.decode(auth.trim().as_bytes()).map_err(|_| wrong())?;
            let text = String::from_utf8(bytes).map_err(|_| wrong())?;
            let (user, password) = text.split_once(':').ok_or_else(wrong)?;
            // Docker ends some of them with a NUL.
            let password = password.trim_end_matches('\0');
            return Ok(Some(Login::Password { user: user.to_owned(), password: password.to_owned() }));
        }
        let (user, password) = (known(&self.username), known(&self.password));
        Ok(user.zip(password).map(|(user, password)| Login::Password { user, password }))
    }
}

/// What one of Docker's helper programs knows of a registry.
fn ask(helper: &str, registry: &str) -> Result<Option<Login>, SupplyError> {
    let unusable = |reason: String| SupplyError::Unusable { what: "Docker's helper for credentials", reason };
    if !helper.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err(unusable(format!("{helper:?} is no name of one")));
    }
    let program = format!("docker-credential-{helper}");
    let server = if registry == "docker.io" { DOCKER_HUB_KEY } else { registry };
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| unusable(format!("{program} cannot be started: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read says what it has to say by how it ends.
        let _ = stdin.write_all(server.as_bytes());
    }
    let output =
        child.wait_with_output().map_err(|error| unusable(format!("{program} does not answer: {error}")))?;
    if !output.status.success() {
        // That is how they say that they know nothing.
        return Ok(None);
    }
    let helped: Helped = serde_json::from_slice(&output.stdout)
        .map_err(|_| unusable(format!("{program} does not answer in JSON")))?;
    Ok(Some(match helped.username.as_str() {
        TOKEN_USER => Login::Identity(helped.secret),
        _ => Login::Password { user: helped.username, password: helped.secret },
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn login(config: &str, registry: &str) -> Result<Option<String>, String> {
        let found = Credentials::Docker(config.to_owned()).login(registry, "acme/guard");
        let shown = |login: Login| match login {
            Login::Password { user, password } => format!("{user}:{password}"),
            Login::Identity(token) => format!("identity {token}"),
            Login::Token(token) => format!("token {token}"),
        };
        found.map(|login| login.map(shown)).map_err(|error| error.to_string())
    }

    #[test]
    fn registries_are_found_by_the_keys_that_people_write() {
        let entry = r#"{"auth": "dTpwOng="}"#;
        for (key, registry, expected) in [
            ("ghcr.io", "ghcr.io", Some("u:p:x")),
            ("https://ghcr.io", "ghcr.io", Some("u:p:x")),
            ("https://ghcr.io/v2/", "ghcr.io", Some("u:p:x")),
            ("ghcr.io/acme", "ghcr.io", Some("u:p:x")),
            ("ghcr.io/other", "ghcr.io", None),
            ("ghcr.io", "ghcr.io:444", None),
            ("localhost:5000", "localhost:5000", Some("u:p:x")),
            ("https://index.docker.io/v1/", "docker.io", Some("u:p:x")),
            ("docker.io", "docker.io", Some("u:p:x")),
            ("https://index.docker.io/v1/", "quay.io", None),
        ] {
            let config = format!(r#"{{"auths": {{"{key}": {entry}}}}}"#);
            assert_eq!(login(&config, registry), Ok(expected.map(str::to_owned)), "{key} for {registry}");
        }
    }

    #[test]
    fn every_kind_of_entry_is_read_and_no_error_shows_a_secret() {
        let of = |entry: &str| login(&format!(r#"{{"auths": {{"h.io": {entry}}}}}"#), "h.io");
        assert_eq!(of(r#"{"username": "u", "password": "p"}"#), Ok(Some("u:p".to_owned())));
        assert_eq!(of(r#"{"identitytoken": "i", "auth": "dTo="}"#), Ok(Some("identity i".to_owned())));
        assert_eq!(of(r#"{"registrytoken": "r"}"#), Ok(Some("token r".to_owned())));
        assert_eq!(of("{}"), Ok(None));
        for secret in [r#"{"auth": "hunter2!"}"#, r#"{"auth": "aHVudGVyMg=="}"#] {
            let error = of(secret).unwrap_err();
            assert!(error.contains("USER:PASSWORD") && !error.contains("hunter2"), "{error}");
        }
        let error = login("{\"auths\": hunter2}", "h.io").unwrap_err();
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
        assert_eq!(format!("{:?}", Credentials::Docker("hunter2".to_owned())), "Docker(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}|\\{\"auths\":\\{\"h\":\\{\"auth\":\"[a-zA-Z=]{0,9}\"\\}\\}\\}") {
            let _ = login(&text, "h");
        }
    }
}
