//! `burgee check`: exit codes, and what is wrong for people and for programs.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::support::program::Program;
use crate::support::{one_service, root, tempdir};

/// One document, with everything in it that can be wrong in one way.
const WRONG: &str = "\
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: wrong
  namespace: shop
spec:
  metrics:
    - reportingInterval: 5x
      overrides:
        - match:
            metric: REQUEST_CUONT
          disabled: maybe
          tagOverides: {}
        - tagOverrides:
            method:
              value: request.method +
";

/// The place, path and help of everything that is wrong in it.
const EXPECTED: [(u64, u64, &str, &str); 5] = [
    (8, 26, "spec.metrics[0].reportingInterval", "15s"),
    (11, 21, "spec.metrics[0].overrides[0].match.metric", "did you mean `REQUEST_COUNT`?"),
    (12, 21, "spec.metrics[0].overrides[0].disabled", "true or false"),
    (13, 11, "spec.metrics[0].overrides[0].tagOverides", "did you mean `tagOverrides`?"),
    (16, 22, "spec.metrics[0].overrides[1].tagOverrides.method.value", "such as"),
];

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempdir();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a document can be written");
    }
    folder
}

fn check(folder: &TempDir, arguments: &[&str]) -> Program {
    Program::new(["check"]).args(arguments).in_directory(folder.path())
}

#[test]
fn right_documents_exit_0() {
    let quickstart = one_service();
    let check = || Program::new(["check".as_ref(), "-f".as_ref(), quickstart.as_os_str()]);
    let ended = check().run().expect_code(0).expect_said(&["nothing is wrong"]);
    assert_eq!(ended.stdout, "");
    assert_eq!(
        check().args(["-o", "json"]).run().expect_code(0).json(),
        json!({"problems": [], "ignored": []})
    );
}

#[test]
fn every_problem_is_told_at_once_with_its_place_and_help() {
    let folder = folder(&[("wrong.yaml", WRONG)]);
    let ended = check(&folder, &["-f", "wrong.yaml"]).run().expect_code(1).expect_said(&["5 errors"]);
    for (line, column, path, help) in EXPECTED {
        let place = format!("wrong.yaml:{line}:{column}]");
        let at = ended.stdout.find(&place).unwrap_or_else(|| panic!("not told: {place}\n{ended}"));
        let told = &ended.stdout[at..];
        let told = told.split("\nerror ").next().unwrap_or(told);
        assert!(told.contains(path) && told.contains("help: ") && told.contains(help), "{told}");
    }
    // What is wrong is underlined: the line, then a rule below exactly that.
    let lines: Vec<_> = ended.stdout.lines().collect();
    let at = lines.iter().position(|line| line.contains("metric: REQUEST_CUONT")).expect("the text is shown");
    let column = |line: &str, c: fn(char) -> bool| line.chars().position(c).expect("something to find");
    assert_eq!(lines[at + 1].chars().filter(|c| matches!(c, '─' | '┬')).count(), "REQUEST_CUONT".len());
    let shown = lines[at].split("REQUEST_CUONT").next().expect("a beginning").chars().count();
    assert_eq!(column(lines[at + 1], |c| c == '─'), shown);
    assert!(!ended.stdout.contains('\u{1b}'), "colour without a terminal");
}

#[test]
fn programs_get_problems_as_documented() {
    let folder = folder(&[("wrong.yaml", WRONG)]);
    let ended = check(&folder, &["-f", "wrong.yaml", "-o", "json"]).run().expect_code(1);
    assert_eq!(ended.stderr, "");
    let json = ended.json();
    let keys: Vec<_> = json.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["ignored", "problems"]);
    let problems = json["problems"].as_array().expect("a list");
    assert_eq!(problems.len(), EXPECTED.len(), "{ended}");
    for (problem, (line, column, path, help)) in problems.iter().zip(EXPECTED) {
        let keys: BTreeSet<_> = problem.as_object().expect("an object").keys().map(String::as_str).collect();
        let documented = ["code", "severity", "file", "line", "column", "path", "message", "help"];
        assert_eq!(keys, BTreeSet::from(documented), "{problem}");
        assert_eq!(problem["file"], "wrong.yaml");
        assert_eq!((&problem["line"], &problem["column"]), (&json!(line), &json!(column)), "{problem}");
        assert_eq!((&problem["path"], &problem["severity"]), (&json!(path), &json!("error")), "{problem}");
        assert!(problem["help"].as_str().is_some_and(|text| text.contains(help)), "{problem}");
        assert!(problem["code"].as_str().is_some_and(|code| code.starts_with("BG")), "{problem}");
        assert!(problem["message"].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
    }
}

