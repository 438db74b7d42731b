//! `burgee export compose`: the folder, and what it does on a real Docker engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;

use crate::support::docker::{Project, engine};
use crate::support::program::{Ended, Program};
use crate::support::{envoy, eventually, http, module, one_service, quickstart, root, tempdir};

const HOST: &str = "hello.quickstart.internal";

/// Exports documents to a folder of a directory.
fn export(documents: &Path, directory: &Path, out: &str, more: &[&str]) -> Ended {
    // The first build takes minutes, which no run of the program is given.
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        burgee_modules::build_program("burgee-stub", &|_: &str| {})
            .unwrap_or_else(|error| panic!("burgee-stub does not build: {error}"));
    });
    Program::new(["export", "compose"])
        .args([documents.as_os_str(), "-o".as_ref(), out.as_ref(), "--module".as_ref(), module().as_os_str()])
        .args(more)
        .in_directory(directory)
        .run()
}

/// A copy of the quickstart's documents, to be changed.
fn copy_of_quickstart() -> TempDir {
    let copy = tempdir();
    for entry in fs::read_dir(quickstart()).expect("the documents are there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = fs::read_to_string(&path).expect("a text");
            // A module's place is taken from the document's.
            let text = text.replace("../../filters", &root().join("filters").to_string_lossy());
            fs::write(copy.path().join(path.file_name().expect("a name")), text).expect("a copy");
        }
    }
    copy
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("a document");
    assert!(text.contains(from), "{} has `{from}`", file.display());
    fs::write(file, text.replace(from, to)).expect("the document is changed");
}

/// Every file below a folder with its content, by path.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let bytes = fs::read(&path).expect("a file");
                found.push((path.strip_prefix(folder).expect("below it").to_owned(), bytes));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_same_documents_give_the_same_folder_and_nothing_is_left_beside_it() {
    let directories = [tempdir(), tempdir()];
    let [one, other] = directories.each_ref().map(|directory| {
        let ended = export(&one_service(), directory.path(), "out", &[]);
        assert_eq!(ended.code, Some(0), "{ended}");
        let next =
            "Next: cd out && docker compose up -d (or docker-compose up -d, where that is the command)";
        assert!(ended.stdout.contains(next), "{ended}");
        assert_eq!(fs::read_dir(directory.path()).expect("a folder").count(), 1);
        contents(&directory.path().join("out"))
    });
    assert!(one == other, "two exports differ");
    let image = format!("image: \"envoyproxy/envoy:v{}\"", envoy().version);
    let (_, compose) =
        one.iter().find(|(path, _)| path == Path::new("compose.yaml")).expect("a compose file");
    assert!(String::from_utf8_lossy(compose).contains(&image));
}

#[test]
fn nothing_is_written_for_documents_that_are_wrong_or_into_a_folder_of_somebody_else() {
    let directory = tempdir();
    let documents = directory.path().join("documents");
    fs::create_dir(&documents).expect("a folder");
    fs::write(documents.join("bad.yaml"), "kind: Telemetry\nspec: 1\n").expect("a document");
    let ended = export(&documents, directory.path(), "out", &[]);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("nothing is written"), "{ended}");
    assert!(!directory.path().join("out").exists());

    let ended = export(&one_service(), directory.path(), "out", &["--stub", "documents/bad.yaml"]);
    assert_eq!(ended.code, Some(2), "{ended}");
    assert!(ended.stderr.contains("documents/bad.yaml is not a program for Linux"), "{ended}");
    assert!(!directory.path().join("out").exists());

    let ended = export(&one_service(), directory.path(), "documents", &["--force"]);
    assert_eq!(ended.code, Some(2), "{ended}");
    assert!(ended.stderr.contains("is not empty") && ended.stderr.contains("help: "), "{ended}");
    assert_eq!(fs::read_dir(&documents).expect("a folder").count(), 1);
}

#[test]
fn docker_runs_the_folder_and_running_proxies_take_a_changed_one() {
    let Some(engine) = engine() else { return };
    let image = engine.image();
    let (documents, directory) = (copy_of_quickstart(), tempdir());
    let out = directory.path().join("out");
    let export = || {
        let ended = export(documents.path(), directory.path(), "out", &["--image", &image]);
        assert_eq!(ended.code, Some(0), "{ended}");
    };
    export();

    // Free now; nobody else is likely to take it in the meantime.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.expect("a port").port().to_string();
    let project = Project::new(&engine, &out, &[("GATEWAY_PORT", port.clone())]);
    let started = project.compose(&engine.start_arguments());
    assert!(started.is_success, "{}", started.text);
    let address = format!("127.0.0.1:{port}");
    let answer = eventually("an answer through the gateway", || {
        let answer = http::get(&address, HOST, "/")?;
        if answer.status == 200 { Ok(answer) } else { Err(format!("{answer:?}")) }
    });
    let expected = "hello from quickstart/hello-v1\n  http://greeting.quickstart.internal/ 200: hello from quickstart/greeting-v1\n";
    assert_eq!(answer.body, expected);
    assert_eq!(answer.header("x-served-by"), Some("burgee"));

    // What the proxies count, on both sides of the call.
    for (container, reporter, destination) in [
        ("istio-ingressgateway", "source", "hello"),
        ("hello-v1", "source", "greeting"),
        ("hello-v1", "destination", "hello"),
        ("greeting-v1", "destination", "greeting"),
    ] {
        let admin = project.port(container, "9901");
        eventually("a series", || {
            let page = http::get(&admin, "admin", "/stats/prometheus")?.body;
            let is_wanted = |line: &&str| {
                line.starts_with("istio_requests_total{")
                    && line.contains(&format!("reporter=\"{reporter}\""))
                    && line.contains(&format!("destination_canonical_service=\"{destination}\""))
            };
            page.lines()
                .find(is_wanted)
                .map(|_| ())
                .ok_or(format!("{container} {reporter} {destination}: {page}"))
        });
    }

    // What they report and log.
    eventually("what the receiver prints", || {
        let text = project.logs("receiver");
        let wanted = [
            "span istio-system/istio-ingressgateway gateway otel-trace  server ",
            "span quickstart/hello-v1 inbound otel-trace  server ",
            "span quickstart/hello-v1 outbound otel-trace  client ",
            "span quickstart/greeting-v1 inbound otel-trace  server ",
            "log  quickstart/hello-v1 inbound otel-log  GET / 200",
        ];
        let missing: Vec<&str> = wanted.into_iter().filter(|line| !text.contains(line)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("no {missing:?} in {text}")) }
    });
    eventually("the gateway's access log", || {
        let text = project.logs("istio-ingressgateway");
        if text.contains("GET / 200") { Ok(()) } else { Err(text) }
    });

    // Documents that change take effect by being exported again.
    let before = project.starts();
    replace(&documents.path().join("plugin.yaml"), "x-served-by: burgee", "x-served-by: harbour");
    export();
    eventually("the plugin's new configuration", || {
        let answer = http::get(&address, HOST, "/")?;
        if answer.header("x-served-by") == Some("harbour") { Ok(()) } else { Err(format!("{answer:?}")) }
    });
    assert_eq!(project.starts(), before, "no container was started anew");
}
