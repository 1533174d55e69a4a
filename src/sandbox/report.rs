//! What holds and what the host could not give.

use std::fmt;

use super::Needs;

/// What stays open for the sake of the latency class.
const PRIORITY: &str = "CAP_SYS_NICE, for priority on the GPU, and with it the host's user namespace and as many \
                        threads as its limits allow";

/// One of the walls around a sealed process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// No program that it could start would gain anything.
    NoNewPrivileges,
    /// Its user is nobody outside, so no check of the first user namespace passes.
    UserNamespace,
    /// It sees no file.
    EmptyRoot,
    /// It sees no network.
    NetworkNamespace,
    /// It sees no System V object, message queue or host name of others.
    IpcAndHostName,
    /// It is not root and is in no group.
    UnprivilegedUser,
    /// It holds no capability.
    Capabilities,
    /// Others of its user cannot look into its memory.
    NotDumpable,
    /// No file system, TCP, abstract socket or signal beyond itself.
    Landlock,
    /// It calls only what a device needs.
    Seccomp,
    /// Its memory, descriptors and core files are limited.
    Limits,
    /// Its threads are limited.
    ThreadLimit,
}

impl Layer {
    /// Every layer, in the order of the table that operators see.
    pub const ALL: [Self; 12] = [
        Self::NoNewPrivileges,
        Self::UserNamespace,
        Self::EmptyRoot,
        Self::NetworkNamespace,
        Self::IpcAndHostName,
        Self::UnprivilegedUser,
        Self::Capabilities,
        Self::NotDumpable,
        Self::Landlock,
        Self::Seccomp,
        Self::Limits,
        Self::ThreadLimit,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::NoNewPrivileges => "no_new_privs",
            Self::UserNamespace => "user namespace",
            Self::EmptyRoot => "empty root directory",
            Self::NetworkNamespace => "network namespace",
            Self::IpcAndHostName => "IPC and host name namespaces",
            Self::UnprivilegedUser => "unprivileged user",
            Self::Capabilities => "empty capability sets",
            Self::NotDumpable => "memory closed to others",
            Self::Landlock => "Landlock",
            Self::Seccomp => "system call filter",
            Self::Limits => "resource limits",
            Self::ThreadLimit => "limit on threads",
        }
    }

    /// What an operator can do about it.
    fn remedy(self) -> &'static str {
        match self {
            Self::UserNamespace | Self::ThreadLimit => {
                "allow user namespaces (sysctl user.max_user_namespaces, or \
                 kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for vgpu)"
            }
            Self::EmptyRoot | Self::NetworkNamespace | Self::IpcAndHostName => {
                "allow user namespaces, or start vgpu with CAP_SYS_ADMIN"
            }
            Self::UnprivilegedUser => "start vgpu as a user of its own, or with CAP_SETUID and CAP_SETGID",
            Self::Landlock => "boot Linux 5.13 or later with `landlock` in the `lsm=` list",
            Self::Seccomp | Self::NoNewPrivileges => "use a kernel with CONFIG_SECCOMP_FILTER",
            Self::Capabilities | Self::NotDumpable | Self::Limits => "see what restricts vgpu on this host",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A layer that the host could not give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub layer: Layer,
    /// What the host said.
    pub reason: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no {}: {}; remedy: {}", self.layer, self.reason, self.layer.remedy())
    }
}

/// What holds and what the host could not give, in the order in which it was tried.
#[derive(Clone, Debug, Default)]
pub struct Report {
    held: Vec<(Layer, String)>,
    missing: Vec<Missing>,
    /// Layers that a process of this kind cannot have.
    without: Vec<Layer>,
    /// What the driver that it loads needs.
    driver: Option<Needs>,
    /// It keeps CAP_SYS_NICE.
    priority: bool,
}

impl Report {
    /// Of a process that loads a driver, or of one that does not; and that keeps CAP_SYS_NICE, or does not.
    pub(super) fn of(driver: Option<&Needs>, priority: bool) -> Self {
        let mut without: Vec<Layer> = driver.map(|_| Layer::EmptyRoot).into_iter().collect();
        if priority {
            // In another user namespace the capability counts for nothing. In the first one processes of others would
            // count against the limit.
            without.extend([Layer::UserNamespace, Layer::ThreadLimit]);
        }
        Self { without, driver: driver.cloned(), priority, ..Self::default() }
    }

    /// Whether it keeps CAP_SYS_NICE, in the first user namespace.
    pub fn keeps_priority(&self) -> bool {
        self.priority
    }

    /// What stays open to the process because it could not do its work otherwise, a line each.
    pub fn left_open(&self) -> Vec<String> {
        let mut open =
            self.driver.as_ref().map(|needs| needs.lines(self.holds(Layer::Landlock))).unwrap_or_default();
        if self.priority {
            open.push(PRIORITY.to_owned());
        }
        open
    }

    pub(super) fn note<E: fmt::Display>(&mut self, layer: Layer, outcome: Result<(), E>) {
        self.note_as(layer, outcome.map(|()| String::new()));
    }

    /// As [`Report::note`], with a word on how far it goes.
    pub(super) fn note_as<E: fmt::Display>(&mut self, layer: Layer, outcome: Result<String, E>) {
        match outcome {
            Ok(extent) => self.held.push((layer, extent)),
            Err(error) => self.missing.push(Missing { layer, reason: error.to_string() }),
        }
    }

    /// Whether this layer holds.
    pub fn holds(&self, layer: Layer) -> bool {
        self.held.iter().any(|(held, _)| *held == layer)
    }

    /// Whether every layer holds that such a process can have.
    pub fn is_complete(&self) -> bool {
        Layer::ALL.into_iter().all(|layer| self.holds(layer) || self.without.contains(&layer))
    }

    /// A line for what holds, then one for each layer that does not.
    pub fn lines(&self) -> Vec<String> {
        let missing = self.missing.iter().map(ToString::to_string);
        std::iter::once(format!("sealed: {self}")).chain(missing).collect()
    }

    /// What the host could not give.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }
}

/// The layers that hold, in one line.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (layer, extent)) in self.held.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let space = if extent.is_empty() { "" } else { " " };
            write!(formatter, "{comma}{layer}{space}{extent}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Layer, Report};

    #[test]
    fn a_report_is_complete_only_when_every_layer_holds() {
        let mut report = Report::default();
        for layer in Layer::ALL.into_iter().skip(1) {
            report.note(layer, Ok::<(), &str>(()));
        }
        assert!(!report.is_complete());

        report.note(Layer::ALL[0], Ok::<(), &str>(()));

        assert!(report.is_complete());
    }

    #[test]
    fn a_missing_layer_is_named_with_the_reason_and_the_remedy() {
        let mut report = Report::default();

        report.note(Layer::Landlock, Err("not built into the kernel"));

        assert_eq!(
            report.missing()[0].to_string(),
            "no Landlock: not built into the kernel; \
             remedy: boot Linux 5.13 or later with `landlock` in the `lsm=` list"
        );
    }
}
