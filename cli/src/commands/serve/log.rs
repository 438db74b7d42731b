//! The log: lines for people, or an object per line for programs; on standard error.

use std::io::Write as _;

use burgee_api::Problem;
use burgee_api::document::Source;
use burgee_api::text::clean;
use log::LevelFilter;

use crate::args::{LogFormat, LogLevel};
use crate::report;

/// Begins to log.
pub(super) fn begin(format: LogFormat, level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::Error,
        LogLevel::Warn => LevelFilter::Warn,
        LogLevel::Info => LevelFilter::Info,
        LogLevel::Debug => LevelFilter::Debug,
    };
    let mut builder = env_logger::Builder::new();
    // Of libraries only what is wrong.
    builder.filter_level(LevelFilter::Warn);
    for ours in [
        "proxy",
        "push",
        "lay",
        "base",
        "documents",
        "state",
        "upstream",
        "connection",
        "admin",
        "tls",
        "trace",
    ] {
        builder.filter_module(ours, level);
    }
    builder.target(env_logger::Target::Stderr).format(move |out, record| {
        let time = out.timestamp_millis();
        let (level, target) = (record.level().as_str().to_ascii_lowercase(), record.target());
        let message = record.args().to_string();
        match format {
            LogFormat::Text => writeln!(out, "{time} {level:5} {target:9} {}", clean(&message)),
            LogFormat::Json => {
                let line = serde_json::json!({
                    "time": time.to_string(), "level": level, "target": target, "message": message,
                });
                writeln!(out, "{line}")
            }
        }
    });
    // Somebody else's logger would be one of a test.
    let _ = builder.try_init();
}

/// Says what is wrong with documents or a base.
pub(super) fn problems(format: LogFormat, problems: &[Problem], texts: &[Source]) {
    match format {
        LogFormat::Text => report::print_aside_briefly(problems, texts),
        LogFormat::Json => {
            for problem in problems {
                let place = problem.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
                let level = match problem.severity {
                    burgee_api::Severity::Error => log::Level::Error,
                    burgee_api::Severity::Warning => log::Level::Warn,
                    burgee_api::Severity::Note => log::Level::Info,
                };
                log::log!(target: "documents", level, "{place}{} {}: {}", problem.code, problem.message, problem.help);
            }
        }
    }
}
