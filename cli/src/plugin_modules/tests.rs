//! Where the modules of documents are found, and what is said when they are not.

use std::fs;

use burgee_api::check::check;
use burgee_api::document::Source;

use super::*;

/// The least that starts as a filter.
fn least_module() -> Vec<u8> {
    let text = r#"(module (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 0)))"#;
    wat::parse_str(text).expect("a module")
}

fn least_digest() -> String {
    burgee_modules::digest(&least_module())
}

/// A folder with a document of one plugin; the folder holds the module `a.wasm` too.
struct Desk {
    folder: tempfile::TempDir,
    resources: Resources,
}

impl Desk {
    fn new(annotation: Option<&str>, spec: &str) -> Desk {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.wasm"), least_module()).expect("a module");
        let spec = spec.replace("HERE", &folder.path().to_string_lossy());
        let annotations = annotation
            .map(|path| format!("  annotations: {{burgee.dev/module: {path:?}}}\n"))
            .unwrap_or_default();
        let text = format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: tag\n  namespace: shop\n\
             {annotations}spec:\n{spec}\n"
        );
        let checked = check(&[Source::new(&*folder.path().join("plugin.yaml").to_string_lossy(), text)]);
        assert_eq!(checked.resources.extensions.len(), 1, "{:?}", checked.problems);
        Desk { folder, resources: checked.resources }
    }

    /// The plugin's module, and the one thing that is wrong, if any is.
    fn resolve(&self) -> (PluginModule, Option<Problem>) {
        let cache = self.folder.path().join("cache");
        let (mut modules, mut problems) =
            resolve_in(Some(&cache), &self.resources, &SourceArgs::default(), &Steps::new());
        assert_eq!(modules.len(), 1);
        assert!(problems.len() <= 1, "{problems:?}");
        (modules.remove("shop/tag").expect("by namespace and name"), problems.pop())
    }
}

#[test]
fn a_file_is_taken_by_the_annotation_or_by_its_url_under_its_digest() {
    let other = "0".repeat(64);
    for (annotation, spec) in [
        (Some("a.wasm"), "  url: oci://registry.example/tag:1".to_owned()),
        (Some("./cache/../a.wasm"), "  url: oci://registry.example/tag:1".to_owned()),
        // The digest is that of what was published, not of what is built here.
        (Some("a.wasm"), format!("  url: oci://registry.example/tag:1\n  sha256: \"{other}\"")),
        (None, "  url: file://HERE/a.wasm".to_owned()),
        (None, format!("  url: file://HERE/a.wasm\n  sha256: {}", least_digest())),
    ] {
        let desk = Desk::new(annotation, &spec);
        fs::create_dir_all(desk.folder.path().join("cache")).expect("a cache");
        let (module, problem) = desk.resolve();
        assert_eq!(problem, None, "{spec}");
        let PluginModule::Ready(module) = module else { panic!("{spec}: {module:?}") };
        assert_eq!(module.sha256, least_digest());
        assert!(module.path.contains(&least_digest()), "{}", module.path);
    }
}

#[test]
fn what_cannot_be_had_is_missing_and_says_why_and_where() {
    let other = "0".repeat(64);
    for (annotation, spec, why, problem_path) in [
        (None, "  url: http://127.0.0.1:1/tag".to_owned(), "127.0.0.1 is not fetched from", Some("spec.url")),
        (None, "  url: file://HERE/absent.wasm".to_owned(), "absent.wasm", Some("spec.url")),
        (
            None,
            format!("  url: file://HERE/a.wasm\n  sha256: \"{other}\""),
            "(module), not 0000",
            Some("spec.sha256"),
        ),
        (None, "  url: file://HERE/text.wasm".to_owned(), "it is no Wasm module", Some("spec.url")),
        (
            Some("useless.wasm"),
            "  url: oci://a/b".to_owned(),
            "the module may not be given to proxies",
            Some("spec.url"),
        ),
        (Some("absent"), "  url: oci://a/b".to_owned(), "absent", Some("burgee.dev/module")),
        (
            Some("plugin.yaml"),
            "  url: oci://a/b".to_owned(),
            "not a Wasm core module",
            Some("burgee.dev/module"),
        ),
        (Some("."), "  url: oci://a/b".to_owned(), "no Cargo.toml", Some("burgee.dev/module")),
    ] {
        let desk = Desk::new(annotation, &spec);
        for (name, bytes) in
            [("plugin.yaml", &b"no module"[..]), ("text.wasm", b"text"), ("useless.wasm", b"\0asm\x01\0\0\0")]
        {
            fs::write(desk.folder.path().join(name), bytes).expect("a file");
        }
        let (module, problem) = desk.resolve();
        let PluginModule::Missing(found) = module else { panic!("{spec}: {module:?}") };
        assert!(found.contains(why), "{found}");
        assert!(!found.contains('\n'), "{found}");
        match (problem, problem_path) {
            (None, None) => {}
            (Some(problem), Some(path)) => {
                assert!(problem.path.contains(path), "{problem}");
                assert!(problem.place.is_some() && !problem.help.is_empty(), "{problem}");
            }
            (problem, path) => panic!("{problem:?}, not at {path:?}"),
        }
    }
}

