//! When modules that could not be had are asked for again: soon at first, then less and less often.

use std::time::Duration;

use burgee_api::Problem;
use burgee_overlay::PluginModule;
use tokio::time::{Instant, sleep_until};

use crate::codes::{NOT_HAD, OTHER_DIGEST};
use crate::plugin_modules::PluginModules;

/// How long is waited at first, and at most.
const FIRST: Duration = Duration::from_secs(5);
const LAST: Duration = Duration::from_secs(60);

/// When it is time.
#[derive(Debug, Default)]
pub(crate) struct Again {
    /// How long was waited last, and until when is waited; none: nothing is lacking.
    next: Option<(Duration, Instant)>,
}

impl Again {
    /// Waits until it is time; for ever if nothing is lacking.
    pub(crate) async fn wait(&self) {
        match self.next {
            Some((_, at)) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Takes note of what was wrong with modules just now. `is_again`: that was because it was time.
    pub(crate) fn note(&mut self, wrong: &[Problem], is_again: bool) {
        // Whatever it is, somebody may mend it where the module is, of which nobody is told here.
        let is_lacking = wrong.iter().any(|problem| [NOT_HAD, OTHER_DIGEST].contains(&problem.code));
        let wait = match self.next {
            Some((wait, _)) if is_again => (wait * 2).min(LAST),
            _ => FIRST,
        };
        self.next = is_lacking.then(|| (wait, Instant::now() + wait));
    }
}

/// Whether asking again came to something: a module that is there now, or another one.
pub(crate) fn has_news(before: &PluginModules, now: &PluginModules) -> bool {
    now.iter().any(|(key, module)| match (module, before.get(key)) {
        (PluginModule::Ready(module), Some(PluginModule::Ready(before))) => module != before,
        (PluginModule::Ready(_), _) => true,
        (PluginModule::Missing(_), _) => false,
    })
}

#[cfg(test)]
mod tests {
    use burgee_api::Severity;
    use burgee_overlay::Module;

    use super::*;

    #[test]
    fn what_is_lacking_is_asked_for_less_and_less_often_until_it_is_there() {
        let lacking = [Problem::new(Severity::Error, NOT_HAD, "not there".to_owned())];
        let mut again = Again::default();
        let wait = |again: &Again| again.next.map(|(wait, _)| wait.as_secs());
        let mut waits = Vec::new();
        again.note(&lacking, false);
        for _ in 0..6 {
            waits.push(wait(&again));
            again.note(&lacking, true);
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60].map(Some));
        // Something else was changed meanwhile.
        again.note(&lacking, false);
        assert_eq!(wait(&again), Some(5));
        again.note(&[], true);
        assert_eq!(wait(&again), None);
    }

    #[test]
    fn only_a_module_that_is_there_is_news() {
        let ready = |sha256: &str| {
            PluginModule::Ready(Module { path: "/m".into(), sha256: sha256.into(), metrics: Vec::new() })
        };
        let missing = |why: &str| PluginModule::Missing(why.to_owned());
        let of = |module: PluginModule| PluginModules::from([("a/b".to_owned(), module)]);
        for (before, now, expected) in [
            (missing("one"), missing("other"), false),
            (ready("1"), missing("gone"), false),
            (missing("one"), ready("1"), true),
            (ready("1"), ready("1"), false),
            (ready("1"), ready("2"), true),
        ] {
            assert_eq!(has_news(&of(before), &of(now)), expected);
        }
    }
}
