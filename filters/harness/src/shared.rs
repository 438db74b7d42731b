//! Data and queues that VMs share, by the VM's name.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::abi::Status;

/// What VMs share. A clone is the same data: give it to several VMs, as Envoy's workers have it.
#[derive(Clone, Debug, Default)]
pub struct Shared(Rc<RefCell<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    data: BTreeMap<(String, Vec<u8>), (Vec<u8>, u32)>,
    last_cas: u32,
    queues: Vec<Queue>,
}

#[derive(Debug)]
struct Queue {
    vm_id: String,
    name: Vec<u8>,
    /// Who is told when there is something in it.
    context: u32,
    items: VecDeque<Vec<u8>>,
}

impl Shared {
    /// Nothing shared yet.
    pub fn new() -> Shared {
        Shared::default()
    }

    /// A value, as a test reads it.
    pub fn value(&self, vm_id: &str, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.get(vm_id, key.as_ref()).ok().map(|(value, _)| value)
    }

    /// Sets a value, whatever it was before.
    pub fn set_value(&self, vm_id: &str, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        // Without a number to compare it cannot be refused.
        let _ = self.set(vm_id, key.as_ref().to_vec(), value.as_ref().to_vec(), 0);
    }

    pub(crate) fn get(&self, vm_id: &str, key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
        let inner = self.0.borrow();
        inner.data.get(&(vm_id.to_owned(), key.to_vec())).cloned().ok_or(Status::NotFound)
    }

    pub(crate) fn set(&self, vm_id: &str, key: Vec<u8>, value: Vec<u8>, cas: u32) -> Result<(), Status> {
        let mut inner = self.0.borrow_mut();
        let key = (vm_id.to_owned(), key);
        if let Some((_, current)) = inner.data.get(&key)
            && cas != 0
            && cas != *current
        {
            return Err(Status::CasMismatch);
        }
        // 0 stands for "whatever it is".
        inner.last_cas = inner.last_cas.checked_add(1).unwrap_or(1);
        let cas = inner.last_cas;
        inner.data.insert(key, (value, cas));
        Ok(())
    }

    /// The queue of this name; made if there is none. What is in it stays.
    pub(crate) fn register(&self, vm_id: &str, name: Vec<u8>, context: u32) -> u32 {
        let mut inner = self.0.borrow_mut();
        let known = inner.queues.iter().position(|queue| queue.vm_id == vm_id && queue.name == name);
        let index = known.unwrap_or_else(|| {
            let (vm_id, items) = (vm_id.to_owned(), VecDeque::new());
            inner.queues.push(Queue { vm_id, name, context, items });
            inner.queues.len() - 1
        });
        if let Some(queue) = inner.queues.get_mut(index) {
            queue.context = context;
        }
        token(index)
    }

    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Result<u32, Status> {
        let inner = self.0.borrow();
        let known = inner.queues.iter().position(|queue| queue.vm_id == vm_id && queue.name == name);
        known.map(token).ok_or(Status::NotFound)
    }

    /// Puts something into a queue, and says who is to be told.
    pub(crate) fn enqueue(&self, queue: u32, item: Vec<u8>) -> Result<u32, Status> {
        let mut inner = self.0.borrow_mut();
        let queue = inner.queue(queue)?;
        queue.items.push_back(item);
        Ok(queue.context)
    }

    pub(crate) fn dequeue(&self, queue: u32) -> Result<Vec<u8>, Status> {
        self.0.borrow_mut().queue(queue)?.items.pop_front().ok_or(Status::Empty)
    }
}

impl Inner {
    fn queue(&mut self, token: u32) -> Result<&mut Queue, Status> {
        let index = token.checked_sub(1).ok_or(Status::NotFound)?;
        self.queues.get_mut(index as usize).ok_or(Status::NotFound)
    }
}

/// Tokens are counted from 1.
fn token(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_replaced_by_who_knows_its_number() {
        let shared = Shared::new();
        assert_eq!(shared.get("vm", b"k"), Err(Status::NotFound));
        shared.set("vm", b"k".to_vec(), b"1".to_vec(), 9).unwrap();
        let (value, cas) = shared.get("vm", b"k").unwrap();
        assert_eq!(value, b"1");
        assert_eq!(shared.set("vm", b"k".to_vec(), b"2".to_vec(), cas + 1), Err(Status::CasMismatch));
        shared.set("vm", b"k".to_vec(), b"2".to_vec(), cas).unwrap();
        assert_ne!(shared.get("vm", b"k").unwrap().1, cas);
        shared.set("vm", b"k".to_vec(), b"3".to_vec(), 0).unwrap();
        assert_eq!(shared.value("vm", "k"), Some(b"3".to_vec()));
        assert_eq!(shared.value("other", "k"), None);
    }

    #[test]
    fn a_queue_gives_what_was_put_into_it_in_order() {
        let shared = Shared::new();
        assert_eq!(shared.resolve("vm", b"q"), Err(Status::NotFound));
        let queue = shared.register("vm", b"q".to_vec(), 1);
        assert_eq!(shared.register("vm", b"q".to_vec(), 2), queue);
        assert_eq!(shared.resolve("vm", b"q"), Ok(queue));
        assert_eq!(shared.dequeue(queue), Err(Status::Empty));
        assert_eq!(shared.enqueue(queue, b"a".to_vec()), Ok(2));
        shared.enqueue(queue, b"b".to_vec()).unwrap();
        assert_eq!(shared.dequeue(queue), Ok(b"a".to_vec()));
        for token in [0, queue + 1, u32::MAX] {
            assert_eq!(shared.dequeue(token), Err(Status::NotFound));
            assert_eq!(shared.enqueue(token, Vec::new()), Err(Status::NotFound));
        }
    }
}
