//! `burgee module`: from a crate to a module that may be published, as people type it.

use std::fs;

use serde_json::Value;

use crate::support::program::Program;
use crate::support::tempdir;

#[test]
fn a_filter_is_built_told_and_verified() {
    let folder = tempdir();
    let file = folder.path().join("headers.wasm");
    let text = file.display().to_string();
    let built =
        Program::new(["module", "build", "headers", "--out", &text, "-o", "json"]).run().expect_code(0);
    let built: Value = serde_json::from_str(&built.stdout).expect("JSON");
    let bytes = fs::read(&file).expect("the module");
    assert_eq!(built["bytes"], bytes.len());
    assert_eq!(built["package"]["name"], "burgee-headers");
    // It has the lines of the same code.
    let symbols = fs::read(built["symbols"].as_str().expect("a path")).expect("names and lines");
    assert!(symbols.len() > bytes.len());

    let told = Program::new(["module", "inspect", &text, "-o", "json"]).run().expect_code(0);
    let told: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(told["sha256"], built["sha256"]);
    assert_eq!(told["package"], built["package"]);
    assert_eq!(told["abiVersions"], serde_json::json!(["0.2.1"]));
    assert_eq!(told["debugBytes"], 0);
    assert_eq!(told["faults"], serde_json::json!([]));
    let callbacks: Vec<&str> =
        told["callbacks"].as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect();
    assert!(callbacks.contains(&"proxy_on_response_headers"), "{callbacks:?}");
    assert!(!callbacks.contains(&"proxy_on_response_body"), "{callbacks:?}");

    let verify = |configuration: &str| {
        Program::new(["module", "verify", &text, "--config", "-"]).input(configuration).run()
    };
    let good = verify(r#"{"response": {"set": {"x-by": "burgee"}}}"#).expect_code(0);
    assert!(good.stdout.contains("may be published"), "{good}");
    verify(r#"{"response": {"set": {"x-by": 1}}}"#).expect_code(1).expect_said(&[
        "error configuration-refused: the module refuses its configuration",
        "log error: the configuration is refused: response.set.x-by: expected a string",
        "help: write what it takes",
    ]);
    // What was built is what is there, and nothing else.
    let names: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["headers.wasm"]);
}

#[test]
fn what_cannot_be_built_or_read_is_told_and_leaves_no_file() {
    let folder = tempdir();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(folder.path().join("text.wasm"), "a text").expect("a file");
    for (arguments, code, said) in [
        (vec!["build", "heders", "--out", &path("x.wasm")], 2, "no filter of Burgee's of the name heders"),
        (vec!["build", &path(""), "--out", &path("x.wasm")], 2, "it holds no Cargo.toml"),
        (vec!["build", "headers", "--no-symbols", "--out", &path("absent/x.wasm")], 2, "cannot be written"),
        (vec!["inspect", &path("text.wasm")], 2, "it begins with 61 20 74 65"),
        (vec!["inspect", &path("x.wasm")], 2, "cannot be read"),
        (vec!["verify", &path("text.wasm")], 1, "error not-a-module: this is not WebAssembly"),
    ] {
        Program::new(["module"]).args(arguments).run().expect_code(code).expect_said(&[said]);
    }
    assert!(!folder.path().join("x.wasm").exists());
    let program = Program::new(["module", "build", "headers", "--optimize", "--out", &path("x.wasm")]);
    program
        .env("WASM_OPT", "/nowhere/wasm-opt")
        .run()
        .expect_code(2)
        .expect_said(&["`/nowhere/wasm-opt` cannot be started", "install Binaryen"]);
    assert!(!folder.path().join("x.wasm").exists());
}
