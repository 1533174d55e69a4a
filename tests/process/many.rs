//! As many vGPUs as a large host has VMs, each with a guest that draws.

use vgpu::control::api::State;
use vgpu::wire::ScanoutId;

use crate::service::{Place, named};
use crate::support::guest::{Guest, Ram, pattern};
use crate::vgpu::eventually;

const VGPUS: u32 = 64;
const SIDE: u32 = 64;

#[test]
fn sixty_four_vgpus_are_made_opened_drawn_on_and_deleted() {
    let place = Place::new();
    let _daemon = place.serve();
    let before = place.files();
    let names: Vec<String> = (0..VGPUS).map(|number| format!("vm{number}")).collect();
    let mut guests: Vec<Guest> = Vec::new();
    for name in &names {
        place.create(name);
        guests.push(Guest::connect(place.connect(name), Ram::with_regions(&[(0, 1 << 20)])));
    }
    for (guest, seed) in guests.iter_mut().zip(0..) {
        let backing = guest.create_image(1, SIDE, SIDE);
        guest.draw(1, backing, SIDE, SIDE, &pattern(SIDE, SIDE, seed));
    }

    for (name, seed) in names.iter().zip(0..) {
        let png = place.client().screenshot(&named(name), ScanoutId::new(0).unwrap()).unwrap();
        assert_eq!(pixels(&png), pattern(SIDE, SIDE, seed), "the picture of {name}");
    }
    let listed = place.client().list().unwrap().vgpus;
    assert_eq!(listed.iter().filter(|vgpu| vgpu.state == State::Connected).count(), names.len());
    assert_eq!(place.devices().len(), names.len());

    names.iter().for_each(|name| place.client().delete(&named(name)).unwrap());

    assert_eq!(place.client().list().unwrap().vgpus, []);
    eventually("no device process is left", || place.devices().is_empty().then_some(()));
    assert_eq!(place.files(), before);
}

/// The pixels as blue, green, red and an opaque alpha.
fn pixels(png: &[u8]) -> Vec<u8> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let samples = reader.next_frame(&mut bytes).unwrap().color_type.samples();
    bytes.chunks_exact(samples).flat_map(|pixel| [pixel[2], pixel[1], pixel[0], 0xff]).collect()
}