#[test]
fn fail_on_says_how_bad_is_too_bad() {
    let odd = "apiVersion: v1\nkind: Secret\nmetadata: {name: web, namespace: shop}\n";
    let two = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: one, namespace: shop}\nspec: {metrics: [{}]}\n\
        ---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: two, namespace: shop}\nspec: {metrics: [{}]}\n";
    let folder = folder(&[("note.yaml", odd), ("warning.yaml", two), ("error.yaml", WRONG)]);
    for (file, fail_on, code) in [
        ("note.yaml", "error", 0),
        ("note.yaml", "warning", 0),
        ("note.yaml", "note", 1),
        ("warning.yaml", "error", 0),
        ("warning.yaml", "warning", 1),
        ("warning.yaml", "note", 1),
        ("error.yaml", "error", 1),
        ("error.yaml", "warning", 1),
    ] {
        let ended = check(&folder, &["-o", "json", "--fail-on", fail_on, "-f", file]).run().expect_code(code);
        let worst = file.trim_end_matches(".yaml");
        assert_eq!(ended.json()["problems"][0]["severity"], worst, "{ended}");
    }
    assert_eq!(
        check(&folder, &["-f", "warning.yaml"]).run().code,
        Some(0),
        "warnings are no errors by themselves"
    );
}

#[test]
fn warnings_are_ignored_by_annotation_and_by_flag_and_errors_are_not() {
    let document = |annotations: &str, more: &str| {
        format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\n\
             metadata: {{name: t, namespace: shop, annotations: {{{annotations}}}}}\n\
             spec: {{selector: {{}}, metrics: [{{}}]{more}}}\n"
        )
    };
    let folder = folder(&[
        ("told.yaml", &document("", "")),
        ("ignored.yaml", &document("burgee.dev/ignore: BG0217", "")),
        ("error.yaml", &document("burgee.dev/ignore: BG0106", ", metricz: []")),
    ]);
    let run = |arguments: &[&str], code: i32| {
        check(&folder, &["--fail-on", "warning", "-f"]).args(arguments).run().expect_code(code)
    };
    run(&["told.yaml"], 1).expect_said(&["1 file: 1 warning", "`burgee code BG0217` says more"]);
    run(&["told.yaml", "--ignore", "bg0217"], 0).expect_said(&["1 file: nothing is wrong (1 ignored)"]);
    run(&["told.yaml", "--ignore", "BG0106,BG0217"], 0);
    run(&["ignored.yaml"], 0).expect_said(&["nothing is wrong (1 ignored)"]);
    run(&["error.yaml", "--ignore", "BG0217"], 1).expect_said(&["1 error, 1 warning (1 ignored)"]);
    let json = run(&["error.yaml", "-o", "json", "--ignore", "BG0106"], 1).json();
    let codes: Vec<_> =
        json["problems"].as_array().expect("a list").iter().map(|it| it["code"].clone()).collect();
    assert_eq!(codes, ["BG0225", "BG0217", "BG0106", "BG0225"], "{json}");
    check(&folder, &["told.yaml", "--ignore", "BG9999"])
        .run()
        .expect_code(2)
        .expect_said(&["there is no code BG9999", "help: "]);
}

#[test]
fn reports_for_other_programs_go_to_standard_output_and_the_summary_beside() {
    let folder = folder(&[("wrong.yaml", WRONG)]);
    let sarif =
        check(&folder, &["wrong.yaml", "-o", "sarif"]).run().expect_code(1).expect_said(&["5 errors"]);
    assert_eq!(sarif.json()["runs"][0]["results"].as_array().map(Vec::len), Some(EXPECTED.len()));
    let junit =
        check(&folder, &["wrong.yaml", "-o", "junit"]).run().expect_code(1).expect_said(&["5 errors"]);
    assert_eq!(junit.stdout.matches("<failure ").count(), EXPECTED.len(), "{junit}");
}

