//! Where the fields of a provider stand.

use std::collections::BTreeMap;

use crate::origin::Origin;

/// Which fields of a provider a document says, and where. Names are those of the provider's kind, in lowerCamelCase
/// however they are spelled in the text: `port`, `logFormat.labels`, `http.headers`. Entries of lists are not among
/// them; their list is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenFields(BTreeMap<String, Origin>);

impl WrittenFields {
    /// Where a field stands; absent: no document says it, and its default holds.
    pub fn origin(&self, field: &str) -> Option<&Origin> {
        self.0.get(field)
    }

    /// Notes where a field stands. What is said first counts.
    pub(crate) fn note(&mut self, field: String, origin: Origin) {
        self.0.entry(field).or_insert(origin);
    }
}
