//! The machine: one processor and one region of memory, a doorbell that is an ioeventfd, and an interrupt line that is
//! an irqfd.

use std::fs::File;
use std::os::fd::{FromRawFd, IntoRawFd};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::{IoEventAddress, Kvm, NoDatamatch, VcpuExit, VcpuFd, VmFd};
use vmm_sys_util::eventfd::EventFd;

use crate::guest::Ram;

/// Longer than anything here takes, where KVM emulates each instruction too.
const PATIENCE: Duration = Duration::from_secs(60);

const DOORBELL: u64 = 0x500;
const END: u16 = 0x502;
const INTERRUPT: u32 = 5;

/// What the guest finds and leaves: 16-bit words.
const COUNT: u64 = 0x600;
const INTERRUPTS: u64 = 0x602;

/// `as --32` of:
/// ```text
///         .code16
///         cli
///         xorw %ax, %ax;  movw %ax, %ds;  movw %ax, %ss;  movw $0xf000, %sp
///         movb $0x11, %al;  outb %al, $0x20       # the interrupt controller: vectors from 0x20 on, line 5 alone
///         movb $0x20, %al;  outb %al, $0x21
///         movb $0x04, %al;  outb %al, $0x21
///         movb $0x01, %al;  outb %al, $0x21
///         movb $0xdf, %al;  outb %al, $0x21
///         movw $handler, 0x94;  movw $0, 0x96     # vector 0x25
///         movw 0x600, %cx                         # COUNT
/// next:   movw AVAILABLE, %bx;  incw %bx;  movw %bx, AVAILABLE
///         movw $0x500, %dx;  outw %ax, %dx        # DOORBELL
/// await:  cli
///         cmpw USED, %bx;  je done
///         sti;  hlt                               # no interrupt comes between the two
///         jmp await
/// done:   loop next
///         movw $0x502, %dx;  outb %al, %dx        # END
///         hlt
/// handler:
///         incw 0x602                              # INTERRUPTS
///         movb $0x20, %al;  outb %al, $0x20
///         iret
/// ```
const PROGRAM: [u8; 86] = [
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0xf0, 0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x20, 0xe6,
    0x21, 0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x01, 0xe6, 0x21, 0xb0, 0xdf, 0xe6, 0x21, 0xc7, 0x06, 0x94, 0x00,
    0x00, 0x00, 0xc7, 0x06, 0x96, 0x00, 0x00, 0x00, 0x8b, 0x0e, 0x00, 0x06, 0x8b, 0x1e, 0x00, 0x00, 0x43,
    0x89, 0x1e, 0x00, 0x00, 0xba, 0x00, 0x05, 0xef, 0xfa, 0x3b, 0x1e, 0x00, 0x00, 0x74, 0x04, 0xfb, 0xf4,
    0xeb, 0xf5, 0xe2, 0xe6, 0xba, 0x02, 0x05, 0xee, 0xf4, 0xff, 0x06, 0x02, 0x06, 0xb0, 0x20, 0xe6, 0x20,
    0xcf,
];
/// Where the addresses stand in it that are not known before.
const HANDLER_AT: usize = 34;
const AVAILABLE_AT: [usize; 2] = [48, 53];
const USED_AT: usize = 62;
/// Where the handler begins.
const HANDLER: u16 = 77;

/// Where the guest finds its ring.
#[derive(Clone, Copy)]
pub(crate) struct Ring {
    pub(crate) available: u64,
    pub(crate) used: u64,
}

/// What a run came to.
pub(crate) struct Run {
    pub(crate) interrupts: u16,
    /// How often the VMM had something to do.
    pub(crate) exits: u32,
    /// From the guest's first instruction to its last.
    pub(crate) time: Duration,
}

/// An eventfd that came as a file.
pub(crate) fn event_of(file: File) -> EventFd {
    // SAFETY: nobody else has this descriptor.
    #[allow(unsafe_code)]
    unsafe {
        EventFd::from_raw_fd(file.into_raw_fd())
    }
}

pub(crate) struct Machine {
    vcpu: VcpuFd,
    /// Kept, for the processor is in it.
    _vm: VmFd,
}

impl Machine {
    /// A machine with this memory, doorbell and interrupt.
    pub(crate) fn new(ram: &Ram, doorbell: &EventFd, interrupt: &EventFd) -> Self {
        let kvm = Kvm::new().expect("/dev/kvm opens, for whoever runs the tests");
        let vm = kvm.create_vm().unwrap();
        vm.create_irq_chip().unwrap();
        for (slot, region) in (0..).zip(ram.regions()) {
            let region = kvm_userspace_memory_region {
                slot,
                flags: 0,
                guest_phys_addr: region.guest_phys_addr,
                memory_size: region.memory_size,
                userspace_addr: region.userspace_addr,
            };
            // SAFETY: a `Ram` is mapped until the test ends, and nothing of Rust's lies in it.
            #[allow(unsafe_code)]
            unsafe { vm.set_user_memory_region(region) }.unwrap();
        }
        vm.register_ioevent(doorbell, &IoEventAddress::Pio(DOORBELL), NoDatamatch).unwrap();
        vm.register_irqfd(interrupt, INTERRUPT).unwrap();
        Self { vcpu: vm.create_vcpu(0).unwrap(), _vm: vm }
    }

    /// Has the guest ring the doorbell so often, and wait for the device each time.
    pub(crate) fn run(mut self, ram: &Ram, ring: Ring, count: u16) -> Run {
        let code = u16::try_from(ram.take(0x1000)).unwrap();
        let index = |address: u64| u16::try_from(address + 2).unwrap();
        let mut program = PROGRAM;
        let mut patch = |at: usize, word: u16| program[at..at + 2].copy_from_slice(&word.to_le_bytes());
        patch(HANDLER_AT, code + HANDLER);
        AVAILABLE_AT.into_iter().for_each(|at| patch(at, index(ring.available)));
        patch(USED_AT, index(ring.used));
        ram.write(code.into(), &program);
        ram.write(COUNT, &count.to_le_bytes());
        let mut special = self.vcpu.get_sregs().unwrap();
        (special.cs.base, special.cs.selector) = (0, 0);
        self.vcpu.set_sregs(&special).unwrap();
        let mut registers = self.vcpu.get_regs().unwrap();
        (registers.rip, registers.rflags) = (code.into(), 2);
        self.vcpu.set_regs(&registers).unwrap();

        let (done, ended) = channel();
        thread::spawn(move || {
            let start = Instant::now();
            let exits = self.serve();
            done.send((exits, start.elapsed()))
        });
        let (exits, time) = ended.recv_timeout(PATIENCE).expect("the guest comes to its end");
        let interrupts = u16::from_le_bytes(ram.read(INTERRUPTS, 2).try_into().unwrap());
        Run { interrupts, exits, time }
    }

    /// What a VMM does; says how often it had to.
    fn serve(&mut self) -> u32 {
        let mut exits = 0;
        loop {
            match self.vcpu.run() {
                Ok(VcpuExit::IoOut(END, _)) => return exits + 1,
                Ok(VcpuExit::InternalError | VcpuExit::Shutdown | VcpuExit::FailEntry(..)) => {
                    panic!("the processor gave up at {:#x}", self.vcpu.get_regs().unwrap().rip)
                }
                Ok(_) => exits += 1,
                Err(error) if error.errno() == libc::EINTR => {}
                Err(error) => panic!("the processor does not run: {error}"),
            }
        }
    }
}
