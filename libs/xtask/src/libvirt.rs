//! This machine's libvirt, started by hand where nothing else does.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    daemon::Daemon,
    place::Place,
    sh::{self, Sh},
};

pub const URI: &str = "qemu:///system";

/// Makes libvirt answer. Fails, saying why, where no virtual machine can run.
pub fn start(place: &Place) -> Result<()> {
    for program in ["virsh", "libvirtd", "virtlogd", "qemu-system-x86_64"] {
        if !Sh::new("which").arg(program).succeeds() && !Path::new("/usr/sbin").join(program).exists() {
            bail!("{program} is missing: apt-get install libvirt-daemon-system libvirt-clients qemu-system-x86");
        }
    }
    mend_kvm()?;
    if answers() {
        return Ok(());
    }
    if Path::new("/run/systemd/system").exists() {
        Sh::root("systemctl").args(["start", "virtlogd", "libvirtd"]).run()?;
    } else {
        // Guests write their console through virtlogd; without it libvirt refuses to start them.
        for program in ["virtlogd", "libvirtd"] {
            let daemon = Daemon::named(place, program);
            if daemon.pid().is_none() && !runs(program) {
                let program = Path::new("/usr/sbin").join(program);
                daemon.start(Sh::root_daemon(&program)?, &program)?;
            }
        }
    }
    sh::wait_for("libvirt to answer", Duration::from_secs(30), || {
        Ok(answers().then_some(()))
    })
    .with_context(|| Daemon::named(place, "libvirtd").last_words())
}

/// Stops what `start` started by hand; guests go on without it.
pub fn stop(place: &Place) -> Result<()> {
    for program in ["libvirtd", "virtlogd"] {
        Daemon::named(place, program).stop()?;
    }
    Ok(())
}

/// Whether this user can talk to it.
pub fn answers() -> bool {
    virsh(&["uri"]).succeeds()
}

/// Guests whose files are in a directory, by their ids.
pub fn guests(dir: &Path) -> Result<Vec<String>> {
    let ids = virsh(&["list", "--all", "--uuid"]).read()?;
    let dir = format!("{}/", dir.display());
    let ours = |id: &&str| virsh(&["dumpxml", id]).read().is_ok_and(|xml| xml.contains(&dir));
    Ok(ids.split_whitespace().filter(ours).map(str::to_owned).collect())
}

/// Whether a guest runs.
pub fn is_running(guest: &str) -> bool {
    virsh(&["domstate", guest])
        .read()
        .is_ok_and(|state| state.trim() == "running")
}

/// Cuts their power. Whoever wants them to run starts them again.
pub fn shut_off(guests: &[String]) -> Result<()> {
    for guest in guests.iter().filter(|guest| is_running(guest)) {
        virsh(&["destroy", guest]).run()?;
    }
    Ok(())
}

/// Makes libvirt forget guests that are off.
pub fn forget(guests: &[String]) -> Result<()> {
    guests.iter().try_for_each(|guest| virsh(&["undefine", guest]).run())
}

fn virsh(args: &[&str]) -> Sh {
    Sh::new("virsh").args(["-q", "-c", URI]).args(args)
}

/// libvirt probes QEMU anew on every call, 44 s instead of 0.3 s per guest, while the guests' user cannot open
/// `/dev/kvm`; containers often leave it closed.
fn mend_kvm() -> Result<()> {
    let device = Path::new("/dev/kvm");
    let Ok(found) = fs::metadata(device) else { return Ok(()) };
    let groups = fs::read_to_string("/etc/group")?;
    let kvm = groups
        .lines()
        .find_map(|line| line.strip_prefix("kvm:x:")?.split(':').next()?.parse::<u32>().ok());
    let Some(kvm) = kvm else { return Ok(()) };
    if found.gid() != kvm || found.permissions().mode() & 0o660 != 0o660 {
        Sh::root("chown").arg("root:kvm").arg(device).run()?;
        Sh::root("chmod").arg("0660").arg(device).run()?;
        println!("  /dev/kvm was closed to guests: now root:kvm, mode 0660");
    }
    Ok(())
}

/// Whether any process has this program's name.
fn runs(program: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok())
        .any(|name| name.trim() == program)
}
