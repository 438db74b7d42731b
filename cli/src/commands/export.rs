//! `burgee export compose`: a folder's mesh as a folder that `docker compose up` runs.

mod folder;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use burgee_api::problem::worst;
use burgee_api::{Problem, Severity};
use burgee_localnet::envoy::Prospect;
use burgee_localnet::export::{DOCUMENTS_DIRECTORY, Export, ExportInputs, STUB_FILE, export};
use burgee_localnet::{Modules, envoy};

use crate::judging::check;
use crate::plan::ComposePlan;
use crate::progress::Steps;
use crate::sources::Sources;
use crate::{Failure, Outcome, environment, output, plugin_modules, report, sources};
use folder::{File, Files, Target};

/// The name of Envoy's official image, without a tag.
const IMAGE: &str = "envoyproxy/envoy";
/// What a program for Linux begins with.
const PROGRAM_MAGIC: &[u8] = b"\x7fELF";

/// Runs the command.
pub(crate) fn run(plan: &ComposePlan) -> Result<Outcome, Failure> {
    let target = Target::look(&plan.output)?;
    check_apart(&plan.directory, &plan.output)?;
    let mut sources = sources::read(std::slice::from_ref(&plan.directory))?;
    let mut checked = check(&sources.texts);
    checked.problems.splice(0..0, std::mem::take(&mut sources.problems));
    checked.problems.extend(super::not_run(&checked.resources));
    checked.problems.extend(environment::doubts(&checked.resources));
    if worst(&checked.problems) == Some(Severity::Error) {
        checked.problems.extend(plugin_modules::all_not_there(&checked.resources));
        return Ok(refuse(&checked.problems, &sources));
    }
    let steps = Steps::new();
    let telemetry = super::telemetry_module(plan.module.as_deref(), &steps)?;
    let (plugins, missing) = plugin_modules::resolve(&checked.resources, &plan.sources, &steps);
    let image = match &plan.image {
        Some(image) => image.clone(),
        None => image(&steps)?,
    };
    let modules = Modules { telemetry, plugins };
    let command = command(plan);
    let inputs = ExportInputs {
        resources: &checked.resources,
        policy: &environment::policies(checked.resources.clone(), plan.metrics),
        modules: &modules,
        image: &image,
        command: &command,
    };
    let mut problems = checked.problems;
    problems.extend(missing);
    let exported = match export(inputs) {
        Ok(exported) => exported,
        Err(more) => {
            problems.extend(more);
            steps.clear();
            return Ok(refuse(&problems, &sources));
        }
    };
    problems.extend(exported.problems.iter().cloned());
    if worst(&problems) == Some(Severity::Error) {
        steps.clear();
        return Ok(refuse(&problems, &sources));
    }
    let program = program(plan.stub.as_deref(), &steps)?;
    let files = files(exported, program, &sources, &plan.directory)?;
    steps.clear();
    report::print_aside(&problems, &sources.texts);
    let written = target.write(&files, Export::order, plan.force)?;
    let out = plan.output.display();
    output::text_line(&format!(
        "{out}: {} files, {written} of them written. Next: cd {} && docker compose up -d (or docker-compose up -d, \
         where that is the command); README.md says what to ask",
        files.len(),
        word(&plan.output),
    ))?;
    Ok(Outcome::Done)
}

/// Says why nothing is written.
fn refuse(problems: &[Problem], sources: &Sources) -> Outcome {
    report::print_aside(problems, &sources.texts);
    report::aside(&format!("nothing is written: {}", report::count(problems)));
    Outcome::Found
}

/// A folder that is written into the documents' own would be read as documents the next time.
fn check_apart(documents: &Path, out: &Path) -> Result<(), Failure> {
    let real = |path: &Path| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // What is not there yet is where the part of it is that is there.
        let there = absolute.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
        there.map_or(absolute.clone(), |(part, real)| match absolute.strip_prefix(part) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            Ok(_) | Err(_) => real,
        })
    };
    let (inner, outer) = (real(out), real(documents));
    if inner.starts_with(&outer) || outer.starts_with(&inner) {
        return Err(Failure::new(
            format!("{} and {} are one in the other", documents.display(), out.display()),
            "write to a folder beside the documents' own",
        ));
    }
    Ok(())
}

