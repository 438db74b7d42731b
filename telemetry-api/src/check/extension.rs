//! What is worth knowing of one TrafficExtension or WasmPlugin: what is accepted, and does not do what it seems to.

pub(super) mod key;
mod script;

use super::module_rules::bad_key;
use super::telemetry::at;
use crate::problem::{Problem, Severity, codes};
use crate::resources::TrafficExtension;
use crate::resources::extension::{
    Code, FailStrategy, ImagePullPolicy, PluginPhase, PluginVariable, WasmCode,
};

/// What the names of Istio's own variables begin with.
const RESERVED_PREFIX: &str = "ISTIO_META_";

/// Those that Istio hands to whoever fetches the module.
const INTERNAL_VARIABLES: [&str; 3] = [
    "ISTIO_META_WASM_IMAGE_PULL_SECRET",
    "ISTIO_META_WASM_IMAGE_PULL_POLICY",
    "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION",
];

pub(super) fn check(plugin: &TrafficExtension, problems: &mut Vec<Problem>) {
    let guards = matches!(plugin.phase.value, PluginPhase::Authn | PluginPhase::Authz);
    let wasm = match &plugin.code {
        Code::Wasm(wasm) => wasm,
        Code::Lua(lua) => return script::check(plugin, lua, problems),
    };
    source(plugin, wasm, problems);
    problems.extend(wasm.environment.iter().filter_map(reserved));
    if guards && wasm.fail_strategy.value == FailStrategy::Open {
        problems.push(at(
            &wasm.fail_strategy.origin,
            Severity::Note,
            codes::GUARD_FAILS_OPEN,
            "whoever this plugin would refuse is let through when its module cannot be had or fails"
                .to_owned(),
            "for a plugin that keeps requests out, write FAIL_CLOSE or FAIL_RELOAD".to_owned(),
        ));
    }
}

/// That a variable's name is Istio's own.
fn reserved(variable: &PluginVariable) -> Option<Problem> {
    let name = &variable.name;
    if !name.starts_with(RESERVED_PREFIX) {
        return None;
    }
    let mut message = format!("the module never sees `{name}`");
    if INTERNAL_VARIABLES.contains(&name.as_str()) {
        message += ", and in Istio it takes the place of the variable that proxies are told by how to fetch the module";
    }
    let help = format!("Istio keeps names that begin with {RESERVED_PREFIX} to itself; choose another");
    Some(at(&variable.origin, Severity::Warning, codes::RESERVED_VARIABLE, message, help))
}

/// Where the module is, and whether it is the one that is meant.
fn source(plugin: &TrafficExtension, wasm: &WasmCode, problems: &mut Vec<Problem>) {
    let url = wasm.url.value.as_str();
    let (scheme, rest) = url.split_once("://").unwrap_or(("oci", url));
    match scheme.to_ascii_lowercase().as_str() {
        "oci" if wasm.sha256.is_none() && !has_tag(rest) => problems.push(at(
            &wasm.url.origin,
            Severity::Warning,
            codes::NO_TAG,
            "the image has no tag, so that whatever is `latest` when a proxy asks is taken".to_owned(),
            format!("write a tag or, better, a digest, such as {url}:1.0.0"),
        )),
        "oci" if tag_may_move(plugin, wasm, rest) => problems.push(at(
            &wasm.url.origin,
            Severity::Note,
            codes::MOVING_TAG,
            "a proxy that has fetched this tag does not notice when another image gets it".to_owned(),
            "write a digest (`@sha256:...` or `sha256`), a tag per version, or `imagePullPolicy: Always`"
                .to_owned(),
        )),
        "http" if wasm.sha256.is_none() => problems.push(at(
            &wasm.url.origin,
            Severity::Warning,
            codes::UNSAFE_FETCH,
            "the module is fetched without encryption, so that others can replace it on the way".to_owned(),
            "write https://, or the module's digest as `sha256`".to_owned(),
        )),
        "file" => {
            if let Some(digest) = &wasm.sha256 {
                problems.push(at(
                    &digest.origin,
                    Severity::Note,
                    codes::DIGEST_IGNORED,
                    "Istio does not compare a module in a file with its digest; Burgee does where it has the file"
                        .to_owned(),
                    "keep it that of the file: with the digest of before, a proxy may not notice that the file has \
                     another content"
                        .to_owned(),
                ));
            }
        }
        _ => {}
    }
    problems.extend(other_digest(wasm, rest));
    if let Some(key) = &wasm.verification_key {
        problems.push(match key::fault(&key.value) {
            Some(fault) => bad_key(&key.origin, &fault),
            None => at(
                &key.origin,
                Severity::Note,
                codes::NOT_VERIFIED,
                "Istio does not look at the module's signature: only what Burgee fetches is compared with this key"
                    .to_owned(),
                "where Istio's own proxies get the document too, write the module's digest as `sha256` beside it"
                    .to_owned(),
            ),
        });
    }
}

/// That an image is named by one digest and compared with another.
fn other_digest(wasm: &WasmCode, image: &str) -> Option<Problem> {
    let (_, written) = image.split_once("@sha256:")?;
    let digest = wasm.sha256.as_ref().filter(|digest| digest.value != written)?;
    let message = "the URL names another digest, and Istio finds no image that has both".to_owned();
    let help =
        "keep the one in the URL, and take `sha256` out; Burgee takes the module's own digest here too"
            .to_owned();
    Some(at(&digest.origin, Severity::Warning, codes::TWO_DIGESTS, message, help))
}

/// Whether the tag of an image may come to stand for another image without a proxy noticing. What is at hand here, or is
/// known by its digest, is the one that is meant.
fn tag_may_move(plugin: &TrafficExtension, wasm: &WasmCode, image: &str) -> bool {
    let is_named_by_digest = image.contains('@') || wasm.sha256.is_some();
    let is_asked_for_again = match wasm.image_pull_policy.as_ref().map(|policy| policy.value) {
        Some(ImagePullPolicy::Always) => true,
        Some(ImagePullPolicy::IfNotPresent) => false,
        None => image.ends_with(":latest"),
    };
    plugin.local_module.is_none() && !is_named_by_digest && !is_asked_for_again
}

/// Whether an image has a tag or a digest after its last slash.
fn has_tag(image: &str) -> bool {
    image.contains('@') || image.rsplit_once('/').is_some_and(|(_, name)| name.contains(':'))
}
