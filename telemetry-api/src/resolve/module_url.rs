//! URLs of modules in one form, so that what names the same place reads the same, and patterns of them. Hosts and paths are
//! compared apart: what stands in a path can never look like a host.

/// The registry of images whose name begins with none, and the other names that it has.
const DEFAULT_REGISTRY: &str = "docker.io";
const ALIASES: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];

/// The URL of a module, in the form that is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModuleUrl {
    scheme: String,
    host: String,
    path: String,
}

impl ModuleUrl {
    /// A URL as a document writes it: without a scheme an image, whose registry and tag are docker's where it has none.
    ///
    /// # Errors
    ///
    /// Why it cannot be compared, if it cannot.
    pub fn of(text: &str) -> Result<ModuleUrl, &'static str> {
        // Some take a backslash for a slash.
        if text.contains('\\') {
            return Err("it has a backslash");
        }
        let mut url = split(text);
        if url.scheme == "oci" && !last_segment(&url.path).contains([':', '@']) {
            url.path.push_str(":latest");
        }
        // Who fetches it may go up a folder.
        let path = url.path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let path = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
        if path.contains('\\') || path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err("its path leads to another place than it says");
        }
        // Who fetches it reads other characters as these, or an encoded one as what it stands for.
        if url.host.contains('%') || !url.host.is_ascii() {
            return Err("its host cannot be told");
        }
        url.path = plain(&url.path);
        Ok(url)
    }

    /// The URL, without a query, where tokens stand.
    pub fn text(&self) -> String {
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        format!("{}://{}/{path}", self.scheme, self.host)
    }
}

/// A pattern of URLs: of the host and of the path, in each of which `*` stands for any characters, or of the scheme.
pub(crate) struct Pattern(ModuleUrl);

impl Pattern {
    /// A pattern as a rule writes it; `*` alone is every URL. Without a path every one of the host is meant.
    pub fn of(text: &str) -> Pattern {
        let any = || "*".to_owned();
        if text == "*" {
            return Pattern(ModuleUrl { scheme: any(), host: any(), path: any() });
        }
        let mut pattern = split(text);
        if pattern.path.is_empty() {
            pattern.path = any();
        }
        Pattern(pattern)
    }

    /// Whether a URL fits. An image without a tag stands for the image whatever its tag.
    pub fn fits(&self, url: &ModuleUrl) -> bool {
        let ModuleUrl { scheme, host, path } = &self.0;
        let is_image = url.scheme == "oci" && !last_segment(path).contains([':', '@']);
        glob(scheme, &url.scheme)
            && glob(host, &url.host)
            && (glob(path, &url.path) || is_image && glob(path, untagged(&url.path)))
    }

    /// Whether it names one host, and not any that fits.
    pub fn names_host(&self) -> bool {
        !self.0.host.contains('*')
    }
}

/// What is wrong with a pattern, if anything.
pub(crate) fn check_pattern(text: &str) -> Option<String> {
    let pattern = Pattern::of(text).0;
    if text.trim() != text || text.is_empty() {
        return Some("the pattern is empty, or has a space at an end".to_owned());
    }
    if !matches!(pattern.scheme.as_str(), "oci" | "https" | "http" | "file" | "*") {
        return Some(format!("`{}` is not the scheme of a module", crate::text::clean(&pattern.scheme)));
    }
    if pattern.host.is_empty() && pattern.scheme != "file" {
        return Some("the pattern names no host".to_owned());
    }
    None
}

/// A URL taken apart: scheme and host in lower case, without who calls and without the port that the scheme has anyhow.
fn split(text: &str) -> ModuleUrl {
    let (scheme, rest) = text.split_once("://").unwrap_or(("oci", text));
    let scheme = scheme.to_ascii_lowercase();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.strip_prefix('/').unwrap_or(path);
    if scheme == "oci" {
        return image(authority, path, rest);
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let port = match scheme.as_str() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    ModuleUrl { host: without_port(&host, port), scheme, path: path.to_owned() }
}

/// A host without the port that is meant anyhow, and any other as a number.
fn without_port(host: &str, meant: Option<u16>) -> String {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port.parse::<u16>().ok()),
        _ => (host, None),
    };
    match port {
        Some(port) if Some(port) != meant => format!("{}:{port}", name.trim_end_matches('.')),
        Some(_) => name.trim_end_matches('.').to_owned(),
        // A pattern may have a `*` there.
        None => host.trim_end_matches('.').to_owned(),
    }
}

/// A path in which what need not be encoded is not.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).map(char::from);
        match byte.filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')) {
            Some(c) => {
                plain.push(c);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                plain.push('%');
                rest = after;
            }
        }
    }
    plain + rest
}

/// An image by docker's rules: what stands before the first slash is a registry if it has a dot, a colon or a capital letter,
/// or is `localhost`.
fn image(first: &str, path: &str, whole: &str) -> ModuleUrl {
    let is_registry = !path.is_empty() && (first.contains(['.', ':', '*']) || is_name_of_host(first));
    let (host, path) = if is_registry {
        (without_port(&first.to_ascii_lowercase(), Some(443)), path.to_owned())
    } else {
        (DEFAULT_REGISTRY.to_owned(), whole.to_owned())
    };
    let host = if ALIASES.contains(&host.as_str()) { DEFAULT_REGISTRY.to_owned() } else { host };
    let is_bare = host == DEFAULT_REGISTRY && !path.contains('/') && path != "*";
    let path = if is_bare { format!("library/{path}") } else { path };
    ModuleUrl { scheme: "oci".to_owned(), host, path }
}

/// Whether a word is a host and no part of a repository's name, in which there are no capital letters.
fn is_name_of_host(word: &str) -> bool {
    word.eq_ignore_ascii_case("localhost") || word.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn last_segment(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

/// The path of an image without its tag and digest.
fn untagged(path: &str) -> &str {
    let path = path.split_once('@').map_or(path, |(path, _)| path);
    match path.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => path,
    }
}

/// Whether a text fits a pattern in which `*` stands for any characters.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = match rest.rsplit_once('*') {
        Some((middle, last)) => (Some(middle), last),
        None => (None, rest),
    };
    for part in middle.into_iter().flat_map(|middle| middle.split('*')) {
        let Some(found) = text.find(part) else { return false };
        text = text.get(found + part.len()..).unwrap_or_default();
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests;