/// Envoy's official image of the version that `up` would use; nothing is fetched to find out.
fn image(steps: &Steps) -> Result<String, Failure> {
    steps.step("Looking for Envoy");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}"), ""))?;
    let version = match runtime.block_on(envoy::look()) {
        Ok(Prospect::Here(envoy)) => envoy.version,
        // Containers have an Envoy of their own; that this machine has none does not matter.
        Ok(Prospect::Broken { .. } | Prospect::Fetched { .. }) | Err(_) => envoy::VERSION.to_owned(),
    };
    Ok(format!("{IMAGE}:v{version}"))
}

/// The command that writes the folder again, for its README.
fn command(plan: &ComposePlan) -> String {
    let mut command = format!("burgee export compose {} -o {}", word(&plan.directory), word(&plan.output));
    for (flag, path) in [("--module", &plan.module), ("--stub", &plan.stub)] {
        if let Some(path) = path {
            command.push_str(&format!(" {flag} {}", word(path)));
        }
    }
    if let Some(image) = &plan.image {
        command.push_str(&format!(" --image {image}"));
    }
    command
}

/// A path as a shell reads it.
fn word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@%,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// The program of apps and receiver: the one named, else the one that is built here.
fn program(named: Option<&Path>, steps: &Steps) -> Result<Vec<u8>, Failure> {
    let Some(file) = named else {
        let is_told = Cell::new(false);
        let tell = |step: &str| {
            // Where nothing is compiled, there is nothing to wait for.
            if is_compiling(step) && !is_told.replace(true) {
                steps.say(
                    "building the apps' program for containers; the first time this takes a minute or two",
                );
            }
            steps.step(step);
        };
        return burgee_modules::build_program("burgee-stub", &tell).map_err(super::failure);
    };
    let help = "name burgee-stub as built for Linux, or leave --stub out to have it built";
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::new(format!("--stub {} cannot be read: {error}", file.display()), help))?;
    if !bytes.starts_with(PROGRAM_MAGIC) {
        return Err(Failure::new(format!("--stub {} is not a program for Linux", file.display()), help));
    }
    Ok(bytes)
}

/// Whether a step of cargo's is that something is fetched or compiled.
fn is_compiling(step: &str) -> bool {
    ["Compiling", "Downloading"].iter().any(|verb| step.starts_with(verb))
}

/// Every file of the folder.
fn files(exported: Export, program: Vec<u8>, sources: &Sources, directory: &Path) -> Result<Files, Failure> {
    let mut files = Files::new();
    let texts = exported.texts.into_iter();
    files.extend(texts.map(|(path, text)| (path, File { bytes: text.into_bytes(), is_program: false })));
    for (path, module) in exported.modules {
        let bytes = std::fs::read(&module).map_err(|error| {
            Failure::new(format!("the module {module} cannot be read: {error}"), "run the command again")
        })?;
        files.insert(path, File { bytes, is_program: false });
    }
    for source in &sources.texts {
        let path = PathBuf::from(&*source.name);
        let inner = path.strip_prefix(directory).unwrap_or(&path).to_string_lossy().into_owned();
        let bytes = source.text.as_bytes().to_vec();
        files.insert(format!("{DOCUMENTS_DIRECTORY}/{inner}"), File { bytes, is_program: false });
    }
    files.insert(STUB_FILE.to_owned(), File { bytes: program, is_program: true });
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_a_shell_reads_them() {
        for (path, expected) in
            [("a/b-c.d", "a/b-c.d"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$HOME", "'$HOME'")]
        {
            assert_eq!(word(Path::new(path)), expected);
        }
    }

    #[test]
    fn only_what_takes_time_is_announced() {
        for (step, expected) in [
            ("Compiling tokio v1.47.0", true),
            ("Downloading crates ...", true),
            ("building burgee-stub for containers", false),
            ("Blocking waiting for file lock on build directory", false),
        ] {
            assert_eq!(is_compiling(step), expected, "{step}");
        }
    }

    #[test]
    fn neither_folder_may_be_in_the_other() {
        let root = tempfile::tempdir().unwrap();
        let documents = root.path().join("documents");
        std::fs::create_dir(&documents).unwrap();
        for (out, is_fine) in [
            (root.path().join("out"), true),
            (root.path().join("documents-2/x"), true),
            (documents.join("out/deep"), false),
            (documents.clone(), false),
            (root.path().to_owned(), false),
        ] {
            assert_eq!(check_apart(&documents, &out).is_ok(), is_fine, "{}", out.display());
        }
    }
}