#[test]
fn series_are_counted_from_a_saved_page() {
    let telemetry = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\n\
        metadata: {name: t, namespace: istio-system, annotations: {burgee.dev/label-sizes: path=30}}\nspec:\n  metrics:\n  \
        - providers: [{name: prometheus}]\n    overrides: [{tagOverrides: {path: {value: request.path}}}]\n";
    let page = "istio_requests_total{reporter=\"source\",response_code=\"200\"} 5\n";
    let folder = folder(&[("t.yaml", telemetry), ("page.txt", page), ("cut.txt", &page[..40])]);
    let json =
        check(&folder, &["t.yaml", "--observed", "page.txt", "-o", "json"]).run().expect_code(0).json();
    let problem = &json["problems"][0];
    assert_eq!((&problem["code"], &problem["severity"]), (&json!("BG0229"), &json!("note")), "{json}");
    assert_eq!(problem["message"], "the 1 series of the page become up to 30: 29 more");
    let cut = check(&folder, &["t.yaml", "--observed", "cut.txt"]).run().expect_code(2);
    cut.expect_said(&["--observed cut.txt is no page of metrics: cut.txt:1:", "help: "]);
    check(&folder, &["t.yaml", "--observed", "nothing.txt"])
        .run()
        .expect_code(2)
        .expect_said(&["cannot be read"]);
}

#[test]
fn a_code_is_explained() {
    let page = Program::new(["code", "BG0217"]).run().expect_code(0);
    assert!(page.stdout.starts_with("# BG0217: A selector without labels\n"), "{page}");
    let all = Program::new(["code"]).run().expect_code(0);
    assert!(all.stdout.contains("  BG0217 warning  A selector without labels\n"), "{all}");
    Program::new(["code", "BG1"]).run().expect_code(2).expect_said(&["there is no code BG1", "help: "]);
}

#[test]
fn a_namespace_that_leads_out_of_a_folder_is_refused() {
    let document = |namespace: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n  name: app\n  \
             namespace: {namespace}\nspec:\n  address: 10.0.0.1\n"
        )
    };
    for namespace in ["../../out", "..", "a/b", "A"] {
        let folder = folder(&[("w.yaml", &document(namespace))]);
        let json = check(&folder, &["-f", "w.yaml", "-o", "json"]).run().expect_code(1).json();
        let problem = &json["problems"][0];
        assert_eq!((&problem["code"], &problem["line"]), (&json!("BG0108"), &json!(5)), "{json}");
    }
    let folder = folder(&[("w.yaml", &document("shop-1"))]);
    check(&folder, &["-f", "w.yaml"]).run().expect_code(0);
}

#[test]
fn what_cannot_be_read_exits_2() {
    let folder = folder(&[]);
    let nowhere = check(&folder, &["-f", "nowhere.yaml"]).run();
    nowhere.expect_code(2).expect_said(&["error: nowhere.yaml is not there", "help: "]);
    check(&folder, &[]).run().expect_code(2).expect_said(&["no documents are named", "help: "]);
    check(&folder, &["-f", "."]).run().expect_code(2).expect_said(&["holds no .yaml", "help: "]);
    check(&folder, &["--fail-on", "sometimes"])
        .run()
        .expect_code(2)
        .expect_said(&["note", "warning", "error"]);
}

#[test]
fn documents_come_from_standard_input_too() {
    let folder = folder(&[]);
    let ended = check(&folder, &["-f", "-", "-o", "json"]).input(WRONG).run().expect_code(1);
    assert_eq!(ended.json()["problems"][0]["file"], "<stdin>");
    let right = fs::read_to_string(one_service().join("telemetry.yaml")).expect("a text");
    check(&folder, &["-f", "-"]).input(&right).run().expect_code(0).expect_said(&["nothing is wrong"]);
}

#[test]
fn an_unknown_provider_is_an_error_only_where_the_mesh_is_known() {
    let telemetry = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t, namespace: shop}\n\
        spec:\n  metrics:\n  - providers: [{name: mine}]\n";
    let folder = folder(&[("t.yaml", telemetry), ("mesh.yaml", "rootNamespace: istio-system\n")]);
    let alone = check(&folder, &["-f", "t.yaml", "-o", "json"]).run().expect_code(0).json();
    assert_eq!(alone["problems"][0]["severity"], "note", "{alone}");
    let known = check(&folder, &["-f", "t.yaml", "mesh.yaml", "-o", "json"]).run().expect_code(1).json();
    assert_eq!(known["problems"][0]["severity"], "error", "{known}");
    assert_eq!(known["problems"][0]["line"], 6, "{known}");
}

