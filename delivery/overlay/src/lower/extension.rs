//! Extension configurations: what listeners refer to by name, where a proxy finds it, and what is in it.

use burgee_api::resolve::{Effective, ListenerClass, Plugin};

use super::{Part, connections, peer_metadata, plugin, short_digest, stats, telemetry, wasm};
use crate::value::Value;
use crate::{Delivery, ExtensionConfig, InlineModule, Module, Options};

const TYPE: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";

/// How the bytes of a module are written where they go with the configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inlined {
    /// As they are.
    Whole,
    /// Their digest takes their place, and whoever encodes it puts them there.
    AsDigest,
}

/// An extension configuration that is not written out yet.
pub(crate) struct Extension<'p> {
    /// The resource's name.
    pub name: String,
    /// The name of the file that has it.
    file_name: String,
    content: Content<'p>,
}

/// What an extension configuration is of.
enum Content<'p> {
    Part(Part),
    Plugin(&'p Plugin),
}

impl<'p> Extension<'p> {
    /// That of a filter of the telemetry module.
    fn of_part(part: Part) -> Extension<'p> {
        let name = part.resource.clone();
        Extension { file_name: file_name(&name), name, content: Content::Part(part) }
    }

    /// That of a plugin.
    pub fn of_plugin(plugin: &'p Plugin, name: String, file_name: String) -> Extension<'p> {
        Extension { name, file_name, content: Content::Plugin(plugin) }
    }

    /// The fields of the resource; nothing for a plugin that is left out.
    pub fn resource(&self, options: &Options, inlined: Inlined) -> Option<[(&'static str, Value); 2]> {
        let config = match &self.content {
            Content::Part(part) => wasm(part.clone(), options, inlined),
            Content::Plugin(plugin) => plugin::typed_config(plugin, options, inlined)?,
        };
        Some([("name", Value::string(self.name.clone())), ("typed_config", config)])
    }

    /// The module whose bytes go with it and its digest, if they do.
    pub fn inlined<'o>(&self, options: &'o Options) -> Option<(&'o str, &'o InlineModule)> {
        let digest = match &self.content {
            Content::Part(_) => options.module.sha256.clone(),
            Content::Plugin(plugin) => match plugin::stand(plugin, options) {
                plugin::Stand::Module { module, .. } => module.sha256,
                _ => return None,
            },
        };
        let (digest, module) = options.inline_modules.get_key_value(&digest)?;
        Some((digest, module))
    }
}

/// Every extension configuration that listeners refer to where they do, ordered by name. Those of plugins that are left out
/// have no resource.
pub(crate) fn extensions<'p>(policy: &'p Effective, options: &Options) -> Vec<Extension<'p>> {
    if options.delivery == Delivery::Inline {
        return Vec::new();
    }
    let mut parts = Vec::new();
    for class in ListenerClass::ALL {
        let joined = telemetry::joined(policy, class, options);
        let providers = policy.class(class).metrics.iter().enumerate();
        let apart = providers.filter(|(number, _)| Some(*number) != joined);
        parts.extend(apart.map(|(_, provider)| stats(policy, class, provider, options)));
        parts.extend(match joined {
            Some(_) => telemetry::extension(policy, class, options),
            None => peer_metadata::extension(policy, class, options),
        });
        let providers = policy.class(class).metrics.iter();
        parts.extend(providers.filter_map(|provider| connections::part(policy, class, provider, options)));
    }
    let plugins = ListenerClass::ALL.into_iter().flat_map(|class| &policy.class(class).plugins);
    let mut extensions: Vec<Extension<'p>> =
        parts.into_iter().map(Extension::of_part).chain(plugins.map(plugin::extension)).collect();
    extensions.sort_by(|a, b| a.name.cmp(&b.name));
    // A plugin is the same for every class.
    extensions.dedup_by(|a, b| a.name == b.name);
    extensions
}

/// The same written out, each as a file has it.
pub(crate) fn configs(policy: &Effective, options: &Options) -> Vec<ExtensionConfig> {
    let config = |extension: Extension<'_>| {
        let [name, config] = extension.resource(options, Inlined::Whole)?;
        let resource = Value::map([("@type", Value::string(TYPE)), name, config]);
        let Extension { name, file_name, .. } = extension;
        Some(ExtensionConfig { name, file_name, value: response_of(resource) })
    };
    extensions(policy, options).into_iter().filter_map(config).collect()
}

/// A response with one resource, whose content is its version.
fn response_of(resource: Value) -> Value {
    let version = short_digest(resource.to_json().as_bytes());
    Value::map([("version_info", Value::string(version)), ("resources", Value::List(vec![resource].into()))])
}

/// The name of the file that an extension configuration is in.
pub(super) fn file_name(name: &str) -> String {
    format!("{name}.json")
}

/// Where a proxy finds an extension configuration, which a file is named after; nothing where listeners hold it.
pub(super) fn config_source(delivery: &Delivery, file: &str) -> Option<Value> {
    let source = match delivery {
        Delivery::Inline => return None,
        Delivery::Discovery { directory } => {
            let path = format!("{}/{}", directory.trim_end_matches('/'), file_name(file));
            ("path_config_source", Value::map([("path", Value::string(path))]))
        }
        Delivery::Aggregated => ("ads", Value::map([])),
    };
    Some(Value::map([source, ("resource_api_version", Value::string("V3"))]))
}

/// Whether a filter's configuration comes over the stream that its proxy has to its server.
pub(super) fn is_over_ads(discovery: &Value) -> bool {
    // The message has no fields.
    discovery.at(&["config_source", "ads"]).is_some_and(|ads| matches!(ads, Value::Map(_)) && ads.is_empty())
}

/// The types that a filter's configuration may have. Empty if they are not what can stand there.
pub(super) fn type_urls(discovery: &Value) -> Vec<&str> {
    let types = discovery.field("type_urls").map_or(&[][..], Value::items);
    types.iter().map(Value::as_str).collect::<Option<_>>().unwrap_or_default()
}

/// Where a proxy has a module's code from: a file of its own, or the configuration itself.
pub(super) fn code_of(module: &Module, options: &Options, inlined: Inlined) -> Value {
    let source = match (options.inline_modules.get(&module.sha256), inlined) {
        (Some(inline), Inlined::Whole) => ("inline_bytes", Value::string(inline.base64())),
        (Some(_), Inlined::AsDigest) => {
            ("inline_bytes", Value::string(data_encoding::BASE64.encode(module.sha256.as_bytes())))
        }
        (None, _) => ("filename", Value::string(module.path.clone())),
    };
    Value::map([("local", Value::map([source]))])
}
