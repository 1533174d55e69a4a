//! Words that threads of a model share.
//!
//! Loom takes SeqCst for AcqRel, but knows fences for what they are. So each write that is SeqCst has one after it:
//! what is read afterwards is no older.

pub use std::sync::atomic::Ordering;

use loom::sync::atomic::{self, fence};

macro_rules! word {
    ($name:ident, $value:ty) => {
        #[derive(Debug)]
        pub struct $name(atomic::$name);

        impl $name {
            pub fn new(value: $value) -> Self {
                Self(atomic::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $value {
                self.0.load(order)
            }

            pub fn store(&self, value: $value, order: Ordering) {
                self.0.store(value, order);
                fence_if(order);
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.change(order, |word| word.swap(value, order))
            }

            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.change(order, |word| word.fetch_add(value, order))
            }

            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                next: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                self.change(set, |word| word.fetch_update(set, fetch, next))
            }

            fn change<T>(&self, order: Ordering, change: impl FnOnce(&atomic::$name) -> T) -> T {
                let before = change(&self.0);
                fence_if(order);
                before
            }
        }
    };
}

word!(AtomicU32, u32);
word!(AtomicU64, u64);

fn fence_if(order: Ordering) {
    if order == Ordering::SeqCst {
        fence(order);
    }
}
