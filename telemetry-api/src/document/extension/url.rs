//! Reads where a module is, by the rules of Istio's admission.

use crate::document::reader::{Context, Field, list, shorten};
use crate::origin::Traced;
use crate::problem::{Severity, closest, codes};

/// What may be written.
pub(super) const HELP: &str = "write where the module is: oci://REGISTRY/IMAGE:TAG, https://HOST/FILE, http://HOST/FILE or file:///FILE";

/// The schemes of a module's URL.
const SCHEMES: &[&str] = &["oci", "https", "http", "file"];

/// A URL as it was written.
pub(super) fn read(field: &Field<'_>, context: &mut Context) -> Option<Traced<String>> {
    let text = field.string(context)?;
    if let Err((message, help)) = judge(&text) {
        context.report(Severity::Error, codes::BAD_MODULE_URL, field, message, help);
        return None;
    }
    Some(field.traced(context, text))
}

/// What is wrong with a URL, and what to do.
fn judge(text: &str) -> Result<(), (String, String)> {
    if text.is_empty() {
        return Err(("the URL is empty".to_owned(), HELP.to_owned()));
    }
    let (scheme, rest) = split_scheme(text);
    let known = scheme.to_ascii_lowercase();
    if !scheme.is_empty() && !SCHEMES.contains(&known.as_str()) {
        // A registry with a port looks like a scheme: everything before the first colon.
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            let message = format!("`{}` is read as the URL's scheme", shorten(scheme));
            return Err((message, format!("write oci://{}", shorten(text))));
        }
        let mut help = format!("allowed: {}", list(SCHEMES));
        if let Some(name) = closest(&known, SCHEMES) {
            help = format!("did you mean `{name}`? {help}");
        }
        return Err((format!("a module cannot be fetched by `{}`", shorten(scheme)), help));
    }
    let address = rest.strip_prefix("//").unwrap_or(rest);
    match fault(address, &known) {
        Some(fault) => Err((format!("`{}` is not a URL: {fault}", shorten(text)), HELP.to_owned())),
        None => Ok(()),
    }
}

/// The scheme of a URL, empty when there is none, and what follows its colon. A scheme begins with a letter, and has
/// letters, digits, `+`, `-` and `.`; what has anything else before its first colon has no scheme.
fn split_scheme(text: &str) -> (&str, &str) {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("", text),
    }
}

/// What is wrong with a URL after its scheme.
fn fault(address: &str, scheme: &str) -> Option<String> {
    if let Some(odd) = address.chars().find(|c| c.is_ascii_control()) {
        return Some(format!("it has the character {odd:?}"));
    }
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let authority = &address[..end];
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() && scheme != "file" {
        return Some("it names no host".to_owned());
    }
    if let Some(odd) =
        host.chars().find(|c| matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'))
    {
        return Some(format!("a host has no {odd:?}"));
    }
    if !host.starts_with('[')
        && let Some((_, port)) = host.split_once(':')
        && !port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Some(format!("`{}` is not a port", shorten(port)));
    }
    // What a query holds is not looked at, in Istio either.
    let (before_query, after) = address.split_once('?').unwrap_or((address, ""));
    let fragment = after.split_once('#').map_or("", |(_, fragment)| fragment);
    let mut escapes = before_query.split('%').chain(fragment.split('%').skip(1));
    escapes.next();
    let is_escape = |text: &str| text.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    escapes.find(|text| !is_escape(text)).map(|_| "`%` is not followed by two hex digits".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::judge;
    use crate::test;

    #[test]
    fn urls_of_modules() {
        for url in [
            "ghcr.io/org/p:1",
            "ghcr.io/org/p@sha256:00",
            "plugin",
            "127.0.0.1:5000/a",
            "oci://localhost:5000/a:1",
            "OCI://reg/p",
            "https://host.example/p.wasm?a=b%20c",
            "https://host.example/p.wasm?a=100%",
            "http://[::1]:80/p.wasm",
            "file:///opt/a b.wasm",
            "file://a.wasm",
        ] {
            assert_eq!(judge(url), Ok(()), "{url}");
        }
        for (url, part) in [
            ("", "empty"),
            ("ftp://x/y", "fetched by `ftp`"),
            ("htps://x/y", "fetched by `htps`"),
            ("localhost:5000/a", "read as the URL's scheme"),
            ("reg.example.com:5000/a", "read as the URL's scheme"),
            ("oci://", "no host"),
            ("https:///a", "no host"),
            ("https://a:b/c", "not a port"),
            ("https://a b/c", "no ' '"),
            ("oci://plugin:latest", "not a port"),
            ("https://a/%zz", "`%`"),
            ("https://a/b?c#%zz", "`%`"),
            ("oci://a/b\tc", "character"),
        ] {
            let (message, help) = judge(url).expect_err(url);
            assert!(message.contains(part), "{url}: {message}");
            assert!(!help.is_empty(), "{url}");
        }
    }

    proptest! {
        #[test]
        fn an_image_with_a_host_is_accepted(
            host in "[a-z0-9.-]{1,20}",
            port in prop::option::of(1_u16..),
            path in "(/[a-z0-9_-]{1,10}){1,3}",
            tag in "(:[a-z0-9.]{1,10}|@sha256:[0-9a-f]{64})?",
        ) {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            prop_assert_eq!(judge(&format!("oci://{host}{port}{path}{tag}")), Ok(()));
        }

        #[test]
        fn no_url_makes_it_panic(url in "(oci|http|:|/|@|\\[|]|%|é|1|\\?|#| |a){0,20}") {
            let _ = judge(&url);
        }
    }
}
