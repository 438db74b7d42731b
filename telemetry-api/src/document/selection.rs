//! Reads whom a document is for: labels of workloads, or gateways and services by name. Every kind that selects has the
//! same fields and the same rules.

use super::reader::{Context, Field, Object, shorten};
use super::tree::NodeValue;
use crate::origin::Place;
use crate::problem::{Severity, codes};
use crate::resources::telemetry::{Selector, TargetRef};

/// What documents may be for, besides workloads by label.
pub(crate) const TARGET_KINDS: &[(&str, &str)] = &[
    ("", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
];

/// How many targets a document may name.
pub(crate) const MAX_TARGETS: usize = 16;

/// How long a target's name may be.
pub(crate) const MAX_TARGET_NAME: usize = 253;

/// How many labels a selector may have.
pub(crate) const MAX_LABELS: usize = 4096;

/// How long the value of a selector's label may be.
pub(crate) const MAX_LABEL_VALUE: usize = 63;

/// Reads `selector`, `targetRefs` and `targetRef` of a spec. A single `targetRef` counts when `targetRefs` is empty.
pub(super) fn read(spec: &Object<'_>, context: &mut Context) -> (Option<Selector>, Vec<TargetRef>) {
    let selector_key = spec.keys().find(|(key, _)| *key == "selector").map(|(_, key)| key.place());
    let selector =
        spec.get("selector").zip(selector_key).and_then(|(field, key)| selector(&field, key, context));
    let fields = spec.list(context, "targetRefs");
    let mut targets: Vec<TargetRef> = fields.iter().filter_map(|field| target_ref(field, context)).collect();
    if let Some(first_too_many) = fields.get(MAX_TARGETS) {
        let message = format!("{} targets are too many", fields.len());
        let help = format!("allowed: at most {MAX_TARGETS}; write a second document for the others");
        context.report(Severity::Error, codes::BAD_TARGET, first_too_many, message, help);
    }
    let singular = spec.get("targetRef").and_then(|field| target_ref(&field, context));
    if targets.is_empty() {
        targets.extend(singular);
    }
    attached_once(spec, context);
    (selector, targets)
}

/// At most one of `selector`, `targetRef` and `targetRefs`; an empty list does not count.
fn attached_once(spec: &Object<'_>, context: &mut Context) {
    let present: Vec<Field<'_>> = ["selector", "targetRef", "targetRefs"]
        .iter()
        .filter_map(|key| spec.get(key))
        .filter(|field| !matches!(&field.node.value, NodeValue::List(items) if items.is_empty()))
        .collect();
    if let [first, second, ..] = present.as_slice() {
        context.report(
            Severity::Error,
            codes::SELECTOR_AND_TARGETS,
            second,
            format!("`{}` is already there", first.path),
            "write one of selector, targetRef and targetRefs: workloads by label, or gateways and services by name",
        );
    }
}

/// Reads a selector whose key stands at a place.
fn selector(field: &Field<'_>, place: Place, context: &mut Context) -> Option<Selector> {
    let object = field.object(context, &["matchLabels"])?;
    let labels = object.get("matchLabels");
    let match_labels = labels.as_ref().map(|labels| labels.string_map(context)).unwrap_or_default();
    let is_written = labels.as_ref().is_some_and(|labels| match &labels.node.value {
        NodeValue::Map(entries) => !entries.is_empty(),
        NodeValue::List(_) => true,
        NodeValue::Scalar { .. } => !labels.is_null(),
    });
    // Labels that cannot be read are told, and are not none.
    if match_labels.is_empty() && !is_written {
        context.report(
            Severity::Warning,
            codes::EMPTY_SELECTOR,
            field,
            "the selector has no labels, so the document is for every workload of its namespace",
            "write the labels below `matchLabels:`, or take the selector out",
        );
    }
    if match_labels.len() > MAX_LABELS {
        let message = format!("{} labels are too many", match_labels.len());
        let help = format!("allowed: at most {MAX_LABELS}");
        context.report(Severity::Error, codes::BAD_SELECTOR, field, message, help);
    }
    if let Some(labels) = labels.and_then(|labels| labels.any_object(context)) {
        for ((key, key_field), (_, value_field)) in labels.keys().zip(labels.fields()) {
            if key.is_empty() || key.contains('*') {
                let message = format!("`{}` cannot be a label's name", shorten(key));
                let help = "labels are matched exactly: no wildcards, no empty names";
                context.report(Severity::Error, codes::BAD_SELECTOR, &key_field, message, help);
            }
            let value = match_labels.get(key).map(String::as_str).unwrap_or_default();
            if value.contains('*') || value.chars().count() > MAX_LABEL_VALUE {
                let message = format!("`{}` cannot be a label's value", shorten(value));
                let help =
                    format!("labels are matched exactly: no wildcards, at most {MAX_LABEL_VALUE} characters");
                context.report(Severity::Error, codes::BAD_SELECTOR, &value_field, message, help);
            }
        }
    }
    Some(Selector { place, match_labels })
}

fn target_ref(field: &Field<'_>, context: &mut Context) -> Option<TargetRef> {
    let object = field.object(context, &["group", "kind", "name", "namespace"])?;
    let kind = object.require(context, "kind", "such as `Gateway`");
    let name = object.require(context, "name", "the name of what the document is for");
    let group = object.string(context, "group").unwrap_or_default();
    let group = if group == "core" { String::new() } else { group };
    let kind_text = kind.as_ref()?.string(context)?;
    let name_text = name.as_ref()?.string(context)?;
    let document_kind = context.document.kind.clone();
    if !TARGET_KINDS.contains(&(group.as_str(), kind_text.as_str())) {
        context.report(
            Severity::Error,
            codes::BAD_TARGET,
            kind.as_ref()?,
            format!(
                "a {document_kind} cannot be for kind `{}` of group `{}`",
                shorten(&kind_text),
                shorten(&group)
            ),
            "allowed: Service (group \"\"), ServiceEntry (networking.istio.io), Gateway and GatewayClass \
             (gateway.networking.k8s.io)",
        );
    }
    if name_text.is_empty() {
        let message = "the target has an empty name";
        context.report(Severity::Error, codes::BAD_TARGET, name.as_ref()?, message, "name what it is for");
    }
    if name_text.chars().count() > MAX_TARGET_NAME {
        let message = "the target's name is too long";
        context.report(
            Severity::Error,
            codes::BAD_TARGET,
            name.as_ref()?,
            message,
            format!("allowed: 1 to {MAX_TARGET_NAME} characters"),
        );
    }
    if let Some(namespace) = object.get("namespace")
        && namespace.string(context).is_some_and(|text| !text.is_empty())
    {
        context.report(
            Severity::Error,
            codes::BAD_TARGET,
            &namespace,
            "a target cannot be in another namespace",
            "take `namespace` out and put the document into the target's namespace",
        );
    }
    Some(TargetRef {
        place: field.place(),
        path: field.path.clone(),
        group,
        kind: kind_text,
        name: name_text,
    })
}
