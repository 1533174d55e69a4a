//! One command's turn: what a command written by hand sees, and the steps that most of them share.

use std::cell::Cell;
use std::sync::Arc;

use vulkanalia_sys as vk;

use super::context::{Context, State, Worker};
use super::descriptors;
use super::driver::{result_of, returned};
use super::objects::Object;
use super::queue;
use super::reason::Reason;
use super::recording::Recording;
use super::table::Place;
use crate::quota::{Charge, OverLimit};
use crate::sys::{Address, Arena, CStruct};
use crate::venus::{Call, CommandType, ObjectType, Slot};

/// Names of extensions are shorter, and entry points have sensible names.
const TEXT_BYTES_MAX: u64 = 4096;

/// About what an object costs the host: ours, the driver's, and their places in tables.
const OBJECT_BYTES: u64 = 1024;
/// About what an object costs that could not be made.
const TOMBSTONE_BYTES: u64 = 512;

/// An object that the command names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// Where in the command.
    pub(super) at: Slot,
    /// Which object.
    pub(super) place: Place,
}

/// A decoded command, with its context's lock held.
pub(super) struct Turn<'t> {
    pub(super) context: &'t Arc<Context>,
    pub(super) state: &'t mut State,
    pub(super) arena: &'t mut Arena,
    /// As it goes to the driver. The reply is made from the arena, so arguments may be replaced.
    pub(super) call: &'t mut Call,
    /// What the command names, in the order of the wire.
    // No slice: that is read in one go here, and must wait until the length that was just counted up is written.
    pub(super) named: &'t Vec<Named>,
    /// Where to look next: names are asked for in about their order.
    pub(super) cursor: Cell<usize>,
}

/// How a command went on.
pub(super) enum Outcome {
    /// It is done and returned this; 0 for commands that return nothing.
    Done(u64),
    /// The rest of it takes time, and is done without the lock. It holds what it needs by [`Arc`].
    Later(Later),
}

/// See [`Outcome::Later`].
pub(super) type Later = Box<dyn FnOnce(&Arc<Context>, &mut Worker) -> Result<u64, Reason>>;

impl From<vk::Result> for Outcome {
    fn from(result: vk::Result) -> Self {
        Self::Done(returned(result))
    }
}

