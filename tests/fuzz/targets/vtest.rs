//! What a client may say on vtest's socket: any bytes. Its connection and all that it had must end when it hangs up.
#![no_main]

mod executor;

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{Arc, OnceLock};
use std::thread;

use libfuzzer_sys::fuzz_target;
use nix::sys::signal::{SigSet, Signal};
use vgpu::quota::{Ledger, Shares};
use vgpu::render::venus::{Monitor, Nobody};
use vgpu::sandbox::Sealed;
use vgpu::transport::vtest::{House, serve};

use executor::Contexts;

struct Server {
    address: SocketAddr,
    ledger: Ledger,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let address = SocketAddr::from_abstract_name(format!("vgpu-fuzz-{}", std::process::id())).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let ledger = Ledger::new(1 << 24);
        let renderer = Arc::new(Contexts);
        let (monitor, estate) = (Monitor::new(), Arc::new(Nobody));
        let shares = Shares::among(4);
        let house = House { renderer, ledger: ledger.clone(), monitor, estate, shares, clients_max: 4 };
        thread::spawn(move || serve(&Sealed::not_really(), &listener, house, Vec::new()));
        Server { address, ledger }
    })
}

/// Rust's own `main` has the program ignore SIGPIPE; here `main` is the fuzzer's. Threads inherit what is blocked.
fn survive_closed_sockets() {
    SigSet::from(Signal::SIGPIPE).thread_block().unwrap();
}

fuzz_target!(init: survive_closed_sockets(), |input: &[u8]| {
    let server = server();
    let mut stream = UnixStream::connect_addr(&server.address).unwrap();
    // Mesa's first words, so that what follows has a context.
    let begin = [1, 8, 0, 1, 17, 4].map(u32::to_le_bytes);
    _ = stream.write_all(&begin.as_flattened()[..9]);
    _ = stream.write_all(&begin.as_flattened()[12..]);
    _ = stream.write_all(input);
    _ = stream.shutdown(std::net::Shutdown::Write);
    _ = stream.read_to_end(&mut Vec::new());
    // The connection was closed by the last that the client had.
    while server.ledger.used() != 0 {
        thread::yield_now();
    }
});
