//! Loads any proxy-wasm module in process and plays Envoy to it: tests of filters in milliseconds.
//!
//! [`Module::load`] takes a module of any SDK, [`Module::start`] starts a VM with one plugin in it, and on the [`Vm`] streams
//! are opened and played phase by phase, as many at a time as one likes:
//!
//! ```
//! use burgee_harness::{EndOfStream, Module, Outcome, Settings};
//!
//! // Sets a header of every request.
//! let module = wat::parse_str(r#"(module
//!     (import "env" "proxy_replace_header_map_value"
//!         (func $set (param i32 i32 i32 i32 i32) (result i32)))
//!     (memory (export "memory") 1)
//!     (data (i32.const 0) "x-seenyes")
//!     (func (export "proxy_abi_version_0_2_1"))
//!     (func (export "malloc") (param i32) (result i32) (i32.const 1024))
//!     (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
//!         (drop (call $set (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 3)))
//!         (i32.const 0)))"#)?;
//!
//! let module = Module::load(&module)?;
//! let vm = module.start(&Settings::new().plugin_configuration("{}"))?;
//! let stream = vm.http();
//! let outcome = stream.request_headers([(":method", "GET"), (":path", "/")], EndOfStream::Yes);
//! assert_eq!(outcome, Outcome::Continue);
//! assert_eq!(stream.upstream().unwrap().header("x-seen").as_deref(), Some("yes"));
//!
//! stream.response_headers([(":status", "200")], EndOfStream::Yes);
//! let finished = stream.finish();
//! assert_eq!(finished.client.unwrap().header(":status").as_deref(), Some("200"));
//! assert_eq!(vm.costs()["proxy_on_request_headers"].host_calls(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a host call answers, which attributes there are in which phase, what is called after what: all of it is as in
//! Envoy, which is often unlike the specification. Whatever a module does is a status, as Envoy answers it, or a
//! [`Trap`] with the functions that it was in; a loop without end is one too. After a trap the VM is dead, as in Envoy.
//! Time stands still until [`Vm::advance`], calls to clusters wait for [`Vm::answer`], and random bytes are the same in each
//! run. Deliberately not here: building modules, and any network.

mod abi;
mod answers;
mod attributes;
mod callouts;
mod calls;
mod cel;
mod clock;
mod contexts;
mod counts;
mod foreign;
mod http;
mod manager;
mod memory;
mod metrics;
mod module;
mod offered;
mod pairs;
mod properties;
mod reply;
mod settings;
mod shared;
mod state;
mod tcp;
mod trap;
mod value;
mod vm;
mod wire;

pub use abi::{AbiVersion, Status};
pub use answers::{Answer, NoSuchCall};
pub use callouts::{Callout, Request};
pub use contexts::Message;
pub use counts::Cost;
pub use http::{EndOfStream, Finished, HttpStream, Outcome};
pub use metrics::{Metric, MetricKind, MetricValue};
pub use module::{LoadError, Module};
pub use offered::{HostFunction, host_functions};
pub use pairs::Header;
pub use properties::Path;
pub use settings::{FailurePolicy, LogLevel, LogLine, PluginKind, Settings};
pub use shared::Shared;
pub use state::LocalReply;
pub use tcp::{Peer, TcpOutcome, TcpStream};
pub use trap::{Frame, Trap};
pub use value::Value;
pub use vm::{StartError, StartFailure, Vm};
