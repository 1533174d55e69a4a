//! A vGPU's leave, and who asks for it.

#[path = "."]
pub mod vulkan {
    #[path = "client.rs"]
    pub mod context;
    #[path = "../../src/render/vulkan/leave.rs"]
    mod leave;

    pub mod reason {
        /// Why a client is given up.
        #[derive(Debug)]
        pub enum Reason {
            GivenUp(String),
        }
    }

    use context as queue;
    pub use leave::{Leave, Look};

    use crate::sys::SharedWord;
    use crate::sys::atomic::AtomicU64;

    /// Priority is no matter of turns.
    #[derive(Debug)]
    pub struct Privilege;

    impl Privilege {
        pub fn new(_: SharedWord<AtomicU64>, _: SharedWord<AtomicU64>) -> Self {
            Self
        }
    }
}