impl Turn<'_> {
    /// Which command it is.
    pub(super) fn command(&self) -> CommandType {
        self.call.command
    }

    /// A breach of a rule, which costs the guest its context.
    pub(super) fn invalid(&self, rule: &'static str) -> Reason {
        Reason::Invalid { command: self.command(), rule }
    }

    /// The object that the command names first: the one that it is a command of.
    pub(super) fn first(&self) -> Result<&Arc<Object>, Reason> {
        let place = self.named.first().map(|named| named.place);
        place.and_then(|place| self.state.objects.at(place)).ok_or(self.invalid("it names no object"))
    }

    /// The first object of a type that the command names.
    pub(super) fn of(&self, kind: ObjectType) -> Result<&Arc<Object>, Reason> {
        let mut objects = self.objects();
        objects.find(|object| object.kind == kind).ok_or(self.invalid("a handle is NULL that must not be"))
    }

    /// All objects that the command names.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.named.iter().filter_map(|named| self.state.objects.at(named.place))
    }

    /// The object whose handle lies at an address of the arena; `None` for NULL.
    pub(super) fn at(&self, address: Address) -> Option<&Arc<Object>> {
        self.find(Slot::Memory(address))
    }

    /// The object whose handle is the argument of this number; `None` for NULL.
    pub(super) fn argument(&self, index: usize) -> Option<&Arc<Object>> {
        self.find(Slot::Argument(index))
    }

    fn find(&self, at: Slot) -> Option<&Arc<Object>> {
        self.state.objects.at(self.place(at)?)
    }

    /// Where the object of a handle stands.
    pub(super) fn place(&self, at: Slot) -> Option<Place> {
        let (before, after) =
            self.named.split_at_checked(self.cursor.get()).unwrap_or((self.named.as_slice(), &[]));
        let mut searched = (before.len()..).zip(after).chain((0..).zip(before));
        let (index, named) = searched.find(|(_, named)| named.at == at)?;
        self.cursor.set(index + 1);
        Some(named.place)
    }

    /// A structure of the command.
    pub(super) fn get<T: CStruct>(&self, at: Address) -> Result<&T, Reason> {
        self.arena.get(at).ok_or(self.invalid("a structure is NULL that must not be"))
    }

    /// An array of the command.
    pub(super) fn slice<T: CStruct>(&self, at: Address, count: u32) -> Result<&[T], Reason> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count == 0 {
            return Ok(&[]);
        }
        self.arena.slice(at, count).ok_or(self.invalid("an array is NULL that must not be"))
    }

    /// Writes a structure of the command anew.
    pub(super) fn set<T: CStruct>(&mut self, at: Address, value: T) -> Result<(), Reason> {
        let null = self.invalid("a structure is NULL that must not be");
        *self.arena.get_mut(at).ok_or(null)? = value;
        Ok(())
    }

    /// A text of the command, without its end; `None` if it is none, or NULL.
    pub(super) fn text(&self, at: Address) -> Option<String> {
        let byte = |offset: u64| self.arena.bytes(at.checked_add(offset)?, 1)?.first().copied();
        byte(0)?;
        let bytes = (0..TEXT_BYTES_MAX).map_while(byte).take_while(|byte| *byte != 0).collect();
        String::from_utf8(bytes).ok()
    }

    /// Puts something into the arena.
    pub(super) fn put<T: CStruct>(&mut self, value: T) -> Result<Address, Reason> {
        self.arena.put(value).map_err(|_| Reason::TooLarge(self.call.command))
    }

    /// The command buffer that the command names first, and what is recorded into it.
    pub(super) fn recording(&mut self) -> Result<(&Arc<Object>, &mut Recording), Reason> {
        let none = Reason::Invalid { command: self.call.command, rule: "it names no command buffer" };
        let place = self.named.first().ok_or(none.clone())?.place;
        self.state.objects.recording(place).ok_or(none)
    }

    /// Calls the driver with the arguments as they are now.
    pub(super) fn pass(&self) -> Result<u64, Reason> {
        let functions = &self.first()?.functions;
        functions.carry_out(self.call).ok_or(Reason::NotOffered(self.command()))
    }

    /// Makes an object by a command of the form (…, pHandle), and enters it as `finish` says.
    pub(super) fn create(
        &mut self,
        kind: ObjectType,
        parent: &Arc<Object>,
        finish: impl FnOnce(Object) -> Object,
    ) -> Result<Outcome, Reason> {
        self.create_sized(kind, parent, 0, finish)
    }

    /// As [`Turn::create`], for what costs the host so many bytes more than most.
    pub(super) fn create_sized(
        &mut self,
        kind: ObjectType,
        parent: &Arc<Object>,
        bytes: u64,
        finish: impl FnOnce(Object) -> Object,
    ) -> Result<Outcome, Reason> {
        let last = self.call.arity().saturating_sub(1);
        let id = *self.get::<u64>(self.call.arg(last))?;
        self.check_free(id)?;
        let Ok(charge) = self.charge_objects(1, bytes) else {
            return self.refuse(kind, id, parent, vk::Result::ERROR_OUT_OF_HOST_MEMORY);
        };
        let slot = self.put(0_u64)?;
        self.call.set_arg(last, slot);
        let mut result = result_of(self.pass()?);
        if is_out_of_memory(result) {
            queue::reap(self.state);
            descriptors::relieve(self.state, parent.device());
            result = result_of(self.pass()?);
        }
        if result.as_raw() < 0 {
            return self.refuse(kind, id, parent, result);
        }
        let handle = *self.get::<u64>(slot)?;
        let mut object = finish(Object::new(kind, id, handle, parent));
        for charge in charge {
            object = object.charged(charge);
        }
        self.enter(object)?;
        Ok(result.into())
    }

    /// Charges for objects that cost so many bytes each beside what all cost.
    pub(super) fn charge_objects(&self, count: usize, bytes: u64) -> Result<Vec<Charge>, OverLimit> {
        let bytes = OBJECT_BYTES.saturating_add(bytes);
        let charge = |state: &State| -> Result<Vec<_>, _> {
            (0..count).map(|_| state.ledger.overhead().charge(bytes)).collect()
        };
        charge(self.state).or_else(|_| {
            queue::reap(self.state);
            charge(self.state)
        })
    }

    /// Makes `count` objects of a pool by a command of the form (device, pAllocateInfo, pHandles).
    pub(super) fn create_many(
        &mut self,
        kind: ObjectType,
        pool: &Arc<Object>,
        count: u32,
        mut finish: impl FnMut(Object, usize) -> Object,
    ) -> Result<Outcome, Reason> {
        let ids = self.slice::<u64>(self.call.arg(2), count)?.to_vec();
        ids.iter().try_for_each(|id| self.check_free(*id))?;
        let Ok(charges) = self.charge_objects(ids.len(), 0) else {
            return self.refuse_all(kind, &ids, pool, vk::Result::ERROR_OUT_OF_HOST_MEMORY);
        };
        let handles = self.arena.alloc(size_of_val(ids.as_slice()), align_of::<u64>());
        let handles = handles.map_err(|_| Reason::TooLarge(self.call.command))?;
        self.call.set_arg(2, handles);
        let result = if count == 0 { vk::Result::SUCCESS } else { result_of(self.pass()?) };
        if result.as_raw() < 0 {
            return self.refuse_all(kind, &ids, pool, result);
        }
        let handles = self.slice::<u64>(handles, count)?.to_vec();
        for (index, ((id, handle), charge)) in ids.into_iter().zip(handles).zip(charges).enumerate() {
            self.enter(finish(Object::new(kind, id, handle, pool), index).charged(charge))?;
            pool.children().insert(id);
        }
        Ok(result.into())
    }

    /// As [`Turn::refuse`], for several.
    pub(super) fn refuse_all(
        &mut self,
        kind: ObjectType,
        ids: &[u64],
        parent: &Arc<Object>,
        result: vk::Result,
    ) -> Result<Outcome, Reason> {
        ids.iter().try_for_each(|id| self.refuse(kind, *id, parent, result).map(drop))?;
        Ok(result.into())
    }

    /// Takes away the names of objects of a pool: all that the command names of a type.
    pub(super) fn free(&mut self, kind: ObjectType) -> Result<Outcome, Reason> {
        let pool = Arc::clone(self.argument(1).ok_or(self.invalid("the pool is NULL"))?);
        let of_pool =
            |object: &Object| object.parent.as_ref().is_some_and(|parent| Arc::ptr_eq(parent, &pool));
        let freed: Vec<_> = self.objects().filter(|object| object.kind == kind).cloned().collect();
        for object in freed {
            if !of_pool(&object) {
                return Err(self.invalid("it frees what is not of this pool"));
            }
            // What was recorded with it must not run: its pool will not say any more that it was reset.
            object.renew();
            self.state.objects.remove(object.id);
            pool.children().remove(&object.id);
        }
        Ok(Outcome::Done(0))
    }

    /// What was made from a pool and is named still.
    pub(super) fn children(&self, pool: &Object) -> Vec<Arc<Object>> {
        pool.children().iter().filter_map(|id| self.state.objects.get(*id)).cloned().collect()
    }

    /// Takes the names of a pool and of all that was made from it away.
    pub(super) fn destroy_pool(&mut self) -> Result<Outcome, Reason> {
        if let Some(pool) = self.argument(1).cloned() {
            for child in self.children(&pool) {
                self.state.objects.remove(child.id);
            }
            self.state.objects.remove(pool.id);
        }
        Ok(Outcome::Done(0))
    }

    /// Answers that an object cannot be made. A guest that asked for no answer may go on to name it.
    pub(super) fn refuse(
        &mut self,
        kind: ObjectType,
        id: u64,
        parent: &Arc<Object>,
        result: vk::Result,
    ) -> Result<Outcome, Reason> {
        self.refuse_because(kind, id, parent, (result, &format_args!("{result:?}")))
    }

    /// As [`Turn::refuse`], with words for operators.
    pub(super) fn refuse_because(
        &mut self,
        kind: ObjectType,
        id: u64,
        parent: &Arc<Object>,
        (result, why): (vk::Result, &dyn std::fmt::Display),
    ) -> Result<Outcome, Reason> {
        if !self.call.wants_reply() {
            let charge = self.state.ledger.overhead().charge(TOMBSTONE_BYTES);
            let charge =
                charge.map_err(|over| Reason::GivenUp(format!("objects beyond their limit: {over}")))?;
            self.enter(Object::tombstone(kind, id, parent, why.to_string()).charged(charge))?;
        }
        Ok(result.into())
    }

    /// Refuses names that no new object can have.
    pub(super) fn check_free(&self, id: u64) -> Result<(), Reason> {
        self.state.objects.is_free(id).then_some(()).ok_or(Reason::TakenId { command: self.command(), id })
    }

    /// Enters a new object.
    pub(super) fn enter(&mut self, object: Object) -> Result<Arc<Object>, Reason> {
        let (command, id) = (self.command(), object.id);
        self.state.objects.insert(object).map_err(|_| Reason::TakenId { command, id })
    }

    /// Carries out a command of the form (device, handle, pAllocator): takes the guest's name of the object away.
    pub(super) fn destroy(&mut self) -> Result<Outcome, Reason> {
        if let Some(id) = self.argument(1).map(|object| object.id) {
            self.state.objects.remove(id);
        }
        Ok(Outcome::Done(0))
    }
}

fn is_out_of_memory(result: vk::Result) -> bool {
    [vk::Result::ERROR_OUT_OF_HOST_MEMORY, vk::Result::ERROR_OUT_OF_DEVICE_MEMORY].contains(&result)
}

/// Whether a command may name an object that could not be made: only to destroy it.
pub(super) fn may_name_tombstone(command: CommandType) -> bool {
    let name = format!("{command:?}");
    name.starts_with("Destroy") || name.starts_with("Free")
}
