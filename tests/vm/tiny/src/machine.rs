//! The processor, ports and the first serial port.

use core::arch::{asm, global_asm};
use core::fmt::{self, Write as _};
use core::panic::PanicInfo;

// The note by which a VMM knows where a PVH kernel begins (XEN_ELFNOTE_PHYS32_ENTRY, 18), and the first instructions:
// segments are flat, interrupts are off, there is no stack.
global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start

    .section .text.start
    .global start
    start:
        mov esp, offset stack_end
        call main

    .section .bss.stack
    .balign 16
    .skip 65536
    stack_end:
    "#
);

const SERIAL: u16 = 0x3f8;

/// Writes to the serial port. No VMM's has less room than is written here.
pub(crate) fn say(what: fmt::Arguments<'_>) {
    struct Serial;
    impl fmt::Write for Serial {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for byte in text.bytes() {
                // SAFETY: the port takes any byte.
                unsafe { asm!("out dx, al", in("dx") SERIAL, in("al") byte, options(nomem, nostack)) };
            }
            Ok(())
        }
    }
    _ = Serial.write_fmt(what);
}

/// Writes the first one, two or four bytes to a port.
pub(crate) fn write_port(port: u16, value: u32, bytes: u32) {
    // SAFETY: memory of ours is at no port.
    unsafe {
        match bytes {
            1 => asm!("out dx, al", in("dx") port, in("al") value as u8, options(nomem, nostack)),
            2 => asm!("out dx, ax", in("dx") port, in("ax") value as u16, options(nomem, nostack)),
            _ => asm!("out dx, eax", in("dx") port, in("eax") value, options(nomem, nostack)),
        }
    }
}

/// Reads four bytes of a port.
pub(crate) fn read_port(port: u16) -> u32 {
    let value;
    // SAFETY: as above.
    unsafe { asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack)) };
    value
}

/// Does nothing any more: interrupts are off.
pub(crate) fn rest() -> ! {
    loop {
        // SAFETY: nothing is to come.
        unsafe { asm!("hlt", options(nomem, nostack)) };
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say(format_args!("failed: {info}\n"));
    rest()
}
