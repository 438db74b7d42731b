//! Which workload is at an address, as far as documents say it.

use core::net::IpAddr;
use std::collections::BTreeMap;

use burgee_filter_config::LocalWorkload;

use super::workload::DEFAULT_REVISION;
use super::workloads::{KnownBy, KnownWorkloads};
use crate::resources::Resources;

/// The workloads of WorkloadEntries by their IP address, as Envoy writes it. An address that several have is none's: whom
/// it belongs to cannot be told. What is no IP address is left out too.
pub fn workloads_by_address(resources: &Resources) -> BTreeMap<String, LocalWorkload> {
    let mut found: BTreeMap<IpAddr, Option<LocalWorkload>> = BTreeMap::new();
    for known in KnownWorkloads::new(resources, DEFAULT_REVISION).workloads {
        let KnownBy::Entry(entry) = known.by else { continue };
        let Ok(address) = entry.address.parse::<IpAddr>() else { continue };
        let identity = known.workload.identity();
        found.entry(address).and_modify(|taken| *taken = None).or_insert(Some(identity));
    }
    found.into_iter().filter_map(|(address, workload)| Some((address.to_string(), workload?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Source, read};
    use crate::test;

    #[test]
    fn an_address_is_a_workloads_only_if_no_other_has_it() {
        let entry = |(name, address): &(&str, &str)| {
            format!(
                "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: {name}, namespace: shop}}\nspec: \
                 {{address: \"{address}\", labels: {{app: web, version: v2}}}}\n---\n"
            )
        };
        for (entries, expected) in [
            (&[("a", "10.0.0.7")][..], &[("10.0.0.7", "a")][..]),
            (&[("a", "10.0.0.7"), ("b", "10.0.0.8")], &[("10.0.0.7", "a"), ("10.0.0.8", "b")]),
            (&[("a", "10.0.0.7"), ("b", "10.0.0.7"), ("c", "10.0.0.7")], &[]),
            (&[("a", "FD00:0::7"), ("b", "fd00::8")], &[("fd00::7", "a"), ("fd00::8", "b")]),
            (&[("a", "web.example.com"), ("b", "")], &[]),
        ] {
            let text: String = entries.iter().map(entry).collect();
            let found = workloads_by_address(&read(&[Source::new("w.yaml", text)]).resources);
            let found: Vec<_> =
                found.iter().map(|(address, one)| (address.as_str(), one.workload.as_str())).collect();
            assert_eq!(found, expected);
        }
    }
}
