use std::fmt::{self, Debug, Formatter};

use super::tables::{Command, Returns};
use super::{CommandType, ObjectType};
use crate::sys::Address;

/// No command has more parameters.
pub const ARGUMENTS_MAX: usize = 11;

/// What an argument takes in the arena and in a call.
pub(super) const ARGUMENT_BYTES: usize = size_of::<u64>();

/// A decoded command. Scalars stand in it by value; all else is the [`Address`] where it lies in the arena, 0 for NULL.
#[derive(Clone, Copy)]
pub struct Call {
    /// Which command it is.
    pub command: CommandType,
    /// Bit 0: the guest wants a reply.
    pub flags: u32,
    pub(super) arguments: [u64; ARGUMENTS_MAX],
    /// Where the arguments lay when they were decoded, if the guest wants a reply: that comes from there.
    pub(super) decoded_at: Address,
    pub(super) table: &'static Command,
}

/// What a call is before anything was decoded into it.
static NONE: Command = Command { returns: Returns::Nothing, recorded: false, parameters: &[] };

impl Default for Call {
    fn default() -> Self {
        let command = CommandType::CreateInstance;
        Self { command, flags: 0, arguments: [0; ARGUMENTS_MAX], decoded_at: 0, table: &NONE }
    }
}

impl Call {
    /// The argument of this number, 0 if the command has fewer.
    pub fn arg(&self, index: usize) -> u64 {
        self.arguments().get(index).copied().unwrap_or_default()
    }

    /// Replaces an argument. Without effect if the command has fewer.
    pub fn set_arg(&mut self, index: usize, value: u64) {
        if index < self.arity()
            && let Some(argument) = self.arguments.get_mut(index)
        {
            *argument = value;
        }
    }

    /// All arguments, in order.
    pub fn arguments(&self) -> &[u64] {
        self.arguments.get(..self.arity()).unwrap_or_default()
    }

    /// All arguments, and zeros behind them.
    pub fn all_arguments(&self) -> &[u64; ARGUMENTS_MAX] {
        &self.arguments
    }

    /// How many arguments the command takes.
    pub fn arity(&self) -> usize {
        self.table.parameters.len()
    }

    /// Whether the guest waits for a reply.
    pub fn wants_reply(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether the command is recorded into a command buffer: vkCmd….
    #[inline]
    pub fn is_recorded(&self) -> bool {
        self.table.recorded
    }

    /// Whether the guest could learn of anything that the command returns.
    pub fn is_answered(&self) -> bool {
        self.wants_reply() || self.returns_result()
    }

    /// Whether the command returns something: a VkResult mostly.
    pub fn returns_result(&self) -> bool {
        self.table.returns != Returns::Nothing
    }
}

impl Debug for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{:#x?}, flags {:#x}", self.command, self.arguments(), self.flags)
    }
}

/// Where the driver handle that was asked for will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// In the call, as this argument.
    Argument(usize),
    /// In the arena.
    Memory(Address),
}

/// The objects of a client.
pub trait Names {
    /// The driver's handle of an object, asked for each handle of a command but NULL, in the order of the wire. `None`
    /// ends the stream.
    fn handle(&mut self, command: CommandType, kind: ObjectType, id: u64, at: Slot) -> Option<u64>;
}
