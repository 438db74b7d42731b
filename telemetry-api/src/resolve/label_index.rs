//! Selectors found by the labels of a workload, without looking at each.

use std::collections::{BTreeMap, HashMap};

/// Selectors, by one label of each: a workload without it cannot be selected. They are known by their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelIndex {
    /// Those without labels, which select everything.
    unlabelled: Vec<usize>,
    /// The others: by a label's name, then by its value.
    by_label: HashMap<String, HashMap<String, Vec<usize>>>,
}

impl LabelIndex {
    /// An index of these selectors. Each is found by the label that the fewest others have.
    pub fn new<'s>(
        selectors: impl Iterator<Item = (usize, &'s BTreeMap<String, String>)> + Clone,
    ) -> LabelIndex {
        let mut uses: HashMap<(&str, &str), usize> = HashMap::new();
        for (name, value) in selectors.clone().flat_map(|(_, selector)| selector) {
            *uses.entry((name, value)).or_default() += 1;
        }
        let mut index = LabelIndex::default();
        for (number, selector) in selectors {
            let rarest =
                selector.iter().min_by_key(|(name, value)| uses.get(&(name.as_str(), value.as_str())));
            match rarest {
                None => index.unlabelled.push(number),
                Some((name, value)) => {
                    let values = index.by_label.entry(name.clone()).or_default();
                    values.entry(value.clone()).or_default().push(number);
                }
            }
        }
        index
    }

    /// The numbers of all selectors that may select these labels, in ascending order; every other one does not.
    pub fn candidates(&self, labels: &BTreeMap<String, String>) -> Vec<usize> {
        let mut found = self.unlabelled.clone();
        for (name, value) in labels {
            found.extend(self.by_label.get(name).and_then(|values| values.get(value)).into_iter().flatten());
        }
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resources::telemetry::has_labels;
    use crate::test;

    fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
        proptest::collection::btree_map("[abc]", "[xy]", 0..4)
    }

    proptest! {
        #[test]
        fn nothing_that_selects_is_missed(
            selectors in proptest::collection::vec(labels(), 0..12),
            of_workload in labels(),
        ) {
            let found = LabelIndex::new(selectors.iter().enumerate()).candidates(&of_workload);
            prop_assert!(found.is_sorted());
            let selecting = |index: &usize| has_labels(&of_workload, &selectors[*index]);
            let all: Vec<usize> = (0..selectors.len()).filter(selecting).collect();
            let found: Vec<usize> = found.into_iter().filter(selecting).collect();
            prop_assert_eq!(found, all);
        }
    }

    #[test]
    fn a_selector_is_found_by_its_rarest_label() {
        let selector = |app: &str| {
            BTreeMap::from([("tier".to_owned(), "web".to_owned()), ("app".to_owned(), app.to_owned())])
        };
        let selectors: Vec<_> = (0..100).map(|number| selector(&number.to_string())).collect();
        assert_eq!(LabelIndex::new(selectors.iter().enumerate()).candidates(&selector("7")), [7]);
    }
}
