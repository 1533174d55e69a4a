//! Requests as a driver writes them (virtio 1.3, 5.7.6.8 and 5.7.6.10), by hand: these bytes come from the
//! specification and not from the code under test.

pub const OK_NODATA: u32 = 0x1100;
pub const OK_DISPLAY_INFO: u32 = 0x1101;
pub const ERR_UNSPEC: u32 = 0x1200;
pub const ERR_INVALID_RESOURCE_ID: u32 = 0x1203;

/// x, y, width, height.
pub type Rect = [u32; 4];

fn request(kind: u32, words: &[u32]) -> Vec<u8> {
    [kind, 0, 0, 0, 0, 0].iter().chain(words).flat_map(|word| word.to_le_bytes()).collect()
}

fn with_rect(kind: u32, rect: Rect, words: &[u32]) -> Vec<u8> {
    request(kind, &[&rect, words].concat())
}

/// The type of a request or an answer.
pub fn kind(message: &[u8]) -> u32 {
    word(message, 0)
}

/// The number of 32 bits at this offset.
pub fn word(message: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(message[offset..offset + 4].try_into().unwrap())
}

pub fn get_display_info() -> Vec<u8> {
    request(0x0100, &[])
}

pub fn create_2d(id: u32, format: u32, width: u32, height: u32) -> Vec<u8> {
    request(0x0101, &[id, format, width, height])
}

pub fn unref(id: u32) -> Vec<u8> {
    request(0x0102, &[id, 0])
}

pub fn set_scanout(head: u32, id: u32, rect: Rect) -> Vec<u8> {
    with_rect(0x0103, rect, &[head, id])
}

pub fn flush(id: u32, rect: Rect) -> Vec<u8> {
    with_rect(0x0104, rect, &[id, 0])
}

pub fn transfer(id: u32, rect: Rect, offset: u64) -> Vec<u8> {
    with_rect(0x0105, rect, &[offset as u32, (offset >> 32) as u32, id, 0])
}

pub fn attach(id: u32, entries: &[(u64, u32)]) -> Vec<u8> {
    let entries =
        entries.iter().flat_map(|(address, bytes)| [*address as u32, (*address >> 32) as u32, *bytes, 0]);
    request(0x0106, &[id, entries.clone().count() as u32 / 4].into_iter().chain(entries).collect::<Vec<_>>())
}

pub fn detach(id: u32) -> Vec<u8> {
    request(0x0107, &[id, 0])
}

pub fn get_edid(head: u32) -> Vec<u8> {
    request(0x010a, &[head, 0])
}

pub fn update_cursor(head: u32, at: (u32, u32), id: u32, hot: (u32, u32)) -> Vec<u8> {
    request(0x0300, &[head, at.0, at.1, 0, id, hot.0, hot.1, 0])
}

pub fn move_cursor(head: u32, at: (u32, u32)) -> Vec<u8> {
    request(0x0301, &[head, at.0, at.1, 0, 0, 0, 0, 0])
}

/// The same request with a fence.
pub fn fenced(mut request: Vec<u8>, fence: u64) -> Vec<u8> {
    request[4] |= 1;
    request[8..16].copy_from_slice(&fence.to_le_bytes());
    request
}
