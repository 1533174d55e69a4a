//! Priority of a tenant's queues on the GPU, as its render process says.

/// What the driver made of the wish that a tenant's work go before that of others. Whoever has no such wish, or nothing
/// on the GPU yet, has ordinary priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Nothing else was asked for yet.
    #[default]
    Ordinary,
    /// It goes before all others.
    Realtime,
    /// Ordinary, for the driver refused.
    Refused,
    /// Ordinary, and the driver will refuse, for the process has not what it takes.
    Incapable,
    /// Ordinary, for the driver knows no other.
    Unsupported,
}

impl Priority {
    const ALL: [Self; 5] =
        [Self::Ordinary, Self::Realtime, Self::Refused, Self::Incapable, Self::Unsupported];

    /// As a word of memory that is shared.
    pub fn word(self) -> u64 {
        Self::ALL.iter().zip(0..).find(|(own, _)| **own == self).map_or(0, |(_, word)| word)
    }

    /// By such a word, in which somebody may have written anything.
    pub fn of_word(word: u64) -> Self {
        usize::try_from(word).ok().and_then(|word| Self::ALL.get(word)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Priority;

    #[test]
    fn a_priority_survives_the_way_through_a_word_and_nonsense_is_an_ordinary_one() {
        for priority in Priority::ALL {
            assert_eq!(Priority::of_word(priority.word()), priority);
        }
        for word in [5, 1 << 32, u64::MAX] {
            assert_eq!(Priority::of_word(word), Priority::Ordinary);
        }
    }
}
