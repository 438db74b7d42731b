//! The fields of a provider, each with the line that says it.

use super::model::{Fact, Value};
use super::values;
use crate::origin::Origin;
use crate::resolve::tracers::Lookup;
use crate::resolve::{Collector, Header, HttpCall};
use crate::resources::mesh_config::ExtensionProvider;

/// Where a service is that no document says more of.
const OWN_HOST: Origin = Origin::Rule("the service's own host and port");

/// Facts about the fields of one provider.
pub(super) struct ProviderFields<'e> {
    lookup: Lookup<'e>,
    /// The provider's entry; absent for what is no provider.
    provider: Option<&'e ExtensionProvider>,
    /// Where all of it stands.
    entry: &'e Origin,
    /// What is known so far.
    pub(super) facts: Vec<Fact>,
}

impl<'e> ProviderFields<'e> {
    pub(super) fn of(lookup: Lookup<'e>, provider: &'e ExtensionProvider) -> ProviderFields<'e> {
        ProviderFields { lookup, provider: Some(provider), entry: &provider.origin, facts: Vec::new() }
    }

    /// Those of something that stands in one line, such as the tracer of the mesh.
    pub(super) fn of_line(lookup: Lookup<'e>, line: &'e Origin) -> ProviderFields<'e> {
        ProviderFields { lookup, provider: None, entry: line, facts: Vec::new() }
    }

    /// Where a field stands, if the provider's document says it.
    pub(super) fn written(&self, field: &str) -> Option<&'e Origin> {
        self.provider?.written.origin(field)
    }

    /// A field that has a default. `counts` is whether what is written is more than an empty text, which stands for the
    /// default.
    pub(super) fn add(&mut self, field: &str, value: Value, counts: bool) {
        let written = self.written(field).filter(|_| counts).cloned();
        self.add_from(field, value, written);
    }

    /// A field that stands elsewhere than its name says; absent: nowhere, and its default holds.
    pub(super) fn add_from(&mut self, field: &str, value: Value, written: Option<Origin>) {
        self.facts.push(match written {
            Some(origin) => Fact::new(field, value, &origin, Fact::SAYS),
            None => {
                Fact::new(field, value, &Origin::Rule("Istio's default"), "the provider says nothing else")
            }
        });
    }

    /// A service that is called; `within` is what its fields stand in.
    pub(super) fn collector(&mut self, within: &str, collector: &Collector) {
        for (field, value) in
            [("service", values::service(collector)), ("port", values::number(collector.port))]
        {
            let field = format!("{within}{field}");
            let origin = self.written(&field).unwrap_or(self.entry);
            self.facts.push(Fact::new(field, value, origin, Fact::SAYS));
        }
        let document = self.lookup.services.document(collector);
        let (origin, why) = match document {
            Some(document) => (document, "the document of the service says where it is"),
            None => (&OWN_HOST, "no document says where the service is"),
        };
        self.facts.push(Fact::new(format!("{within}endpoints"), values::endpoints(collector), origin, why));
        let said = &self.lookup.mesh.connect_timeout;
        let timeout = values::duration(collector.connect_timeout);
        self.facts.push(Fact::new(format!("{within}connectTimeout"), timeout, &said.origin, Fact::SAYS));
    }

    /// How a call over HTTP is made; `within` is what its fields stand in.
    pub(super) fn call(&mut self, within: &str, call: &HttpCall) {
        let HttpCall { collector: _, path, timeout, headers } = call;
        self.add(&format!("{within}path"), values::text(path), true);
        self.add(&format!("{within}timeout"), values::duration(*timeout), true);
        self.add(&format!("{within}headers"), shown_headers(headers), true);
    }
}

/// Headers; the values of variables are not shown.
pub(super) fn shown_headers(headers: &[Header]) -> Value {
    let json: serde_json::Map<String, serde_json::Value> =
        headers.iter().map(|header| (header.name.clone(), header.value.to_string().into())).collect();
    match json.is_empty() {
        true => Value { json: json.into(), text: "none".to_owned() },
        false => values::tree(json.into()),
    }
}
