/// What the guest's driver is told before it sends its first command: 160 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capset {
    words: [u32; 40],
}

impl Capset {
    /// As the guest reads it.
    pub fn to_bytes(&self) -> [u8; 160] {
        let mut bytes = [0; 160];
        for (place, word) in bytes.chunks_exact_mut(4).zip(self.words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}
