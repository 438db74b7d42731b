//! The numbers of the ABI: statuses, maps, buffers, streams, and the callbacks with their signatures.

use std::fmt;

/// What a host call answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the meaning")]
pub enum Status {
    Ok = 0,
    NotFound = 1,
    BadArgument = 2,
    SerializationFailure = 3,
    ParseFailure = 4,
    InvalidMemoryAccess = 6,
    Empty = 7,
    CasMismatch = 8,
    InternalFailure = 10,
    BrokenConnection = 11,
    Unimplemented = 12,
}

impl Status {
    /// Every status that a host call can answer.
    pub const ALL: [Status; 11] = [
        Status::Ok,
        Status::NotFound,
        Status::BadArgument,
        Status::SerializationFailure,
        Status::ParseFailure,
        Status::InvalidMemoryAccess,
        Status::Empty,
        Status::CasMismatch,
        Status::InternalFailure,
        Status::BrokenConnection,
        Status::Unimplemented,
    ];

    /// The ABI's number.
    pub const fn code(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A version of the ABI that Envoy and the harness take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbiVersion {
    /// `proxy_abi_version_0_2_0`
    V0_2_0,
    /// `proxy_abi_version_0_2_1`
    V0_2_1,
}

/// Which headers or trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKind {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    GrpcInitialMetadata,
    GrpcTrailingMetadata,
    CallHeaders,
    CallTrailers,
}

impl MapKind {
    pub(crate) fn of(number: u32) -> Option<MapKind> {
        Some(match number {
            0 => MapKind::RequestHeaders,
            1 => MapKind::RequestTrailers,
            2 => MapKind::ResponseHeaders,
            3 => MapKind::ResponseTrailers,
            4 => MapKind::GrpcInitialMetadata,
            5 => MapKind::GrpcTrailingMetadata,
            6 => MapKind::CallHeaders,
            7 => MapKind::CallTrailers,
            _ => return None,
        })
    }
}

/// Which buffer of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferKind {
    RequestBody,
    ResponseBody,
    DownstreamData,
    UpstreamData,
    CallBody,
    GrpcMessage,
    VmConfiguration,
    PluginConfiguration,
    CallData,
}

impl BufferKind {
    pub(crate) fn of(number: u32) -> Option<BufferKind> {
        Some(match number {
            0 => BufferKind::RequestBody,
            1 => BufferKind::ResponseBody,
            2 => BufferKind::DownstreamData,
            3 => BufferKind::UpstreamData,
            4 => BufferKind::CallBody,
            5 => BufferKind::GrpcMessage,
            6 => BufferKind::VmConfiguration,
            7 => BufferKind::PluginConfiguration,
            8 => BufferKind::CallData,
            _ => return None,
        })
    }
}

/// Which half of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamKind {
    Request,
    Response,
    Downstream,
    Upstream,
}

impl StreamKind {
    pub(crate) fn of(number: u32) -> Option<StreamKind> {
        Some(match number {
            0 => StreamKind::Request,
            1 => StreamKind::Response,
            2 => StreamKind::Downstream,
            3 => StreamKind::Upstream,
            _ => return None,
        })
    }
}

/// The functions of a module that Envoy calls: name, number of parameters, whether something is returned. All of them
/// are numbers of 32 bits.
pub(crate) const CALLBACKS: &[(&str, usize, bool)] = &[
    ("_initialize", 0, false),
    ("_start", 0, false),
    ("main", 2, true),
    ("malloc", 1, true),
    ("proxy_on_memory_allocate", 1, true),
    ("proxy_validate_configuration", 2, true),
    ("proxy_on_vm_start", 2, true),
    ("proxy_on_configure", 2, true),
    ("proxy_on_tick", 1, false),
    ("proxy_on_context_create", 2, false),
    ("proxy_on_new_connection", 1, true),
    ("proxy_on_downstream_data", 3, true),
    ("proxy_on_upstream_data", 3, true),
    ("proxy_on_downstream_connection_close", 2, false),
    ("proxy_on_upstream_connection_close", 2, false),
    ("proxy_on_request_headers", 3, true),
    ("proxy_on_request_body", 3, true),
    ("proxy_on_request_trailers", 2, true),
    ("proxy_on_request_metadata", 2, true),
    ("proxy_on_response_headers", 3, true),
    ("proxy_on_response_body", 3, true),
    ("proxy_on_response_trailers", 2, true),
    ("proxy_on_response_metadata", 2, true),
    ("proxy_on_http_call_response", 5, false),
    ("proxy_on_grpc_receive", 3, false),
    ("proxy_on_grpc_close", 3, false),
    ("proxy_on_grpc_receive_initial_metadata", 3, false),
    ("proxy_on_grpc_receive_trailing_metadata", 3, false),
    ("proxy_on_queue_ready", 2, false),
    ("proxy_on_foreign_function", 3, false),
    ("proxy_on_done", 1, true),
    ("proxy_on_log", 1, false),
    ("proxy_on_delete", 1, false),
];
