//! The codes of the command line, each with its page, and those of everything that it is made of.

use burgee_api::problem::{Basis, Case, Page, Severity, closest};

use crate::Failure;

burgee_api::codes! {
    /// The codes of the command line alone.
    OWN:

    /// A file that is not UTF-8.
    NOT_TEXT = "BG0005" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A file holds bytes that are no text in UTF-8. The place is that of the first one.",
        matters: "Nothing of the file is read.",
        case: Case::Situation {
            wrong: "A document was saved as UTF-16 or in an older encoding, or the file is no document at all.",
            right: "Save it as UTF-8, or name the documents' files one by one.",
        },
    }

    /// A workload that the documents do not have.
    UNKNOWN_WORKLOAD = "BG0006" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A command is for a workload that no document describes, and there are documents that describe others.",
        matters: "The name is likely misspelt. What applies is judged by its namespace and by the labels that are given \
                  on the command line alone.",
        case: Case::Situation {
            wrong: "`burgee render --workload shop/helo-v1` where the documents have the WorkloadEntry `shop/hello-v1`.",
            right: "Name the one that is meant, or give its labels with `--labels`.",
        },
    }

    /// A part of a configuration, which needs its bootstrap.
    NEEDS_BOOTSTRAP = "BG0007" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "`burgee render` puts filters that measure, or plugins whose metrics have labels, into listeners whose \
                bootstrap is another file.",
        matters: "The labels of metrics are cut out of their names by the bootstrap's `stats_tags`; without those, \
                  labels are a part of the names.",
        case: Case::Situation {
            wrong: "`burgee render --base listeners.yaml -f telemetry.yaml` for a file of listeners alone.",
            right: "Render the bootstrap of the proxy with the same documents too.",
        },
    }

    /// A base that carries nothing to measure.
    NOTHING_MEASURED = "BG0008" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The documents ask for metrics, and no listener of the base got a filter.",
        matters: "The result measures nothing.",
        case: Case::Situation {
            wrong: "The base has no listener with HTTP or a `tcp_proxy`, or `static_resources` is misspelt.",
            right: "Listeners stand in `static_resources.listeners` of a bootstrap, or in `resources` of a file of \
                    listeners.",
        },
    }

    /// An annotation that leads to no module, or to a crate that does not build.
    NO_LOCAL_MODULE = "BG0009" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The annotation `burgee.dev/module` of a WasmPlugin names a folder without a crate, a file that is no \
                module, or a crate that does not build. The compiler's own words are in the message. `check`, which \
                builds nothing, warns of a path that is not there.",
        matters: "Without the module the plugin refuses requests or is left out, as its `failStrategy` says, and nothing \
                  is known of its configuration.",
        case: Case::Situation {
            wrong: "`burgee.dev/module: ../filters/header` beside a crate in `../filters/headers`.",
            right: "Name the folder of a crate, or a `.wasm` file, from the folder of the document.",
        },
    }

    /// A module that is not the one that the document names by its digest.
    OTHER_DIGEST = "BG0010" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The module of a plugin has another digest than its document says: of an image neither the index, the manifest nor \
                the module has it, of a download neither the file nor the module in it.",
        matters: "It is not the module that is meant, so it is not used.",
        case: Case::Situation {
            wrong: "The module was built anew, and the document still has the digest of the one before.",
            right: "Take the module that was published under this digest, or write the digest of this one.",
        },
    }

    /// A configuration that our own filter refuses.
    BAD_PLUGIN_CONFIG = "BG0011" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A WasmPlugin runs a filter of Burgee's own, and the filter does not take its `pluginConfig`.",
        matters: "The proxy would refuse the plugin when it starts.",
        case: Case::Situation {
            wrong: "`pluginConfig: {response: {set: {x-version: 1}}}` for the filter `headers`, whose values are texts.",
            right: "`pluginConfig: {response: {set: {x-version: \"1\"}}}`.",
        },
    }

    /// A base that another workload's proxy has.
    OTHER_PROXY = "BG0015" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The base's node says, in Istio's layout, that its proxy is another workload's than the one that the \
                command is for.",
        matters: "What is for one workload would be laid over the configuration of another.",
        case: Case::Situation {
            wrong: "`burgee render --base hello.yaml --workload shop/greeting-v1`, where the base is that of \
                    `shop/hello-v1`.",
            right: "Name the workload that the proxy serves, or leave `--workload` out.",
        },
    }

    /// No word about which workload a command is for.
    NO_WORKLOAD = "BG0016" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "Neither the command line nor the base's node says which workload the command is for.",
        matters: "What applies depends on the workload.",
        case: Case::Situation {
            wrong: "`burgee render --base listeners.yaml -f telemetry.yaml` for a base without a node in Istio's layout.",
            right: "Name it: `--workload shop/hello-v1`.",
        },
    }

    /// Pods that a mesh on loopback does not have.
    NOT_RUN = "BG0017" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "The documents have pods, or what makes pods. They say who runs in a cluster; a mesh that is run here \
                has the workloads that WorkloadEntries describe.",
        matters: "What the documents ask for those pods is not tried out.",
        case: Case::Situation {
            wrong: "`burgee up` over a folder with a Deployment and no WorkloadEntry of its name.",
            right: "Write a WorkloadEntry with the labels of its pods, and a ServiceEntry that selects it.",
        },
    }

    /// A module whose declared metrics cannot be used.
    BAD_METRICS = "BG0018" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The section `burgee.metrics` of a WasmPlugin's module cannot be read, or has a metric that no bootstrap \
                can hold: a name that Prometheus does not take, or bounds of buckets that do not ascend from above 0.",
        matters: "The labels of such a metric stay in its name, and its buckets are Envoy's.",
        case: Case::Situation {
            wrong: "A filter declares `Metric::histogram::<Took>(\"took\", \"...\", &[0, 5])`.",
            right: "`Metric::histogram::<Took>(\"took\", \"...\", &[1, 5])`.",
        },
    }

    /// Buckets that a base does not get.
    UNLAID_BUCKETS = "BG0019" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "A module declares the buckets of a histogram, and `burgee render` does not lay buckets over a base.",
        matters: "The histogram has the buckets of the base's `histogram_bucket_settings`, or Envoy's.",
        case: Case::Situation {
            wrong: "`burgee render --base envoy.yaml -f plugin.yaml`, where the plugin's filter has a histogram with buckets.",
            right: "Write the entry of `stats_config.histogram_bucket_settings` that the note shows into the base.",
        },
    }

    /// A module that cannot be had from where it is.
    NOT_HAD = "BG0013" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The module of a plugin cannot be fetched, or what is there is not what the document asks for: no answer, no \
                such image, nobody who may ask for it, no module in it, another digest, or no signature by the key. The \
                message says what was tried. With the `failStrategy` FAIL_OPEN it is a warning.",
        matters: "No proxy is given the plugin. While a mesh runs, the last good module and document of it stay; without \
                  such, its `failStrategy` decides: FAIL_OPEN leaves it out, the others refuse the traffic that it covers.",
        case: Case::Situation {
            wrong: "`url: oci://registry.example.com/guard:1.3` where the registry has only `guard:1.2`.",
            right: "Push the module, or name the one that is there; `burgee module inspect URL` shows it.",
        },
    }

    /// A module that does not start.
    NOT_ADMITTED = "BG0014" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The module of a plugin was looked at and started once, with the plugin's configuration, in this program, and \
                no proxy could use it so: it asks its host for what Envoy does not have, traps, does not end, takes too much, \
                or refuses its configuration. What it wrote to its log is in the message. With the `failStrategy` FAIL_OPEN \
                it is a warning.",
        matters: "In a proxy it would keep the proxy from starting, or fail each request. It is given to none; what is in \
                  force instead is as for BG0013.",
        case: Case::Situation {
            wrong: "`pluginConfig: {limit: many}` for a filter that wants a number.",
            right: "`pluginConfig: {limit: 100}`; `burgee module verify FILE --config CONFIG` tries it without a mesh.",
        },
    }

    /// A document that goes on with what was in force of it.
    KEPT_DOCUMENT = "BG0020" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "A document that a server has in force was changed, and what is written now is refused, or its file cannot be \
                read any more. What is wrong with it is said beside this.",
        matters: "The document goes on in every proxy as it was; everything else of the change is in force. Of the mesh's \
                  configuration and what is beside it, such as services, all goes on as it was, since policies lean on it.",
        case: Case::Situation {
            wrong: "A Telemetry in force is saved with `randomSamplingPercentage: 1000`.",
            right: "Mend what is told of the document; it then takes effect by itself.",
        },
    }

    /// Something that a server could not keep.
    NOT_KEPT = "BG0022" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A server cannot write what outlives it, in the folder `--state`: the last good documents, or what is held back \
                from proxies that refused it.",
        matters: "Changes take effect all the same. A server that is started anew does not know the last of them: it begins \
                  with what was kept before where documents are wrong then, and tries again what proxies refused.",
        case: Case::Situation {
            wrong: "The disk of `--state` is full, or has become read-only.",
            right: "Make room there. It is tried again every two seconds, and said no more when it is kept.",
        },
    }

    /// Something that a server could not read.
    NOT_READ = "BG0021" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "A file or folder of documents, or a module's file, cannot be read while a server runs.",
        matters: "Everything goes on as it was, and it is read again when it changes.",
        case: Case::Situation {
            wrong: "The folder that `burgee serve -f` names is moved away.",
            right: "Put it back, with permission to read it.",
        },
    }

    /// A plugin that goes on with what was in force of it.
    KEPT_PLUGIN = "BG0012" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The document of a plugin or its module was changed while a mesh runs, and the new module cannot be had, \
                is not the one that is meant, or does not start with the new configuration. What is wrong with it is said \
                beside this.",
        matters: "The plugin runs on as it was before: with its last good module, configuration and place among the \
                  filters. Everything else of the change is in force.",
        case: Case::Situation {
            wrong: "`url` names a tag that the registry does not have.",
            right: "Mend what is said of the module; it then takes the place of the last good one by itself.",
        },
    }
}