#[test]
fn a_kind_that_is_not_known_is_named() {
    let text =
        "apiVersion: networking.istio.io/v1\nkind: EnvoyFilter\nmetadata: {name: f, namespace: shop}\n";
    let folder = folder(&[("f.yaml", text)]);
    let ended = check(&folder, &["-f", "f.yaml"]).run();
    assert!(ended.stdout.contains("EnvoyFilter") && ended.stdout.contains("f.yaml:2:7]"), "{ended}");
}

#[test]
fn what_kubectl_prints_is_read() {
    let item = |field: &str| {
        format!(
            r#"- apiVersion: telemetry.istio.io/v1
  kind: Telemetry
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {{"apiVersion":"telemetry.istio.io/v1","kind":"Telemetry"}}
    creationTimestamp: "2026-01-01T00:00:00Z"
    generation: 2
    managedFields:
    - apiVersion: telemetry.istio.io/v1
      fieldsType: FieldsV1
      fieldsV1:
        f:spec:
          f:metrics: {{}}
      manager: kubectl-client-side-apply
      operation: Update
      time: "2026-01-01T00:00:00Z"
    name: {field}
    namespace: shop
    resourceVersion: "4711"
    uid: 6a5c1f0e-0000-4000-8000-000000000000
  spec:
    selector:
      matchLabels:
        app: {field}
    metrics:
    - providers:
      - name: prometheus
      overrides:
      - tagOverrides:
          method:
            {field}: request.method
  status:
    conditions:
    - lastTransitionTime: "2026-01-01T00:00:00Z"
      status: "True"
      type: Reconciled
"#
        )
    };
    let list = |items: &str| {
        format!("apiVersion: v1\nkind: List\nmetadata:\n  resourceVersion: \"\"\nitems:\n{items}")
    };
    let (right, wrong) = (list(&item("value")), list(&(item("value") + &item("vallue"))));
    let folder = folder(&[("right.yaml", &right), ("wrong.yaml", &wrong)]);
    check(&folder, &["-f", "right.yaml"]).run().expect_code(0).expect_said(&["nothing is wrong"]);
    let json = check(&folder, &["-f", "wrong.yaml", "-o", "json"]).run().expect_code(1).json();
    let problem = &json["problems"][0];
    assert!(
        problem["path"].as_str().is_some_and(|path| path.starts_with("items[1].spec.metrics[0]")),
        "{problem}"
    );
    let line = wrong.lines().position(|line| line.contains("vallue: request.method")).expect("the line") + 1;
    assert_eq!(problem["line"], line, "{problem}");
}

#[test]
fn a_reader_that_went_away_does_not_change_the_exit_code() {
    let folder = folder(&[("wrong.yaml", WRONG)]);
    let gone = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_burgee"));
    command.args(["check", "-f", "wrong.yaml"]).current_dir(folder.path()).stdout(gone()).stderr(gone());
    assert_eq!(command.status().expect("the program starts").code(), Some(1));
}

#[test]
fn documents_can_be_named_without_a_flag_and_count_once_however_they_are_named() {
    let folder = folder(&[("mesh.yaml", "rootNamespace: istio-system\n"), ("wrong.yaml", WRONG)]);
    let ended = check(&folder, &[".", "wrong.yaml", "-f", "wrong.yaml", "-o", "json"]).run().expect_code(1);
    assert_eq!(ended.json()["problems"].as_array().map(Vec::len), Some(EXPECTED.len()), "{ended}");
}

#[cfg(unix)]
#[test]
fn a_folder_with_links_in_a_circle_and_pipes_is_read_once_and_without_waiting() {
    let folder = folder(&[("wrong.yaml", WRONG)]);
    std::os::unix::fs::symlink(".", folder.path().join("again")).expect("a link");
    let pipe = std::process::Command::new("mkfifo").arg(folder.path().join("pipe.yaml")).status();
    assert!(pipe.expect("mkfifo starts").success());
    let ended = check(&folder, &["-f", ".", "-o", "json"]).run().expect_code(1);
    assert_eq!(ended.json()["problems"].as_array().map(Vec::len), Some(EXPECTED.len()), "{ended}");
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling.yaml")).expect("a link");
    check(&folder, &["-f", "."])
        .run()
        .expect_code(2)
        .expect_said(&["dangling.yaml is a link that leads nowhere"]);
}

