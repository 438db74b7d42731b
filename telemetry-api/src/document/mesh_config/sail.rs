//! Reads the kind `Istio` of the Sail operator: values of Istio's charts in `spec.values`, of which Sail sets the namespace
//! and the revision itself.

use super::installer::{Layers, misspelt, profile};
use crate::document::reader::{Context, Field, Object, shorten};
use crate::problem::{Severity, codes};
use crate::resources::MeshConfig;
use crate::resources::meta::DEFAULT_REVISION;

/// What its `spec` may have.
const SPEC_FIELDS: &[&str] = &["namespace", "profile", "updateStrategy", "values", "version"];

/// How Sail goes from one version of Istio to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// One control plane, of the name of the document.
    InPlace,
    /// A control plane per version, named after both.
    RevisionBased,
}

/// What a document of this name says.
pub(in crate::document) fn istio(spec: &Field<'_>, name: &str, context: &mut Context) -> Option<MeshConfig> {
    let spec = spec.any_object(context)?;
    misspelt(&spec, SPEC_FIELDS, context);
    profile(&spec, context);
    let values = spec.get("values").and_then(|values| values.any_object(context));
    let revision = revision(&spec, name, context);
    let layers = Layers::of_sail(values.as_ref(), spec.get("namespace"), context);
    Some(MeshConfig { revision, ..layers.read(context) })
}

/// The revision that the control plane has: the default one where that cannot be told.
fn revision(spec: &Object<'_>, name: &str, context: &mut Context) -> String {
    let strategy = spec.get("updateStrategy").and_then(|strategy| {
        let choices = [("InPlace", Strategy::InPlace), ("RevisionBased", Strategy::RevisionBased)];
        strategy.any_object(context)?.get("type")?.choice(context, &choices)
    });
    let version = spec.get("version").and_then(|field| Some((field.string(context)?, field)));
    match (strategy, version) {
        (Some(Strategy::RevisionBased), Some((version, _))) if is_exact(&version) => {
            format!("{name}-{}", version.replace('.', "-"))
        }
        (Some(Strategy::RevisionBased), Some((version, field))) => {
            let message = format!(
                "`{}` stands for the latest of several versions, so which revision this is for cannot be told: it is \
                 used for `{DEFAULT_REVISION}`",
                shorten(&version)
            );
            let help = format!(
                "Sail names revisions after the version itself, such as `{name}-v1-27-1`: write one like v1.27.1, or give \
                 the ConfigMap of the revision"
            );
            context.report(Severity::Warning, codes::SAIL_REVISION, &field, message, help);
            DEFAULT_REVISION.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// Whether a version is one and not a name for the latest of several.
fn is_exact(version: &str) -> bool {
    !version.ends_with("-latest") && version != "master"
}

#[cfg(test)]
mod tests {
    use crate::document::{Documents, Source, read};
    use crate::problem::codes;
    use crate::test;

    fn sail(name: &str, spec: &str) -> Documents {
        let text = format!(
            "apiVersion: sailoperator.io/v1\nkind: Istio\nmetadata: {{name: {name}}}\nspec: {{namespace: mesh-system, {spec}}}\n"
        );
        read(&[Source::new("sail.yaml", text)])
    }

    #[test]
    fn its_values_are_those_of_the_chart_and_the_namespace_is_its_own() {
        let found = sail(
            "default",
            "version: v1.27.1, values: {global: {istioNamespace: elsewhere}, meshConfig: {accessLogFile: /dev/stdout}}",
        );
        assert_eq!(found.problems, []);
        let mesh = found.resources.mesh_config;
        assert_eq!(mesh.access_log_file.value, "/dev/stdout");
        assert!(mesh.access_log_file.origin.to_string().contains("spec.values.meshConfig.accessLogFile"));
        assert_eq!(mesh.root_namespace.value, "mesh-system");
        assert_eq!(mesh.revision, "default");
        let providers: Vec<_> =
            mesh.default_metrics_providers.iter().map(|name| name.value.as_str()).collect();
        assert_eq!(providers, ["prometheus"]);
        // Without values there is a mesh all the same.
        let found = sail("default", "version: v1.27.1");
        assert_eq!(found.problems, []);
        assert_eq!(found.resources.mesh_config.root_namespace.value, "mesh-system");
        assert!(found.resources.mesh_config.was_read);
    }

    #[test]
    fn the_revision_is_named_after_the_document_and_the_version_as_the_strategy_says() {
        let based = "updateStrategy: {type: RevisionBased}";
        for (name, spec, revision, told) in [
            ("default", "version: v1.27.1".to_owned(), "default", vec![]),
            ("other", "version: v1.27.1, values: {revision: x}".to_owned(), "other", vec![]),
            ("default", format!("version: v1.27.1, {based}"), "default-v1-27-1", vec![]),
            ("a", format!("version: v1.28-alpha.89f30b26, {based}"), "a-v1-28-alpha-89f30b26", vec![]),
            ("default", format!("version: v1.27-latest, {based}"), "default", vec![codes::SAIL_REVISION]),
        ] {
            let found = sail(name, &spec);
            assert_eq!(found.problems.iter().map(|it| it.code).collect::<Vec<_>>(), told, "{spec}");
            assert_eq!(found.resources.mesh_config.revision, revision, "{spec}");
        }
    }

    #[test]
    fn what_is_wrong_with_it_is_told() {
        for (spec, code) in [
            ("version: v1.27.1, profil: demo", codes::UNKNOWN_FIELD),
            ("version: v1.27.1, profile: demo", codes::PROFILE),
            ("version: v1.27.1, updateStrategy: {type: Canary}", codes::BAD_VALUE),
            ("version: v1.27.1, values: {meshConfig: {enableTracin: true}}", codes::UNKNOWN_FIELD),
        ] {
            let found = sail("default", spec);
            assert_eq!(found.problems.iter().map(|it| it.code).collect::<Vec<_>>(), [code], "{spec}");
        }
    }
}
