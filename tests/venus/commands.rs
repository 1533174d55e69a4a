//! Every command that has a number.

use vgpu::venus::{CommandType, Malformed, Reader, decode, encode_reply};

use super::{Asked, Bytes, arena};

/// The numbers of the wire end here.
const NUMBER_MAX: u32 = 345;

fn all() -> impl Iterator<Item = (u32, CommandType)> {
    (0..1000).filter_map(|number| Some((number, CommandType::from_number(number)?)))
}

#[test]
fn every_number_but_one_is_a_command() {
    let numbers: Vec<u32> = all().map(|(number, _)| number).collect();

    assert_eq!(numbers.len(), 345);
    assert_eq!((numbers[0], numbers[344]), (0, NUMBER_MAX));
    assert!(all().all(|(number, command)| command as u32 == number));
    assert_eq!(CommandType::from_number(195), None);
}

#[test]
fn a_command_of_nothing_but_zeros_is_decoded_or_refused() {
    let (mut decoded, mut not_for_the_wire) = (0, 0);
    for (number, command) in all() {
        let bytes = Bytes::command(number, 1).raw(&[0; 4096]);
        let mut arena = arena();
        match decode(&mut Reader::new(&bytes.0), &mut arena, &mut Asked::default()) {
            Ok(call) => {
                encode_reply(&call, 0, &arena, &mut Vec::new());
                decoded += 1;
            }
            Err(Malformed::NotForTheWire(refused)) => {
                assert_eq!(refused, command);
                not_for_the_wire += 1;
            }
            Err(Malformed::NullHandle(..) | Malformed::NullPointer(_) | Malformed::Length { .. }) => (),
            Err(other) => panic!("{command:?}: {other}"),
        }
    }

    assert_eq!(not_for_the_wire, 20);
    assert!(decoded > 0);
}

#[test]
fn a_number_without_a_command_is_refused() {
    for number in [195, NUMBER_MAX + 1, u32::MAX] {
        assert_eq!(super::refused(&Bytes::command(number, 0).0), Malformed::UnknownCommand(number));
    }
}
