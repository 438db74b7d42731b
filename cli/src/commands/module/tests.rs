//! Tests of `burgee module`.

use clap::Parser;

use super::*;
use crate::args::{Args, Command};

fn module(text: &str) -> Result<Outcome, Failure> {
    let args = Args::try_parse_from(text.split_whitespace()).expect("arguments");
    let Command::Module(command) = args.command else { panic!("it is another command") };
    run(&command)
}

fn wat(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")) (func (export "_initialize"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.load8_u (i32.const 0)))
            (func (export "proxy_on_configure") (param i32 i32) (result i32) {body}))"#
    );
    wat::parse_str(text).expect("a module")
}

#[test]
fn what_a_command_ends_with_is_by_what_it_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    write(&path("good.wasm"), &wat("(i32.const 1)")).expect("it is written");
    // It wants a configuration of two bytes.
    write(&path("asks.wasm"), &wat("(i32.eq (local.get 1) (i32.const 2))")).expect("it is written");
    write(&path("plain.wasm"), &wat::parse_str("(module)").expect("a module")).expect("it is written");
    write(&path("text.wasm"), b"not a module").expect("it is written");
    write(&path("config"), b"{}").expect("it is written");
    let shown = folder.path().display();
    for (arguments, expected) in [
        (format!("inspect {shown}/good.wasm"), Some(Outcome::Done)),
        (format!("inspect {shown}/good.wasm -o json"), Some(Outcome::Done)),
        (format!("inspect {shown}/good.wasm -o yaml"), Some(Outcome::Done)),
        (format!("inspect {shown}/plain.wasm"), Some(Outcome::Found)),
        (format!("inspect {shown}/text.wasm"), None),
        (format!("inspect {shown}/absent.wasm"), None),
        (format!("inspect {shown}"), None),
        (format!("verify {shown}/good.wasm"), Some(Outcome::Done)),
        (format!("verify {shown}/good.wasm --kind network"), Some(Outcome::Found)),
        (format!("verify {shown}/asks.wasm -o json"), Some(Outcome::Found)),
        (format!("verify {shown}/asks.wasm --config {shown}/config"), Some(Outcome::Done)),
        (format!("verify {shown}/asks.wasm --config {shown}/absent"), None),
        (format!("verify {shown}/text.wasm"), Some(Outcome::Found)),
        (format!("verify {shown}/good.wasm --env TENANT"), None),
        ("verify - --config -".to_owned(), None),
        (format!("build {shown}/absent --out {shown}/x.wasm"), None),
        (format!("build {shown} --out {shown}/x.wasm"), None),
    ] {
        let found = module(&format!("burgee module {arguments}"));
        assert_eq!(found.as_ref().ok(), expected.as_ref(), "{arguments}: {found:?}");
    }
    assert!(!path("x.wasm").exists());
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("filter.wasm");
    write(&file, b"one").expect("it is written");
    write(&file, b"two").expect("it is written over");
    assert_eq!(fs::read(&file).expect("it is there"), b"two");
    assert!(write(folder.path(), b"three").is_err());
    assert!(write(&folder.path().join("absent/filter.wasm"), b"three").is_err());
    let names: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["filter.wasm"]);
}
