//! Documents made by chance, over every field that there is: most are valid, and some of those that are not nearly are.
//!
//! Chance is a row of bytes, which a fuzzer chooses, or a number, from which the same documents come each time.

mod mesh;
mod policies;
mod shape;
mod words;

use burgee_api::document::Source;
use burgee_api::resolve::{GATEWAY_NAME_LABEL, Workload, WorkloadKind};
use serde_json::Value;

/// Where choices come from.
pub struct Chance<'b> {
    bytes: Bytes<'b>,
    /// How many of a thousand values are not what they should be.
    faults: u64,
}

enum Bytes<'b> {
    /// These, and then zeroes.
    Given(std::slice::Iter<'b, u8>),
    /// As many as are wanted, from the last of a row of numbers.
    Endless(u64),
}

impl<'b> Chance<'b> {
    /// The choices that bytes make.
    pub fn of_bytes(bytes: &'b [u8]) -> Chance<'b> {
        Chance { bytes: Bytes::Given(bytes.iter()), faults: 10 }
    }

    /// The choices that belong to a number. Every second number makes valid documents only.
    pub fn of_number(number: u64) -> Chance<'static> {
        let faults = if number.is_multiple_of(2) { 0 } else { 6 };
        Chance { bytes: Bytes::Endless(mixed(number)), faults }
    }

    fn byte(&mut self) -> u8 {
        match &mut self.bytes {
            Bytes::Given(bytes) => bytes.next().copied().unwrap_or(0),
            Bytes::Endless(state) => {
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                (mixed(*state) >> 56) as u8
            }
        }
    }

    /// A number below another one, which is not 0. The first is what bytes choose that have run out.
    pub fn below(&mut self, end: u64) -> u64 {
        let wide = u64::from(self.byte()) << 8;
        let number = if end > 256 { wide | u64::from(self.byte()) } else { wide >> 8 };
        number % end
    }

    /// Whether something happens that happens so many times of a thousand.
    pub(crate) fn happens(&mut self, of_thousand: u64) -> bool {
        of_thousand > 0 && self.below(1000) >= 1000 - of_thousand.min(1000)
    }

    /// Whether a value is not what it should be.
    pub(crate) fn is_fault(&mut self) -> bool {
        let faults = self.faults;
        self.happens(faults)
    }

    /// One of several.
    pub(crate) fn pick<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// A number that says nothing of the one that it is made from: the last step of SplitMix64.
fn mixed(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The documents of a mesh: its configuration, services, and policies.
pub fn documents(chance: &mut Chance<'_>) -> Vec<Source> {
    let text = |documents: Vec<Value>| {
        documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n") + "\n"
    };
    let mesh = mesh::mesh_config(chance);
    let services = mesh::services();
    let policies = policies::policies(chance);
    vec![
        Source::new("mesh.yaml", text(vec![mesh])),
        Source::new("services.yaml", text(services)),
        Source::new("policies.yaml", text(policies)),
    ]
}

/// A workload of each kind that the documents can be for.
pub fn workloads() -> Vec<Workload> {
    let workload = |kind, namespace: &str, name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Workload::new(kind, namespace, name, labels.collect())
    };
    vec![
        workload(WorkloadKind::Sidecar, "bookinfo", "reviews-v1", &[("app", "reviews"), ("version", "v1")]),
        workload(
            WorkloadKind::Gateway,
            "istio-system",
            "istio-ingressgateway",
            &[("istio", "ingressgateway")],
        ),
        workload(WorkloadKind::Gateway, "bookinfo", "gateway", &[(GATEWAY_NAME_LABEL, "bookinfo-gateway")]),
    ]
}

#[cfg(test)]
mod tests;
