//! Host calls about what is kept: attributes, metrics, shared data and queues.

use wasmtime::Linker;

use super::define;
use crate::abi::Status;
use crate::memory::{Answer, Call};
use crate::properties;
use crate::state::State;

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    link_properties(linker)?;
    link_metrics(linker)?;
    link_shared(linker)
}

fn link_properties(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    define!(linker, "env", "proxy_get_property", |call, path: u32, path_size: u32, to: u32, size_to: u32| {
        let path = call.read(path, path_size)?;
        let value = properties::get(call.state(), &path)?.bytes()?;
        call.give(&value, to, size_to)
    });
    define!(
        linker,
        "env",
        "proxy_set_property",
        |call, path: u32, path_size: u32, value: u32, value_size: u32| {
            let path = call.read(path, path_size)?;
            let value = call.read(value, value_size)?;
            let id = call.state().context_id();
            let filter_state =
                call.state_mut().contexts.get_mut(&id).and_then(|context| context.filter_state_mut());
            filter_state.ok_or(Status::NotFound)?.set.insert(path, value);
            Ok(())
        }
    );
    Ok(())
}

fn link_metrics(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    define!(linker, "env", "proxy_define_metric", |call, kind: u32, name: u32, name_size: u32, to: u32| {
        let name = call.read(name, name_size)?;
        let id = call.state_mut().metrics.define(kind, name)?;
        call.write_u32(to, id)
    });
    define!(linker, "env", "proxy_increment_metric", |call, id: u32, by: i64| {
        Ok(call.state_mut().metrics.increment(id, by)?)
    });
    define!(linker, "env", "proxy_record_metric", |call, id: u32, value: u64| {
        Ok(call.state_mut().metrics.record(id, value)?)
    });
    define!(linker, "env", "proxy_get_metric", |call, id: u32, to: u32| {
        let value = call.state_mut().metrics.get(id)?;
        call.write_u64(to, value)
    });
    Ok(())
}

fn link_shared(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    define!(
        linker,
        "env",
        "proxy_get_shared_data",
        |call, key: u32, key_size: u32, to: u32, size_to: u32, cas_to: u32| {
            let key = call.read(key, key_size)?;
            let (value, cas) = call.state().shared.get(&call.state().settings.vm_id, &key)?;
            call.give(&value, to, size_to)?;
            call.write_u32(cas_to, cas)
        }
    );
    define!(
        linker,
        "env",
        "proxy_set_shared_data",
        |call, key: u32, key_size: u32, value: u32, value_size: u32, cas: u32| {
            let key = call.read(key, key_size)?;
            let value = call.read(value, value_size)?;
            Ok(call.state().shared.set(&call.state().settings.vm_id, key, value, cas)?)
        }
    );
    define!(linker, "env", "proxy_register_shared_queue", |call, name: u32, name_size: u32, to: u32| {
        let name = call.read(name, name_size)?;
        let state = call.state();
        let token = state.shared.register(&state.settings.vm_id, name, state.root_id());
        call.write_u32(to, token)
    });
    define!(
        linker,
        "env",
        "proxy_resolve_shared_queue",
        |call, vm: u32, vm_size: u32, name: u32, name_size: u32, to: u32| {
            let vm = String::from_utf8_lossy(&call.read(vm, vm_size)?).into_owned();
            let name = call.read(name, name_size)?;
            let state = call.state();
            let vm = if vm.is_empty() { &state.settings.vm_id } else { &vm };
            let token = state.shared.resolve(vm, &name)?;
            call.write_u32(to, token)
        }
    );
    define!(linker, "env", "proxy_enqueue_shared_queue", |call, queue: u32, item: u32, item_size: u32| {
        enqueue(call, queue, item, item_size)
    });
    define!(linker, "env", "proxy_dequeue_shared_queue", |call, queue: u32, to: u32, size_to: u32| {
        let item = call.state().shared.dequeue(queue)?;
        call.give(&item, to, size_to)
    });
    Ok(())
}

fn enqueue(call: &mut Call<'_>, queue: u32, item: u32, item_size: u32) -> Answer {
    let item = call.read(item, item_size)?;
    let context = call.state().shared.enqueue(queue, item)?;
    call.state_mut().ready.push_back((context, queue));
    Ok(())
}