#[test]
fn a_file_that_is_not_text_is_named() {
    let folder = folder(&[("mesh.yaml", "rootNamespace: istio-system\n")]);
    fs::write(folder.path().join("latin.yaml"), b"name: caf\xe9\n").expect("a file can be written");
    let ended = check(&folder, &["-f", "."]).run().expect_code(1).expect_said(&["2 files: 1 error"]);
    assert!(ended.stdout.contains("latin.yaml:1:10: the file is not text in UTF-8"), "{ended}");
}

/// What the page about continuous integration has people type.
#[test]
fn the_commands_of_the_page_about_continuous_integration_work() {
    let page = fs::read_to_string(root().join("docs/ci.md")).expect("the page");
    let mut commands: Vec<&str> = Vec::new();
    for block in page.split("```sh\n").skip(1) {
        commands.extend(block.split("```").next().unwrap_or_default().lines());
    }
    // What the fragments for servers run is what was typed before.
    let in_fragments = page.lines().filter_map(|line| line.trim_start().strip_prefix("- "));
    let run =
        in_fragments.map(|line| line.trim_start_matches("run: ")).filter(|line| line.starts_with("burgee "));
    let run: Vec<&str> = run.collect();
    assert!(run.len() == 2 && run.iter().all(|command| commands.contains(command)), "{run:?}");
    assert!(commands.len() > 3, "{commands:?}");
    let folder = folder(&[]);
    fs::create_dir(folder.path().join("mesh")).expect("a folder");
    let mesh = "rootNamespace: istio-system\n---\napiVersion: v1\nkind: Thing\nmetadata: {name: t}\n";
    fs::write(folder.path().join("mesh/mesh.yaml"), mesh).expect("a file");
    fs::write(folder.path().join("page.txt"), "istio_requests_total{reporter=\"source\"} 1\n")
        .expect("a file");
    for command in commands {
        let arguments = command.strip_prefix("burgee ").unwrap_or_else(|| panic!("{command} is not ours"));
        let arguments = arguments.split(" > ").next().unwrap_or_default().split_whitespace();
        let ended = Program::new(arguments).in_directory(folder.path()).run().expect_code(0);
        assert!(ended.stderr.contains("1 file: "), "{command}: {ended}");
    }
}

#[test]
fn a_configuration_is_judged_by_the_schema_of_its_module_where_that_is_at_hand() {
    let schema =
        r#"{"properties": {"port": {"type": "integer", "maximum": 65535}}, "additionalProperties": false}"#;
    let plugin = |name: &str, annotation: &str, config: &str| {
        format!(
            "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: {name}\n  annotations: \
             {{burgee.dev/module: {annotation}}}\nspec:\n  url: oci://registry.example/{name}:1\n  pluginConfig: {config}\n"
        )
    };
    let documents = [
        plugin("crate", "filter", "{prot: 80}"),
        plugin("module", "filter.wasm", "{port: 70000}"),
        plugin("silent", "other.wasm", "{port: 70000}"),
        plugin("broken", "broken", "{port: 1}"),
    ]
    .concat();
    let folder = folder(&[("plugins.yaml", &documents)]);
    let section =
        format!(r#"(module (@custom "burgee.configuration_schema" "{}"))"#, schema.replace('"', "\\\""));
    for (file, text) in [("filter.wasm", &*section), ("other.wasm", "(module)")] {
        fs::write(folder.path().join(file), wat::parse_str(text).expect("a module")).expect("a module");
    }
    for (of, text) in [("filter", schema), ("broken", "{")] {
        fs::create_dir(folder.path().join(of)).expect("a crate");
        fs::write(folder.path().join(of).join("configuration.schema.json"), text).expect("a schema");
    }
    let ended = check(&folder, &["plugins.yaml", "-o", "json", "--ignore", "BG0217"]).run().expect_code(1);
    let found: Vec<String> = ended.json()["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|problem| {
            let [code, file, line, column, path] = ["code", "file", "line", "column", "path"]
                .map(|key| problem[key].to_string().replace('"', ""));
            format!("{code} {file}:{line}:{column} {path}")
        })
        .collect();
    assert_eq!(
        found,
        [
            "BG0262 plugins.yaml:9:18 spec.pluginConfig.prot",
            "BG0264 plugins.yaml:18:24 spec.pluginConfig.port",
            "BG0265 plugins.yaml:29:1 spec.pluginConfig",
        ]
    );
}
