//! How what commands say is printed, as an argument.

use clap::ValueEnum;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs, as JSON.
    Json,
    /// For programs, as YAML.
    Yaml,
}

/// How what `check` finds is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people.
    Text,
    /// For programs, as JSON.
    Json,
    /// For programs, as YAML.
    Yaml,
    /// For code scanning, as SARIF 2.1.0.
    Sarif,
    /// For test reports, as JUnit's XML.
    Junit,
}

/// How a tree is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TreeFormat {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// How what came of tests is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestFormat {
    /// For people.
    Text,
    /// For programs, as JSON.
    Json,
    /// For test reports, as JUnit's XML.
    Junit,
}