/// The page of every code that there is, by code.
pub(crate) fn pages() -> Vec<&'static Page> {
    let mut pages: Vec<&Page> = burgee_api::problem::codes::pages()
        .chain(burgee_overlay::codes::pages())
        .chain(burgee_localnet::codes::pages())
        .chain(burgee_filter_test::codes::pages())
        .chain(burgee_server::codes::pages())
        .chain(OWN)
        .collect();
    pages.sort_by_key(|page| page.code);
    pages
}

/// The page of a code, however it is spelled.
pub(crate) fn find<'p>(pages: &[&'p Page], name: &str) -> Result<&'p Page, Failure> {
    let wanted = name.to_ascii_uppercase();
    pages.iter().find(|page| page.code.0 == wanted).copied().ok_or_else(|| {
        let known: Vec<&str> = pages.iter().map(|page| page.code.0).collect();
        let help = match closest(&wanted, &known) {
            Some(near) if wanted.starts_with("BG") => format!("did you mean {near}? `burgee code` lists all"),
            _ => "a code is BG and four digits, such as BG0205; `burgee code` lists all".to_owned(),
        };
        Failure::new(format!("there is no code {name}"), help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_spelled_and_others_are_suggested() {
        let pages = pages();
        assert_eq!(find(&pages, "bg0205").expect("a page").code.0, "BG0205");
        assert_eq!(find(&pages, "BG0620").expect("a page").code.0, "BG0620");
        let unknown = find(&pages, "BG0299").expect_err("there is none");
        assert_eq!(unknown.message, "there is no code BG0299");
        assert!(unknown.help.starts_with("did you mean BG02"), "{}", unknown.help);
        assert!(find(&pages, "IST0160").expect_err("there is none").help.starts_with("a code is BG"));
    }

    #[test]
    fn every_code_of_the_command_line_has_a_page_that_is_current() {
        burgee_tests::assert_pages(OWN.iter(), |_| None);
    }

    #[test]
    fn no_two_codes_share_a_number_or_a_title() {
        let pages = pages();
        for (at, page) in pages.iter().enumerate() {
            for other in &pages[..at] {
                assert_ne!(page.code, other.code);
                assert_ne!(page.title, other.title, "{} and {}", page.code, other.code);
            }
        }
    }
}
