//! What texts came to when they were read last, so that those that are the same need not be read again.

use std::collections::HashMap;
use std::sync::Arc;

use super::kinds::Documents;
use super::tree::Source;

/// What each of some texts came to when it was read alone.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    of: HashMap<Source, Arc<Documents>>,
}

impl Parts {
    /// What each of these texts comes to alone, in their order. All others are forgotten.
    fn of(&mut self, sources: &[Source]) -> Vec<Arc<Documents>> {
        let mut before = std::mem::take(&mut self.of);
        let read = |source: &Source| {
            let known = self.of.get(source).cloned().or_else(|| before.remove(source));
            let part = known.unwrap_or_else(|| {
                let mut part = Documents::default();
                part.text(source);
                Arc::new(part)
            });
            self.of.insert(source.clone(), part.clone());
            part
        };
        sources.iter().map(read).collect()
    }
}

/// Reads every document of every text, as [`super::read`] does, where many texts are those of the last time.
pub fn read_again(sources: &[Source], parts: &mut Parts) -> Documents {
    let mut documents = Documents::default();
    let parts = parts.of(sources);
    if parts.iter().all(|part| documents.join(part)) {
        return documents.settled();
    }
    // What is wrong with a name that two texts have depends on which one comes first.
    super::read(sources)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::read;
    use crate::test;

    /// Texts of a folder: some share names with each other, some are lists, of other kinds, of the mesh, or are broken.
    const TEXTS: [&str; 12] = [
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: a, namespace: shop}\nspec: {}\n",
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: a, namespace: shop}\nspec: {metrics: [{}]}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n",
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: b, annotations: {burgee.dev/ignore: BG0228}}\n",
        "rootNamespace: one\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-canary, namespace: istio-system}\ndata: {mesh: 'rootNamespace: two'}\n",
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}]}}]\n",
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\n---\napiVersion: x/v1\nkind: Other\n",
        "apiVersion: x/v1\nkind: Another\n",
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: a, namespace: shop}\nspec: {url: 'file:///a'}\n",
        "",
        "kind: [\n---\nkind: Telemetry\n",
        "- 1\n",
    ];

    proptest! {
        /// A text that is in twice is there under two names, or twice under one.
        #[test]
        fn what_is_remembered_is_what_would_be_read(
            edits in proptest::collection::vec(proptest::collection::vec((0..5_usize, 0..TEXTS.len()), 0..8), 1..8)
        ) {
            let mut parts = Parts::default();
            for texts in edits {
                let sources: Vec<Source> =
                    texts.iter().map(|(name, text)| Source::new(format!("{name}.yaml"), TEXTS[*text])).collect();
                let again = read_again(&sources, &mut parts);
                let anew = read(&sources);
                prop_assert_eq!(&again.problems, &anew.problems);
                prop_assert_eq!(format!("{:?}", again.resources), format!("{:?}", anew.resources));
                prop_assert_eq!(format!("{:?}", again.outlines), format!("{:?}", anew.outlines));
                prop_assert_eq!(format!("{:?}", again.ignores), format!("{:?}", anew.ignores));
                prop_assert_eq!(format!("{:?}", again.label_sizes), format!("{:?}", anew.label_sizes));
                prop_assert!(parts.of.len() <= sources.len(), "what is gone is forgotten");
            }
        }
    }

    #[test]
    fn what_is_the_same_is_not_read_again() {
        let mut parts = Parts::default();
        let mut of = |texts: [&str; 2]| {
            let sources = [Source::new("a.yaml", texts[0]), Source::new("b.yaml", texts[1])];
            parts.of(&sources)
        };
        let first = of(["a: 1", "b: 1"]);
        let second = of(["a: 1", "b: 2"]);
        assert!(Arc::ptr_eq(&first[0], &second[0]) && !Arc::ptr_eq(&first[1], &second[1]));
    }
}
