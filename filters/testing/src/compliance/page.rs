//! The page of the rules, written from where they are declared.

use super::RULES;

/// The page.
pub fn page() -> String {
    let mut page = "# What every filter must stand\n\n\
        `cargo burgee test DIR --compliance` plays these rules to a filter, whoever wrote it and in whatever language. The\n\
        filter must not trap, whatever happens, and must come to an end. Inputs are made out of the filter's own cases, so\n\
        that they get where it does its work; without any, out of a plain request. The same module, cases and seed give the\n\
        same inputs. What shows a fault is made smaller and printed as a case, to be kept among the others.\n\n\
        | rule | |\n| --- | --- |\n"
        .to_owned();
    for rule in RULES {
        page.push_str(&format!("| [{}](#{}) | {} |\n", rule.name, rule.name, rule.title));
    }
    for rule in RULES {
        page.push_str(&format!(
            "\n## {}\n\n{}\n\nTried: {}\n\nWhy: {}\n",
            rule.name,
            rule.title,
            lower_first(rule.tried),
            rule.why
        ));
    }
    page
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
