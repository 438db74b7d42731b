//! Where traps were: the module that a proxy gets does not say, so what trapped is played once more to one of the same code
//! that does.

use std::path::{Path, PathBuf};

use burgee_filter_test::cases::Located;
use burgee_filter_test::compliance::RuleResult;
use burgee_filter_test::run::{self, CaseResult, Limits};
use burgee_harness::{Module, Trap};

use super::{Found, TestArgs, try_rules};
use crate::Failure;

/// Whether something trapped that nobody expected.
pub(super) fn is_unexplained(found: &Found) -> bool {
    found.cases.iter().any(is_case) || found.rules.iter().any(is_rule)
}

fn is_case(result: &CaseResult) -> bool {
    !result.is_passed() && result.trap.is_some()
}

fn is_rule(result: &RuleResult) -> bool {
    result.violation.as_ref().is_some_and(|violation| violation.trap.is_some())
}

/// Plays what trapped once more.
pub(super) fn explain(
    found: &mut Found,
    args: &TestArgs,
    module: &Module,
    cases: &[Located],
) -> Result<(), Failure> {
    // The results of cases are in their order.
    for (result, case) in found.cases.iter_mut().zip(cases).filter(|(result, _)| is_case(result)) {
        let again = run::run(module, std::slice::from_ref(case), &Limits { fuel: args.fuel });
        again.into_iter().for_each(|again| *result = again);
    }
    let names: Vec<String> = found
        .rules
        .iter()
        .filter(|result| is_rule(result))
        .map(|result| result.rule.name.to_owned())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    // The same inputs in the same order; where this time there is less time for them, what was found stays.
    let again = try_rules(args, &names, module, cases)?;
    for again in again.into_iter().filter(is_rule) {
        let before = found.rules.iter_mut().find(|result| result.rule.name == again.rule.name);
        before.into_iter().for_each(|before| before.violation.clone_from(&again.violation));
    }
    Ok(())
}

/// Says places as they are called from here.
pub(super) fn shorten(found: &mut Found) {
    let here = std::env::current_dir().ok();
    let checkout = burgee_modules::checkout().ok();
    let of_cases = found.cases.iter_mut().filter_map(|result| result.trap.as_mut());
    let of_rules = found.rules.iter_mut().filter_map(|result| result.violation.as_mut()?.trap.as_mut());
    for trap in of_cases.chain(of_rules) {
        shorten_trap(trap, here.as_deref(), checkout.as_deref());
    }
}

fn shorten_trap(trap: &mut Trap, here: Option<&Path>, checkout: Option<&Path>) {
    for place in trap.frames.iter_mut().filter_map(|frame| frame.place.as_mut()) {
        let mut path = PathBuf::from(&*place);
        // Our own modules do not say where they were built.
        if let (Some(checkout), Ok(below)) = (checkout, path.strip_prefix("burgee")) {
            path = checkout.join(below);
        }
        let shorter = here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(&path);
        *place = shorter.to_string_lossy().into_owned();
    }
}

#[cfg(test)]
mod tests {
    use burgee_harness::Frame;

    use super::*;

    #[test]
    fn places_are_called_as_they_are_from_here() {
        let frame = |place: &str| Frame { function: "f".to_owned(), place: Some(place.to_owned()) };
        let mut trap = Trap {
            reason: String::new(),
            callback: String::new(),
            frames: ["/home/a/filter/src/lib.rs:1", "burgee/filters/kit/src/vm.rs:2", "/rustc/x/core.rs:3"]
                .map(frame)
                .to_vec(),
        };
        shorten_trap(&mut trap, Some(Path::new("/home/a/filter")), Some(Path::new("/checkout")));
        let places: Vec<&str> = trap.frames.iter().filter_map(|frame| frame.place.as_deref()).collect();
        assert_eq!(places, ["src/lib.rs:1", "/checkout/filters/kit/src/vm.rs:2", "/rustc/x/core.rs:3"]);
    }
}