#[test]
fn a_crate_that_does_not_build_says_what_the_compiler_says() {
    let desk = Desk::new(Some("filter"), "  url: oci://a/b");
    let source = desk.folder.path().join("filter/src");
    fs::create_dir_all(&source).expect("a crate");
    fs::write(source.join("lib.rs"), "fn broken( {").expect("a source");
    fs::write(
        desk.folder.path().join("filter/Cargo.toml"),
        "[package]\nname = \"filter\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n",
    )
    .expect("a manifest");
    let (module, problem) = desk.resolve();
    let PluginModule::Missing(why) = module else { panic!("{module:?}") };
    assert!(why.ends_with("does not build"), "{why}");
    let problem = problem.expect("a problem");
    assert!(problem.message.contains("src/lib.rs:1"), "{problem}");
}

#[test]
fn the_configuration_of_our_own_filter_is_read_at_the_desk() {
    let headers = burgee_modules::filter_folder("headers").expect("our sources");
    let headers = headers.to_string_lossy();
    for (annotation, config, path) in [
        (&*headers, "response: {set: {x-a: \"1\"}}", None),
        (&*headers, "response: {set: {x-a: 1}}", Some("spec.pluginConfig.response.set.x-a")),
        (&*headers, "request: {remove: [x-a, \":path\"]}", Some("spec.pluginConfig.request.remove[1]")),
        (&*headers, "requests: {}", Some("spec.pluginConfig")),
        // Somebody else's filter knows what it takes.
        ("a.wasm", "requests: {}", None),
    ] {
        let desk = Desk::new(Some(annotation), &format!("  url: oci://a/b\n  pluginConfig:\n    {config}"));
        let problem = bad_config(&desk.resources.extensions[0]);
        assert_eq!(problem.as_ref().map(|problem| &*problem.path), path, "{config}: {problem:?}");
    }
    // The place is that of what is wrong: a key that is not known, else the value's key.
    for (config, line, column, width) in [
        ("response:\n      sett: {}", 1, 7, 4),
        ("response:\n      set:\n        x-a: 1", 2, 9, 3),
        ("requests: {}", 0, 5, 8),
        ("request:\n      remove:\n        - x-a\n        - \":path\"", 3, 11, 7),
    ] {
        let desk = Desk::new(Some(&headers), &format!("  url: oci://a/b\n  pluginConfig:\n    {config}"));
        let plugin = &desk.resources.extensions[0];
        let place = bad_config(plugin).and_then(|problem| problem.place).expect("a place");
        let Some(Origin::Document { place: first, .. }) =
            plugin.wasm().and_then(|wasm| wasm.plugin_config.as_ref()).map(|it| &it.origin)
        else {
            panic!("a configuration")
        };
        assert_eq!((place.line - first.line, place.column, place.width), (line, column, width), "{config}");
    }
    // A proxy is not given what it would refuse.
    let desk = Desk::new(Some(&headers), "  url: oci://a/b\n  pluginConfig: {response: {add: {}}}");
    let (module, problem) = desk.resolve();
    assert!(problem.is_some_and(|problem| problem.path == "spec.pluginConfig.response"));
    let PluginModule::Missing(why) = module else { panic!("{module:?}") };
    assert!(why.contains("expected `set` or `remove`"), "{why}");
}

#[test]
fn what_a_module_is_made_of_is_watched() {
    let desk = Desk::new(Some("filter"), "  url: oci://a/b");
    let filter = desk.folder.path().join("filter");
    fs::create_dir_all(filter.join("src")).expect("a crate");
    fs::write(filter.join("Cargo.toml"), "no manifest").expect("a manifest");
    assert_eq!(watched(&desk.resources), [filter.join("Cargo.toml"), filter.join("src")]);
    let desk = Desk::new(Some("a.wasm"), "  url: oci://a/b");
    assert_eq!(watched(&desk.resources), [desk.folder.path().join("a.wasm")]);
    let desk = Desk::new(None, "  url: file:///opt/b.wasm");
    assert_eq!(watched(&desk.resources), [Path::new("/opt/b.wasm")]);
    assert!(watched(&Desk::new(None, "  url: oci://a/b").resources).is_empty());
}

/// A module with a custom section.
fn with_section(name: &str, data: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).expect("a short text");
    let mut section = vec![length(name)];
    section.extend(name.bytes().chain(data.bytes()));
    // A length of two bytes in LEB128.
    let size = section.len();
    let size = [size as u8 & 0x7f | 0x80, (size >> 7) as u8];
    [&least_module()[..], &[0], &size, &section].concat()
}

#[test]
fn what_a_module_declares_of_its_metrics_is_read_and_what_cannot_be_used_is_told() {
    let fit = r#"{"name": "asked_total", "kind": "counter", "labels": ["tenant"]}"#;
    let unfit = r#"{"name": "took", "kind": "histogram", "buckets": [0]}"#;
    for (section, names, fault) in [
        (format!("[{fit}]"), vec!["asked_total"], None),
        (format!("[{fit},{unfit}]"), vec!["asked_total"], Some("\"took\": the bounds")),
        ("[{".to_owned(), vec![], Some("cannot be used")),
    ] {
        let desk = Desk::new(Some("a.wasm"), "  url: oci://registry.example/tag:1");
        fs::write(desk.folder.path().join("a.wasm"), with_section("burgee.metrics", &section))
            .expect("a module");
        let (module, problem) = desk.resolve();
        let PluginModule::Ready(module) = module else { panic!("{section}: {module:?}") };
        assert_eq!(module.metrics.iter().map(|metric| &metric.name).collect::<Vec<_>>(), names, "{section}");
        assert_eq!(problem.as_ref().map(|it| it.code), fault.map(|_| BAD_METRICS), "{section}");
        if let (Some(problem), Some(fault)) = (problem, fault) {
            assert!(problem.message.contains(fault), "{}", problem.message);
            assert!(problem.place.is_some(), "{section}");
        }
    }
}
