//! Reads `PeerAuthentication`.

use std::collections::BTreeMap;

use super::reader::{Context, Field, Object, shorten};
use super::selection;
use super::tree::NodeValue;
use crate::origin::Traced;
use crate::problem::{Severity, codes};
use crate::resources::{Meta, MtlsMode, PeerAuthentication};

/// Reads the document. A spec that is missing says nothing, which is allowed.
pub(super) fn read(meta: Meta, document: &Object<'_>, context: &mut Context) -> Option<PeerAuthentication> {
    let nothing = PeerAuthentication { meta, selector: None, mode: None, port_modes: BTreeMap::new() };
    let Some(spec) = document.get("spec") else { return Some(nothing) };
    let spec = spec.object(context, &["selector", "mtls", "portLevelMtls"])?;
    let (selector, _) = selection::read(&spec, context);
    let mode = spec.get("mtls").and_then(|mtls| mode(&mtls, context));
    let mut read = PeerAuthentication { selector, mode, ..nothing };
    if let Some(field) = spec.get("portLevelMtls") {
        read.port_modes = port_modes(&field, context);
        if read.labels().is_none() {
            let message = "modes of single ports stand in a document for all workloads of a namespace";
            let help =
                "name the workloads that have these ports in `selector.matchLabels`, or take the field out";
            context.report(Severity::Error, codes::PORT_MODES_WITHOUT_SELECTOR, &field, message, help);
        }
    }
    Some(read)
}

fn mode(field: &Field<'_>, context: &mut Context) -> Option<Traced<MtlsMode>> {
    let mode = field.object(context, &["mode"])?.get("mode")?;
    let value = mode.choice(context, MtlsMode::NAMES)?;
    Some(mode.traced(context, value))
}

fn port_modes(field: &Field<'_>, context: &mut Context) -> BTreeMap<u16, Traced<MtlsMode>> {
    let mut modes = BTreeMap::new();
    let Some(object) = field.any_object(context) else { return modes };
    if matches!(&field.node.value, NodeValue::Map(entries) if entries.is_empty()) {
        let help = "write a port and its mode, such as `8080: {mode: DISABLE}`, or take the field out";
        context.report(Severity::Error, codes::MISSING_FIELD, field, "there is no port here", help);
    }
    for ((name, key), (_, value)) in object.keys().zip(object.fields()) {
        let unset = || Traced { value: MtlsMode::Unset, origin: value.origin(context) };
        match name.parse::<u16>().ok().filter(|port| *port > 0) {
            Some(port) => {
                let unset = unset();
                modes.insert(port, mode(&value, context).unwrap_or(unset));
            }
            None => {
                let message = format!("`{}` is not a port", shorten(name));
                let help = "allowed: the workload's own port, 1 to 65535";
                context.report(Severity::Error, codes::OUT_OF_RANGE, &key, message, help);
            }
        }
    }
    modes
}
