//! The domain as libvirt wants it described.

use std::path::PathBuf;

use host_api::DomainType;
use quick_xml::{
    Writer,
    events::{BytesEnd, BytesStart, BytesText, Event},
};

use crate::mark::Mark;

/// The longest title. Characters.
const TITLE: usize = 200;

/// Everything a domain is made from.
#[derive(Debug, Clone)]
pub struct Domain<'a> {
    /// What is written into it, its size too.
    pub mark: Mark,
    /// The name its owner gave it. Hostile.
    pub title: &'a str,
    /// kvm or qemu.
    pub domain_type: DomainType,
    /// What it boots.
    pub boot: Boot<'a>,
    /// Its disk, if it has one.
    pub disk: Option<Disk>,
    /// Where its serial port is logged.
    pub console: PathBuf,
}

/// What a domain boots.
#[derive(Debug, Clone)]
pub enum Boot<'a> {
    /// A kernel.
    Kernel {
        /// The file.
        kernel: PathBuf,
        /// The initial file system.
        initrd: Option<PathBuf>,
        /// The command line. Hostile.
        cmdline: &'a str,
    },
    /// Its disk.
    Disk,
}

/// A qcow2 disk. The whole chain is spelled out: libvirt must not guess formats from what a guest wrote.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The file the guest writes to.
    pub file: PathBuf,
    /// The image it stands on, shared and never written.
    pub base: Option<PathBuf>,
}

/// The domain's name in libvirt.
pub fn name(vm: ids::VmId) -> String {
    format!("yunshu-{vm}")
}

/// The description.
pub fn describe(domain: &Domain<'_>) -> String {
    let mut out = Out(Writer::new(Vec::new()));
    let kind = match domain.domain_type {
        DomainType::Kvm => "kvm",
        DomainType::Qemu => "qemu",
    };
    out.within("domain", &[("type", kind)], |out| {
        out.text("name", &[], &name(domain.mark.vm));
        out.text("uuid", &[], &domain.mark.vm.to_string());
        out.text("title", &[], &title(domain.title));
        out.within("metadata", &[], |out| out.raw(&domain.mark.xml()));
        out.text("memory", &[("unit", "MiB")], &domain.mark.shape.memory_mib.to_string());
        out.text("vcpu", &[], &domain.mark.shape.vcpus.to_string());
        out.within("os", &[], |out| os(out, &domain.boot));
        out.within("features", &[], |out| {
            out.empty("acpi", &[]);
            out.empty("apic", &[]);
        });
        match domain.domain_type {
            DomainType::Kvm => out.empty("cpu", &[("mode", "host-passthrough"), ("migratable", "on")]),
            DomainType::Qemu => out.empty("cpu", &[("mode", "maximum")]),
        }
        out.empty("clock", &[("offset", "utc")]);
        // A guest that powers off is off; one that reboots stays; one that crashes is started again by the reconciler.
        out.text("on_poweroff", &[], "destroy");
        out.text("on_reboot", &[], "restart");
        out.text("on_crash", &[], "destroy");
        out.within("devices", &[], |out| devices(out, domain));
    });
    out.done()
}

fn os(out: &mut Out, boot: &Boot<'_>) {
    out.text("type", &[("arch", std::env::consts::ARCH), ("machine", "q35")], "hvm");
    match boot {
        Boot::Kernel {
            kernel,
            initrd,
            cmdline,
        } => {
            out.text("kernel", &[], &kernel.to_string_lossy());
            if let Some(initrd) = initrd {
                out.text("initrd", &[], &initrd.to_string_lossy());
            }
            out.text("cmdline", &[], cmdline);
        }
        Boot::Disk => out.empty("boot", &[("dev", "hd")]),
    }
}

fn devices(out: &mut Out, domain: &Domain<'_>) {
    if let Some(disk) = &domain.disk {
        out.within("disk", &[("type", "file"), ("device", "disk")], |out| {
            out.empty("driver", &[("name", "qemu"), ("type", "qcow2"), ("discard", "unmap")]);
            out.empty("source", &[("file", &disk.file.to_string_lossy())]);
            if let Some(base) = &disk.base {
                out.within("backingStore", &[("type", "file")], |out| {
                    out.empty("format", &[("type", "qcow2")]);
                    out.within("source", &[("file", &base.to_string_lossy())], |out| {
                        // Or libvirt would give a file that tenants share to the user that guests run as.
                        out.empty("seclabel", &[("model", "dac"), ("relabel", "no")]);
                    });
                    out.empty("backingStore", &[]);
                });
            } else {
                out.empty("backingStore", &[]);
            }
            out.empty("target", &[("dev", "vda"), ("bus", "virtio")]);
        });
    }
    out.empty("controller", &[("type", "usb"), ("model", "none")]);
    // Appended to, so that what a guest said before it fell over is still there after it was started again. virtlogd
    // bounds the file by rotating it.
    out.within("serial", &[("type", "file")], |out| {
        out.empty(
            "source",
            &[("path", &domain.console.to_string_lossy()), ("append", "on")],
        );
        out.empty("target", &[("port", "0")]);
    });
    out.within("rng", &[("model", "virtio")], |out| {
        out.text("backend", &[("model", "random")], "/dev/urandom");
    });
    out.empty("memballoon", &[("model", "virtio")]);
}

/// One line of characters that XML 1.0 can carry; the others have no escape and would make the domain undefinable.
fn title(name: &str) -> String {
    name.chars()
        .take(TITLE)
        .map(|c| if c.is_control() || !is_xml(c) { '\u{fffd}' } else { c })
        .collect()
}

/// The characters of XML 1.0, section 2.2.
pub fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Writing to memory cannot fail, so nothing here does.
struct Out(Writer<Vec<u8>>);

impl Out {
    fn event(&mut self, event: Event<'_>) {
        let _ = self.0.write_event(event);
    }

    fn start<'e>(name: &'e str, attributes: &[(&'e str, &str)]) -> BytesStart<'e> {
        BytesStart::new(name).with_attributes(attributes.iter().copied())
    }

    fn within(&mut self, name: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Self)) {
        self.event(Event::Start(Self::start(name, attributes)));
        inner(self);
        self.event(Event::End(BytesEnd::new(name)));
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.event(Event::Empty(Self::start(name, attributes)));
    }

    fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.within(name, attributes, |out| out.event(Event::Text(BytesText::new(text))));
    }

    /// Only for what another writer made.
    fn raw(&mut self, xml: &str) {
        self.event(Event::Text(BytesText::from_escaped(xml)));
    }

    fn done(self) -> String {
        String::from_utf8(self.0.into_inner()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
