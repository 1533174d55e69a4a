/// The capset of virtio-gpu that speaks of Venus.
pub const CAPSET_ID: u32 = 4;

const WIRE_FORMAT: u32 = 1;
/// Vulkan 1.4.343: the registry that the newest commands and structures of the wire come from.
const REGISTRY: u32 = 1 << 22 | 4 << 12 | 343;
/// Of VK_EXT_command_serialization and VK_MESA_venus_protocol.
const SERIALIZATION: u32 = 1;
const PROTOCOL: u32 = 4;
const MASK_WORDS: usize = 32;

/// What the guest's driver is told before it sends its first command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capset {
    /// Whether memory that the guest maps is chosen by the guest's kernel, out of a region that the VM has as a whole.
    pub use_guest_vram: bool,
    mask: [u32; MASK_WORDS],
}

impl Capset {
    /// How many bytes it has.
    pub const BYTES: usize = 160;

    /// Tells of the extensions that `wanted` holds for. The wire knows them all; it is the driver that may not.
    pub fn new(use_guest_vram: bool, wanted: impl Fn(&str) -> bool) -> Self {
        let mut mask = [0; MASK_WORDS];
        let numbers = extensions().filter(|(name, ..)| wanted(name)).map(|(_, number, _)| number);
        // Bit 0 belongs to no extension: it says that the mask is there.
        for number in numbers.chain([0]) {
            if let Some(word) = mask.get_mut(number / 32) {
                *word |= 1 << (number % 32);
            }
        }
        Self { use_guest_vram, mask }
    }

    /// As the guest reads it.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let [blob_id_0, wait_syncs, timelines] = [1; 3];
        let words = [WIRE_FORMAT, REGISTRY, SERIALIZATION, PROTOCOL, blob_id_0];
        let words =
            words.into_iter().chain(self.mask).chain([wait_syncs, timelines, self.use_guest_vram.into()]);
        let mut bytes = [0; Self::BYTES];
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes
    }
}

/// The extensions of the wire: name, number, newest version.
pub fn extensions() -> impl Iterator<Item = (&'static str, usize, u32)> {
    let lines = include_str!("extensions.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (name, numbers) = line.split_once('\t')?;
        let (number, version) = numbers.split_once('\t')?;
        Some((name, number.parse().ok()?, version.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capset_says_what_a_guest_insists_on() {
        let bytes = Capset::new(false, |_| true).to_bytes();
        let word = |index: usize| u32::from_le_bytes(bytes[index * 4..][..4].try_into().expect("four bytes"));

        assert_eq!([0, 1, 2, 3, 4].map(word), [1, 0x0040_4157, 1, 4, 1]);
        assert_eq!(word(5) & 1, 1, "the mask is valid");
        assert_eq!(word(5 + 384 / 32) >> (384 % 32) & 1, 1, "VK_EXT_command_serialization");
        assert_eq!(word(5 + 385 / 32) >> (385 % 32) & 1, 1, "VK_MESA_venus_protocol");
        assert_eq!([37, 38, 39].map(word), [1, 1, 0]);
        assert_eq!(extensions().count(), 187);
    }

    #[test]
    fn only_wanted_extensions_are_in_the_mask() {
        let bytes = Capset::new(true, |name| name == "VK_KHR_maintenance1").to_bytes();
        let bits: u32 = bytes[20..148].iter().map(|byte| byte.count_ones()).sum();

        assert_eq!(bits, 2);
        assert_eq!(bytes[20 + 70 / 8] >> (70 % 8) & 1, 1);
        assert_eq!(bytes[156], 1);
    }
}
