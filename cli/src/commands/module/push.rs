//! `burgee module pack`, `push` and `pull`: modules as images, in folders and in registries.

use std::collections::BTreeMap;

use burgee_modules::inspect::inspect;
use burgee_modules::lint::{Severity, lint};
use burgee_modules::{PackageFacts, package_facts};
use burgee_supply::{Form, Image, SigningKey, pack};
use serde::Serialize;

use super::remote::{self, Origin};
use crate::args::{Format, ImageArgs, ImageForm, PackArgs, PullArgs, PushArgs};
use crate::progress::Steps;
use crate::{Failure, Outcome, fetching, output, report};

/// What annotations of ours begin with.
const OURS: &str = "dev.burgee.module.";

/// The most bytes that the schema of a configuration may have to stand among the annotations.
const MOST_SCHEMA: usize = 16 * 1024;

/// What was made or fetched, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    /// The digest of the module.
    module: String,
    bytes: usize,
    /// What to write into a document: with the digest of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// Writes a module as an image's folder.
pub(super) fn pack_into(args: &PackArgs) -> Result<Outcome, Failure> {
    let module = super::read(&args.module, "the module")?;
    let (image, annotations) = image(&module, &args.image)?;
    if args.out.exists() {
        let message = format!("{} is there already", args.out.display());
        return Err(Failure::new(
            message,
            "name a folder that is not there yet, so that nothing is overwritten",
        ));
    }
    image.write_layout(&args.out, &args.tag).map_err(remote::failure)?;
    let file = args.out.to_string_lossy().into_owned();
    let made = Made { file: Some(file), ..made(&module, &image, annotations) };
    show(args.output, &made, &format!("oci:{}:{}", args.out.display(), args.tag))
}

/// Pushes a module.
pub(super) fn push(args: &PushArgs) -> Result<Outcome, Failure> {
    let request = remote::request(&args.url)?;
    let key = args.sign.as_deref().map(|file| {
        let text = super::read(file, "the key")?;
        SigningKey::parse(&String::from_utf8_lossy(&text)).map_err(|error| {
            Failure::new(
                format!("--sign {}: {error}", file.display()),
                "`cosign import-key-pair` goes the other way",
            )
        })
    });
    let key = key.transpose()?;
    let module = super::read(&args.module, "the module")?;
    let (image, annotations) = image(&module, &args.image)?;
    let steps = Steps::new();
    let supply = remote::supply(&request, &args.registry)?;
    let pushed = fetching::wait(supply.push(&image, &request, key.as_ref(), &fetching::tell(&steps)))
        .map_err(remote::failure)?;
    drop(steps);
    let made = Made { url: Some(pushed.to_string()), ..made(&module, &image, annotations) };
    show(args.output, &made, &pushed.to_string())
}

/// Fetches a module into a file.
pub(super) fn pull(args: &PullArgs) -> Result<Outcome, Failure> {
    let mut request = remote::request(&args.url)?;
    request.sha256.clone_from(&args.sha256);
    request.keys.extend(args.key.as_deref().map(remote::public_key).transpose()?);
    let steps = Steps::new();
    let fetched = remote::fetch(&request, &args.registry, &steps)?;
    drop(steps);
    super::write(&args.out, &fetched.bytes)?;
    let origin = Origin::of(&args.url, &fetched);
    match args.output {
        Format::Text => {
            for line in origin.lines() {
                report::aside(&line);
            }
            if let Some(pinned) = fetched.pinned {
                report::aside(&format!("the digest that was asked for is {pinned}"));
            }
            output::text_line(&format!("sha256:{}  {}", fetched.sha256, args.out.display()))?;
        }
        format => {
            let made = Made {
                module: format!("sha256:{}", fetched.sha256),
                bytes: fetched.bytes.len(),
                url: Some(args.url.clone()),
                image: fetched.manifest.as_ref().map(|hex| format!("sha256:{hex}")),
                annotations: fetched.annotations.clone(),
                file: Some(args.out.to_string_lossy().into_owned()),
            };
            print(format, &made)?;
        }
    }
    Ok(Outcome::Done)
}

fn made(module: &[u8], image: &Image, annotations: BTreeMap<String, String>) -> Made {
    Made {
        module: format!("sha256:{}", burgee_modules::digest(module)),
        bytes: module.len(),
        url: None,
        image: Some(image.digest.clone()),
        annotations,
        file: None,
    }
}

fn show(format: Format, made: &Made, name: &str) -> Result<Outcome, Failure> {
    if format == Format::Text {
        report::aside(&format!("module    {} ({} bytes)", made.module, made.bytes));
        remote::annotation_lines(&made.annotations).for_each(|line| report::aside(&line));
        output::text_line(&format!("{}  {name}", made.image.as_deref().unwrap_or_default()))?;
    } else {
        print(format, made)?;
    }
    Ok(Outcome::Done)
}

fn print(format: Format, made: &Made) -> Result<(), Failure> {
    match format {
        Format::Yaml => output::yaml(made),
        _ => output::json(made),
    }
}

/// A module as an image, and what the image says of it. What no proxy could run is not published.
fn image(module: &[u8], args: &ImageArgs) -> Result<(Image, BTreeMap<String, String>), Failure> {
    let inspection = inspect(module).map_err(|error| Failure::new(error.to_string(), ""))?;
    let faults = lint(&inspection);
    super::inspect::tell(&faults);
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        return Err(Failure::new(
            "no proxy could run this module, so it is not packed",
            "mend what is said above",
        ));
    }
    let mut annotations = known(module, inspection.abi_versions.first().map(String::as_str));
    let schema = inspection.configuration_schema.as_ref().map(ToString::to_string);
    if let Some(schema) = schema.filter(|schema| schema.len() <= MOST_SCHEMA) {
        annotations.insert(format!("{OURS}configuration-schema"), schema);
    }
    for pair in &args.annotations {
        match pair.split_once('=') {
            Some((name, "")) if !name.is_empty() => drop(annotations.remove(name)),
            Some((name, value)) if !name.is_empty() => {
                annotations.insert(name.to_owned(), value.to_owned());
            }
            _ => {
                return Err(Failure::new(
                    format!("--annotation {pair}: this is no NAME=VALUE"),
                    "write one, such as --annotation org.opencontainers.image.version=1.2",
                ));
            }
        }
    }
    let form = match args.form {
        ImageForm::Image => Form::Image,
        ImageForm::Artifact => Form::Artifact,
    };
    Ok((pack(module, &annotations, form).map_err(remote::failure)?, annotations))
}

/// What a module says of itself, by the names that registries know.
fn known(module: &[u8], abi: Option<&str>) -> BTreeMap<String, String> {
    let PackageFacts { name, version, description, license, source, minimum_envoy, phase } =
        package_facts(module).unwrap_or_default();
    let some = |text: String| (!text.is_empty()).then_some(text);
    [
        ("org.opencontainers.image.title".to_owned(), some(name)),
        ("org.opencontainers.image.version".to_owned(), some(version)),
        ("org.opencontainers.image.description".to_owned(), description),
        ("org.opencontainers.image.licenses".to_owned(), license),
        ("org.opencontainers.image.source".to_owned(), source),
        (format!("{OURS}minimum-envoy"), minimum_envoy),
        (format!("{OURS}phase"), phase),
        (format!("{OURS}abi"), abi.map(str::to_owned)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}
