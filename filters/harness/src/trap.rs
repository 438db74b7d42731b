//! How a module ends before its time, with the functions that it was in.

use std::fmt;

use wasmtime::{FrameInfo, WasmBacktrace};

/// A module that ended before its time: by an instruction that cannot be carried out, by a loop without end, or by
/// doing what Envoy does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// What happened.
    pub reason: String,
    /// The callback in which it happened.
    pub callback: String,
    /// The functions that were running, the innermost first.
    pub frames: Vec<Frame>,
}

/// A function that was running, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its name if the module says it, else its number.
    pub function: String,
    /// File and line, if the module has them.
    pub place: Option<String>,
}

impl Trap {
    pub(crate) fn of(error: &wasmtime::Error, callback: &str) -> Trap {
        let reason = match error.downcast_ref::<wasmtime::Trap>() {
            Some(wasmtime::Trap::OutOfFuel) => "out of fuel: it does not come to an end".to_owned(),
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        match error.downcast_ref::<WasmBacktrace>() {
            Some(backtrace) => Trap::at(backtrace, callback, reason),
            None => Trap { reason, callback: callback.to_owned(), frames: Vec::new() },
        }
    }

    pub(crate) fn at(backtrace: &WasmBacktrace, callback: &str, reason: String) -> Trap {
        let frames = backtrace.frames().iter().flat_map(frames_of).collect();
        Trap { reason, callback: callback.to_owned(), frames }
    }
}

/// One function of the module can be several of the source, that were put into each other.
fn frames_of(frame: &FrameInfo) -> Vec<Frame> {
    let own = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), demangle);
    if frame.symbols().is_empty() {
        return vec![Frame { function: own, place: None }];
    }
    let frame_of = |symbol: &wasmtime::FrameSymbol| {
        let line = |line| format!(":{line}");
        let place = |file: &str| format!("{file}{}", symbol.line().map(line).unwrap_or_default());
        Frame {
            function: symbol.name().map_or_else(|| own.clone(), demangle),
            place: symbol.file().map(place),
        }
    };
    frame.symbols().iter().map(frame_of).collect()
}

/// A name as its author wrote it, in Rust or C++.
fn demangle(name: &str) -> String {
    if let Ok(name) = rustc_demangle::try_demangle(name) {
        return format!("{name:#}");
    }
    let symbol = cpp_demangle::Symbol::new(name).ok();
    symbol.and_then(|symbol| symbol.demangle().ok()).unwrap_or_else(|| name.to_owned())
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trap in {}: {}", self.callback, self.reason)?;
        for frame in &self.frames {
            write!(f, "\n  in {}", frame.function)?;
            if let Some(place) = &frame.place {
                write!(f, " at {place}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Trap {}
