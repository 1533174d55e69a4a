//! The only program in a test guest: it is `/init`, loads the virtio-gpu driver, and then draws what the test at the
//! other end of the second serial port asks for, a line at a time, or runs its programs. Each answer is a line that
//! starts with `ok` or `err`; lines before it that start with `| ` are a program's.

mod demo;
mod hotplug;
mod machine;
mod program;
mod screen;

#[path = "../../pattern.rs"]
mod pattern;

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, finit_module, reboot};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use hotplug::Hotplug;
use pattern::cursor_pixel;
use screen::{Mode, Screen};

type Answer = Result<String, Box<dyn Error>>;

const CARD: &str = "/dev/dri/card0";
const DRIVER: &str = "/sys/bus/virtio/drivers/virtio_gpu";
const CARD_WAIT: Duration = Duration::from_secs(60);

fn main() {
    let result = start();
    // If init ended, the kernel would panic and hide the reason.
    println!("guest: {result:?}");
    let _ = reboot(RebootCommand::PowerOff);
}

fn start() -> Result<(), Box<dyn Error>> {
    for (kind, target) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        mount(kind, target, kind, MountFlags::empty(), None)?;
    }
    // The kernel hands words of its command line that it does not know to init as variables.
    if let Ok(command) = std::env::var("run") {
        ["guest", "files", "machine"].into_iter().try_for_each(load_modules)?;
        program::enter_host_files()?;
        return machine::run(&command);
    }
    let mut guest = Guest { screen: None, hotplug: Hotplug::listen()?, has_host_files: false };
    load_modules("guest")?;
    if let Ok(list) = std::env::var("modules") {
        load_modules(&list)?;
    }
    if let Ok(label) = std::env::var("demo") {
        demo::draw(guest.screen()?, &label)?;
        println!("guest: drawn");
        loop {
            std::thread::park();
        }
    }
    guest.serve()
}

fn load_modules(list: &str) -> Result<(), Box<dyn Error>> {
    for module in fs::read_to_string(format!("/modules/{list}"))?.lines() {
        match finit_module(File::open(format!("/modules/{module}"))?, c"", 0) {
            // Lists overlap in what others depend on, and have quicker forms of it for other processors.
            Ok(()) | Err(Errno::EXIST | Errno::NODEV) => {}
            Err(error) => return Err(format!("{module}: {error}").into()),
        }
    }
    Ok(())
}

/// The driver makes the card's node some time after it is loaded or bound.
fn open_screen() -> Result<Screen, Box<dyn Error>> {
    let end = Instant::now() + CARD_WAIT;
    loop {
        match Screen::open(CARD) {
            Ok(screen) => return Ok(screen),
            Err(error) if Instant::now() > end => return Err(format!("{CARD}: {error}").into()),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

struct Guest {
    screen: Option<Screen>,
    hotplug: Hotplug,
    has_host_files: bool,
}

impl Guest {
    fn serve(&mut self) -> Result<(), Box<dyn Error>> {
        let mut port = OpenOptions::new().read(true).write(true).open("/dev/ttyS1")?;
        let mut settings = tcgetattr(&port)?;
        settings.make_raw();
        tcsetattr(&port, OptionalActions::Now, &settings)?;
        let lines = BufReader::new(port.try_clone()?).lines();
        writeln!(port, "ready")?;
        for line in lines {
            let line = line?;
            let answer = match line.strip_prefix("run ") {
                Some(command) => self.run(command, &mut port),
                None => self.obey(&line),
            };
            let answer = match answer {
                Ok(said) => format!("ok {said}"),
                Err(error) => format!("err {error}"),
            };
            writeln!(port, "{}", answer.replace('\n', " "))?;
        }
        Err("the command port was closed".into())
    }

    fn screen(&mut self) -> Result<&mut Screen, Box<dyn Error>> {
        match &mut self.screen {
            Some(screen) => Ok(screen),
            none => Ok(none.insert(open_screen()?)),
        }
    }

    fn obey(&mut self, line: &str) -> Answer {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["heads"] => self.screen()?.describe(),
            ["draw", head, seed] => self.screen()?.draw(number(head)?, number(seed)?, Mode::Preferred),
            ["draw", head, seed, width, height] => self.screen()?.draw(
                number(head)?,
                number(seed)?,
                Mode::Sized(number(width)?, number(height)?),
            ),
            ["flip", head, count, seed] => self.screen()?.flip(number(head)?, number(count)?, number(seed)?),
            ["damage", head, x, y, width, height, seed] => {
                let area = (number(x)?, number(y)?, number(width)?, number(height)?);
                self.screen()?.damage(number(head)?, area, number(seed)?)
            }
            ["cursor", head, x, y, hot_x, hot_y, seed] => {
                let (at, hot, seed) =
                    ((number(x)?, number(y)?), (number(hot_x)?, number(hot_y)?), number(seed)?);
                self.screen()?.show_cursor(number(head)?, at, hot, |x, y| cursor_pixel(x, y, seed))
            }
            ["move", head, x, y] => self.screen()?.move_cursor(number(head)?, (number(x)?, number(y)?)),
            ["hide", head] => self.screen()?.hide_cursor(number(head)?),
            ["off", head] => self.screen()?.turn_off(number(head)?),
            ["rebind"] => self.rebind(),
            ["hotplug-forget"] => self.hotplug.forget(),
            ["hotplug-wait"] => self.hotplug.wait(),
            ["reboot"] => Ok(reboot(RebootCommand::Restart).map(|()| String::new())?),
            ["poweroff"] => Ok(reboot(RebootCommand::PowerOff).map(|()| String::new())?),
            ["ping"] => Ok("pong".into()),
            _ => Err(format!("what is {line:?}?").into()),
        }
    }

    fn run(&mut self, command: &str, port: &mut File) -> Answer {
        if !self.has_host_files {
            load_modules("files")?;
            program::enter_host_files()?;
            self.has_host_files = true;
        }
        program::run(command, port)
    }

    /// Takes the device from its driver and gives it back.
    fn rebind(&mut self) -> Answer {
        self.screen = None;
        let device = fs::read_dir(DRIVER)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .find(|name| name.starts_with("virtio"))
            .ok_or("no device is bound to virtio_gpu")?;
        fs::write(format!("{DRIVER}/unbind"), &device)?;
        fs::write(format!("{DRIVER}/bind"), &device)?;
        self.screen()?;
        Ok(device)
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, Box<dyn Error>> {
    word.parse().map_err(|_| format!("{word:?} is not a number that fits").into())
}
