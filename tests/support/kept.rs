//! A vGPU whose device processes are killed, and followed by others: the test is their keeper.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use command_fds::{CommandFdExt, FdMapping};
use vgpu::control::client::Client;
use vgpu::control::profile::Profile;
use vgpu::control::spec::{
    CONNECTION_FD, CONTROL_FD, DeviceSpec, Entry, FRONT_END_FD, KEEPER_FD, LOCK_FD, Role, VAULT_FD,
};
use vgpu::transport::vhost_user::{Journal, Note, Story};
use vgpu::vault::Vault;

use crate::service::wait_until;

pub struct Kept {
    folder: tempfile::TempDir,
    profile: Profile,
    front_end: OwnedFd,
    control: OwnedFd,
    vault: OwnedFd,
    lock: OwnedFd,
    pub process: Child,
    journal: Arc<Mutex<Journal>>,
    /// Why it ended in order, and the journal before that.
    ended: Arc<Mutex<Option<String>>>,
    listener: Option<JoinHandle<()>>,
}

impl Kept {
    /// One with a head of 1024 × 768, and a front end's connection to it.
    pub fn start() -> (Self, UnixStream) {
        let folder = tempfile::tempdir().unwrap();
        let listen = |name: &str| OwnedFd::from(UnixListener::bind(folder.path().join(name)).unwrap());
        let (front_end, control) = (listen("socket"), listen("control"));
        let lock = File::options().create(true).append(true).open(folder.path().join("lock")).unwrap();
        let profile = Profile::parse("[[head]]\nsize = \"1024x768\"").unwrap();
        let vault = Vault::file(profile.limits.memory).unwrap();
        let journal = Arc::default();
        let ended = Arc::default();
        let mut kept = Self {
            process: Command::new("true").spawn().unwrap(),
            folder,
            profile,
            front_end,
            control,
            vault,
            lock: lock.into(),
            journal,
            ended,
            listener: None,
        };
        kept.process.wait().unwrap();
        kept.spawn();
        let stream = UnixStream::connect(kept.folder.path().join("socket")).unwrap();
        (kept, stream)
    }

    /// SIGKILL, and everything that it said before is heard.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.wait();
    }

    /// Its own end.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.process.wait().unwrap();
        self.listener.take().unwrap().join().unwrap();
        status
    }

    /// Another process goes on.
    pub fn resume(&mut self) {
        self.spawn();
    }

    pub fn take_over(&mut self) {
        self.kill();
        self.resume();
    }

    /// The journal that the keeper has now.
    pub fn journal(&self) -> Journal {
        self.journal.lock().unwrap().clone()
    }

    /// Notes something that no process said.
    pub fn apply(&self, note: Note) {
        self.journal.lock().unwrap().apply(note).unwrap();
    }

    /// What another keeper heard.
    pub fn set_journal(&self, journal: Journal) {
        *self.journal.lock().unwrap() = journal;
    }

    /// Waits until the process tells this keeper nothing more; false if it does.
    pub fn is_let_go(&mut self) -> bool {
        let listener = self.listener.take().unwrap();
        wait_until(|| listener.is_finished())
    }

    /// Why the process ended in order.
    pub fn ended(&self) -> Option<String> {
        self.ended.lock().unwrap().clone()
    }

    pub fn operator(&self) -> Client {
        Client::new(self.control_path())
    }

    pub fn control_path(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    pub fn socket_path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// A device process with what all of them have, and this channel and connection.
    pub fn command(&self, channel: UnixStream, connection: Option<OwnedFd>) -> Command {
        let spec = DeviceSpec {
            role: Role::Device,
            name: "kept".to_owned(),
            entry: Entry::Listener,
            control: true,
            kept: true,
            locked: true,
            scheduled: false,
            resumed: connection.is_some(),
            require_sandbox: false,
            supervisor: None, // it would die with the thread of the test that started it
            profile: self.profile.clone(),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_vgpu"));
        command.arg("device").arg(serde_json::to_string(&spec).unwrap());
        command.env_clear().env("VGPU_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::null());
        let copy = |descriptor: &OwnedFd| descriptor.as_fd().try_clone_to_owned().unwrap();
        let always = [
            (FRONT_END_FD, copy(&self.front_end)),
            (CONTROL_FD, copy(&self.control)),
            (KEEPER_FD, channel.into()),
            (VAULT_FD, copy(&self.vault)),
            (LOCK_FD, copy(&self.lock)),
        ];
        let all = always.into_iter().chain(connection.map(|connection| (CONNECTION_FD, connection)));
        let mappings = all.map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd });
        command.fd_mappings(mappings.collect()).unwrap();
        command
    }

    fn spawn(&mut self) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let journal = self.journal();
        let connection = journal.connection().map(|connection| connection.try_clone().unwrap());
        self.process = self.command(theirs, connection).spawn().unwrap();
        if journal.connection().is_some() {
            // A process that dies of it is what some tests are about.
            _ = journal.send(&ours);
        }
        self.listen_to(ours);
    }

    /// Applies what a device process tells, until it hangs up.
    pub fn listen_to(&mut self, channel: UnixStream) {
        let (journal, ended) = (self.journal.clone(), self.ended.clone());
        self.listener = Some(thread::spawn(move || {
            while let Ok(Some(note)) = Note::receive(&channel) {
                if let Note::Ended(reason) = &note {
                    *ended.lock().unwrap() = Some(reason.clone());
                }
                journal.lock().unwrap().apply(note).unwrap();
            }
        }));
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
