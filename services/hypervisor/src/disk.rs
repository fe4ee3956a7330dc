//! The files of one VM: its disk, its kernel, its console log, in a folder of its own.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use host_api::{BootImage, DesiredVm, ErrorCode, ObservedError};
use ids::VmId;
use tokio::{process::Command, time::timeout};

use crate::{
    images::{self, Images},
    qcow2,
    xml::{Boot, Disk},
};

const GIB: u64 = 1 << 30;

/// What `qemu-img` may use: it parses files that strangers made.
const LIMITS: [&str; 2] = ["--as=1073741824", "--cpu=10"];
const DEADLINE: Duration = Duration::from_secs(30);

/// Where all VMs' folders are.
#[derive(Debug, Clone)]
pub struct Disks(PathBuf);

impl Disks {
    /// Makes the folder when there is none.
    pub fn open(dir: PathBuf) -> io::Result<Self> {
        images::make_dir(&dir)?;
        Ok(Self(dir))
    }

    /// A VM's folder.
    pub fn of(&self, vm: VmId) -> PathBuf {
        self.0.join(vm.to_string())
    }

    /// The log of its serial port.
    pub fn console(&self, vm: VmId) -> PathBuf {
        self.of(vm).join("console.log")
    }

    /// The VMs of which there are files.
    pub fn all(&self) -> io::Result<Vec<VmId>> {
        let mut vms = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            vms.extend(entry?.file_name().to_str().and_then(|name| name.parse::<VmId>().ok()));
        }
        Ok(vms)
    }

    /// Whether there are files of it.
    pub fn has(&self, vm: VmId) -> bool {
        self.of(vm).symlink_metadata().is_ok()
    }

    /// Makes what a new domain is defined over. What an older placement left is no part of it.
    pub async fn make<'v>(
        &self,
        vm: &'v DesiredVm,
        images: &Images,
    ) -> Result<(Boot<'v>, Option<Disk>), ObservedError> {
        let dir = self.of(vm.vm_id);
        images::make_dir(&dir).map_err(failed)?;
        let own = dir.join(format!("disk-{}.qcow2", vm.epoch.0));
        for stale in self
            .disk_files(vm.vm_id)
            .map_err(failed)?
            .iter()
            .filter(|file| **file != own)
        {
            remove(stale).map_err(failed)?;
        }
        let base = self.base(vm, images).await?;
        if vm.shape.disk_gib > 0 {
            create(&own, base.as_deref(), vm.shape.disk_gib).await?;
        }
        self.parts(vm, images).await
    }

    /// What a domain is described by: its own kernel, the disk it has.
    pub async fn parts<'v>(
        &self,
        vm: &'v DesiredVm,
        images: &Images,
    ) -> Result<(Boot<'v>, Option<Disk>), ObservedError> {
        let base = self.base(vm, images).await?;
        let file = self.disk_files(vm.vm_id).map_err(failed)?.into_iter().next();
        let disk = file.map(|file| Disk { file, base });
        let BootImage::Kernel {
            kernel,
            initrd,
            cmdline,
        } = &vm.image
        else {
            return Ok((Boot::Disk, disk));
        };
        if !cmdline.chars().all(|c| crate::xml::is_xml(c) && !c.is_control()) {
            return Err(ObservedError::new(
                ErrorCode::DefineFailed,
                "control characters in the command line",
            ));
        }
        // Copies: libvirt gives a kernel to the user that guests run as, and tenants must not share what one of them may
        // come to write.
        let dir = self.of(vm.vm_id);
        let own = dir.join("kernel");
        copy(&images.have(kernel).await?, &own).await.map_err(failed)?;
        let mut own_initrd = None;
        if let Some(initrd) = initrd {
            let own = own_initrd.insert(dir.join("initrd"));
            copy(&images.have(initrd).await?, own).await.map_err(failed)?;
        }
        Ok((
            Boot::Kernel {
                kernel: own,
                initrd: own_initrd,
                cmdline,
            },
            disk,
        ))
    }

    /// The image a disk stands on, judged before any tool opens it.
    async fn base(&self, vm: &DesiredVm, images: &Images) -> Result<Option<PathBuf>, ObservedError> {
        let BootImage::Disk { disk } = &vm.image else {
            return Ok(None);
        };
        let base = images.have(disk).await?;
        let corrupt = |error: qcow2::Error| ObservedError::new(ErrorCode::ImageCorrupt, error);
        let header = qcow2::inspect(images::open(&base).map_err(failed)?).map_err(corrupt)?;
        if header.virtual_size > vm.shape.disk_gib.saturating_mul(GIB) {
            let what = format!(
                "the image needs {} bytes, the disk has {} GiB",
                header.virtual_size, vm.shape.disk_gib
            );
            return Err(ObservedError::new(ErrorCode::DiskFailed, what));
        }
        Ok(Some(base))
    }

    /// Makes the disk of a domain that is off as large as it should be.
    pub async fn grow(&self, vm: &DesiredVm, images: &Images) -> Result<(), ObservedError> {
        if let Some(file) = self.disk_files(vm.vm_id).map_err(failed)?.first() {
            let size = format!("{}G", vm.shape.disk_gib);
            return run(qemu_img(&["resize", "-q", "-f", "qcow2", "--"]).arg(file).arg(size)).await;
        }
        let own = self.of(vm.vm_id).join(format!("disk-{}.qcow2", vm.epoch.0));
        create(&own, self.base(vm, images).await?.as_deref(), vm.shape.disk_gib).await
    }

    /// The disks in a VM's folder: one, or after a crash a stale one too.
    fn disk_files(&self, vm: VmId) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.of(vm))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "qcow2") {
                files.push(path);
            }
        }
        Ok(files)
    }

    /// Removes every file of a VM.
    pub fn remove(&self, vm: VmId) -> io::Result<()> {
        match fs::remove_dir_all(self.of(vm)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Renamed into place when it is whole. One that is there already is kept: it was made for this placement.
async fn create(file: &Path, base: Option<&Path>, disk_gib: u64) -> Result<(), ObservedError> {
    if file.symlink_metadata().is_ok() {
        return Ok(());
    }
    let draft = file.with_extension("draft");
    remove(&draft).map_err(failed)?;
    let mut command = qemu_img(&["create", "-q", "-f", "qcow2"]);
    if let Some(base) = base {
        command.args(["-F", "qcow2", "-b"]).arg(base);
    }
    run(command.arg("--").arg(&draft).arg(format!("{disk_gib}G"))).await?;
    fs::rename(&draft, file).map_err(failed)
}

async fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let draft = to.with_extension("draft");
    remove(&draft)?;
    tokio::fs::copy(from, &draft).await?;
    fs::set_permissions(&draft, Permissions::from_mode(0o644))?;
    fs::rename(draft, to)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn failed(error: io::Error) -> ObservedError {
    ObservedError::new(ErrorCode::DiskFailed, error)
}

fn qemu_img(args: &[&str]) -> Command {
    let mut command = Command::new("prlimit");
    command.args(LIMITS).arg("qemu-img").args(args);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn run(command: &mut Command) -> Result<(), ObservedError> {
    let failed = |what: &dyn std::fmt::Display| ObservedError::new(ErrorCode::DiskFailed, format!("qemu-img: {what}"));
    match timeout(DEADLINE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(failed(&String::from_utf8_lossy(&output.stderr).trim())),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&"it did not end in time")),
    }
}
