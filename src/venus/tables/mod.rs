//! What the registry says of commands and structures. Made by scripts/venus-codec, all but this file.

#[rustfmt::skip]
mod commands;
#[cfg(test)]
#[rustfmt::skip]
mod layouts;
#[rustfmt::skip]
#[allow(missing_docs, reason = "the names are the registry's")]
mod names;
#[rustfmt::skip]
mod structs;

pub use names::{CommandType, ObjectType};

impl CommandType {
    /// The command of a number on the wire.
    pub fn from_number(number: u32) -> Option<Self> {
        names::COMMAND_TYPES.get(usize::try_from(number).ok()?).copied().flatten()
    }

    /// Whether it is recorded into a command buffer: vkCmd….
    #[inline]
    pub fn is_recorded(self) -> bool {
        self.table().is_some_and(|table| table.recorded)
    }

    /// How it lies on the wire; `None` if only the guest's own process can carry it out.
    pub(super) fn table(self) -> Option<&'static Command> {
        commands::COMMANDS.get(self as usize)?.as_ref()
    }
}

/// A command.
pub(super) struct Command {
    pub(super) returns: Returns,
    /// Whether its name starts with vkCmd.
    pub(super) recorded: bool,
    /// One step for each parameter.
    pub(super) parameters: &'static [(Way, Op)],
}

/// What a command returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Returns {
    Nothing,
    /// 4 bytes: a VkResult, a VkBool32, a count.
    Word,
    /// 8 bytes: an address or a size.
    Long,
}

/// Which way a parameter goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the guest, whole.
    In,
    /// From the guest as a skeleton, and back whole.
    Out,
    /// From the guest and back, both whole.
    Both,
}

/// A structure of C.
pub(super) struct Struct {
    /// Its `sType`. What has one, has a chain.
    pub(super) kind: Option<i32>,
    /// Its size in C.
    pub(super) bytes: usize,
    /// The fewest bytes that it takes on the wire, whole and as a skeleton.
    pub(super) least: [usize; 2],
    /// Whether it may stand in a chain more than once.
    pub(super) repeats: bool,
    pub(super) whole: &'static [Op],
    /// Its form on the way to a driver that writes it; empty for what no driver writes.
    pub(super) skeleton: &'static [Op],
    /// What its chain may hold, sorted by `sType`.
    pub(super) chain: &'static [(i32, &'static Struct)],
}

impl Struct {
    /// What stands for an `sType` in the chain that this structure heads.
    pub(super) fn link(&self, kind: i32) -> Option<(i32, &'static Self)> {
        self.chain.get(self.index(kind)?).copied()
    }

    /// Where an `sType` stands in [`Struct::chain`].
    pub(super) fn index(&self, kind: i32) -> Option<usize> {
        self.chain.binary_search_by_key(&kind, |link| link.0).ok()
    }
}

/// A step of decoding or encoding; `at` is where the member lies in the structure of C.
// Without a tag of its own it would be told by the values of what is in it, which takes more steps.
#[repr(u8)]
pub(super) enum Op {
    /// Members that lie in C as on the wire.
    Copy {
        at: usize,
        bytes: usize,
    },
    /// A member of one or two bytes: four on the wire.
    Small {
        at: usize,
        bytes: usize,
    },
    /// The length of an array that always has this one. Its elements follow in steps of their own.
    Length(u64),
    Handle {
        at: usize,
        kind: ObjectType,
        nullable: bool,
    },
    /// A structure by value, with a chain of its own.
    Struct {
        at: usize,
        of: &'static Struct,
    },
    /// A tag, then the member that it stands for. The selector, a member beside the union, has to be the same.
    Union {
        at: usize,
        selector: Option<usize>,
        arms: &'static [(i32, &'static [Op])],
    },
    Text {
        at: usize,
        nullable: bool,
    },
    /// A pointer to one thing.
    Pointer {
        at: usize,
        nullable: bool,
        element: Element,
    },
    /// A pointer to many.
    Array {
        at: usize,
        nullable: bool,
        count: Count,
        element: Element,
    },
    /// A pointer that only a guest of this process could give a meaning to: NULL.
    Null,
}

/// What a pointer leads to.
#[derive(Clone, Copy)]
pub(super) enum Element {
    /// Bytes that are the same in C.
    Bytes(usize),
    Handle {
        kind: ObjectType,
        nullable: bool,
    },
    /// The guest's names of handles that the command makes.
    Ids,
    Struct(&'static Struct),
    Text,
    /// Pointers to arrays.
    Rows {
        lengths: Lengths,
        of: &'static Element,
    },
}

/// Where the length of an array stands.
#[derive(Clone, Copy)]
pub(super) enum Count {
    Fixed(u64),
    /// In a member beside it.
    Member {
        at: usize,
        bytes: usize,
        rule: Rule,
    },
    /// In what a pointer beside it leads to; 0 if that is NULL.
    Behind {
        pointer: usize,
        at: usize,
        bytes: usize,
    },
}

/// How a member gives a length.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    Same,
    /// Bytes, of an array of 32-bit words.
    Quarter,
    /// Bits, in 32-bit words.
    Words,
}

/// Where the lengths of rows stand.
#[derive(Clone, Copy)]
pub(super) enum Lengths {
    One,
    /// In the structure of the same index, of an array beside the rows.
    Behind {
        pointer: usize,
        stride: usize,
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::layouts::LAYOUTS;

    #[test]
    fn structures_lie_in_the_tables_as_in_the_bindings() {
        for (name, bound, ours, bound_offsets, our_offsets) in LAYOUTS {
            assert_eq!((bound, bound_offsets), (ours, our_offsets), "{name}");
        }
        assert!(LAYOUTS.len() > 500, "{}", LAYOUTS.len());
    }
}
