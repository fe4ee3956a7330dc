//! The demonstration image: the distribution's cloud kernel and a busybox in an initramfs.
//!
//! Packages are downloaded and unpacked, never installed, so no root is needed and the machine
//! keeps its own kernel. The archive is reproducible: equal inputs give an equal digest.

use std::{
    fmt, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    digest,
    place::{Place, make_dir},
    sh::Sh,
};

const INIT: &str = include_str!("../guest/init");

/// Debian's name, then Ubuntu's.
const KERNELS: [&str; 2] = ["linux-image-cloud-amd64", "linux-image-virtual"];

/// What the kernel may lack built in and the power button needs, in loading order.
const MODULES: [&str; 2] = ["button", "evdev"];

/// A kernel and an initrd with their digests.
pub struct Guest {
    pub kernel: PathBuf,
    pub initrd: PathBuf,
    pub kernel_sha256: String,
    pub initrd_sha256: String,
}

impl fmt::Display for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {}", self.kernel_sha256, self.kernel.display())?;
        write!(f, "{}  {}", self.initrd_sha256, self.initrd.display())
    }
}

/// Makes the image unless it is there and was made from the same parts.
pub fn make(place: &Place) -> Result<Guest> {
    let dir = place.state("guest");
    let (kernel, initrd, stamp) = (dir.join("vmlinuz"), dir.join("initrd"), dir.join("made-from"));
    let recipe = digest::of(format!("{INIT}{MODULES:?}{KERNELS:?}"));
    // Made from what, and the digests: hashing both files again would take a second of every start.
    let noted = fs::read_to_string(&stamp).unwrap_or_default();
    if let [made_from, kernel_sha256, initrd_sha256] = noted.lines().collect::<Vec<_>>().as_slice()
        && *made_from == recipe
        && kernel.exists()
        && initrd.exists()
    {
        let (kernel_sha256, initrd_sha256) = ((*kernel_sha256).to_owned(), (*initrd_sha256).to_owned());
        return Ok(Guest {
            kernel,
            initrd,
            kernel_sha256,
            initrd_sha256,
        });
    }
    make_dir(&dir, 0o755)?;
    build(&dir.join("work"), &kernel, &initrd)?;
    let (kernel_sha256, initrd_sha256) = (digest::of_file(&kernel)?, digest::of_file(&initrd)?);
    fs::write(&stamp, format!("{recipe}\n{kernel_sha256}\n{initrd_sha256}\n"))?;
    Ok(Guest {
        kernel,
        initrd,
        kernel_sha256,
        initrd_sha256,
    })
}

fn build(work: &Path, kernel: &Path, initrd: &Path) -> Result<()> {
    if work.exists() {
        fs::remove_dir_all(work)?;
    }
    let system = work.join("system");
    for package in [kernel_package()?.as_str(), "busybox-static"] {
        unpack(work, package, &system)?;
    }
    let boot = find(&system.join("boot"), "vmlinuz-").context("the kernel package holds no vmlinuz")?;
    fs::copy(boot, kernel)?;
    fs::set_permissions(kernel, fs::Permissions::from_mode(0o644))?;

    let root = work.join("root");
    let busybox = find(&system, "busybox").context("the busybox package holds no busybox")?;
    install(&busybox, &root.join("bin/busybox"), 0o755)?;
    make_dir(&root.join("dev"), 0o755)?;
    let order = modules(&system, &root.join("modules"))?;
    fs::write(root.join("modules/order"), order.join("\n"))?;
    fs::write(root.join("init"), INIT)?;
    fs::set_permissions(root.join("init"), fs::Permissions::from_mode(0o755))?;

    pack(&root, initrd)?;
    fs::remove_dir_all(work)?;
    Ok(())
}

/// The package behind the distribution's name for its newest cloud kernel.
fn kernel_package() -> Result<String> {
    for name in KERNELS {
        let Ok(depends) = Sh::new("apt-cache").args(["depends", name]).read() else {
            continue;
        };
        let image = depends
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|on| on.starts_with("linux-image-"));
        if let Some(image) = image {
            return Ok(image.to_owned());
        }
    }
    bail!("apt knows none of {KERNELS:?}: apt-get update")
}

fn unpack(work: &Path, package: &str, into: &Path) -> Result<()> {
    let dir = work.join("download").join(package);
    make_dir(&dir, 0o755)?;
    // As root apt would drop to a user who may not write here.
    Sh::new("apt-get")
        .args(["-q", "-o", "APT::Sandbox::User=", "download", package])
        .dir(&dir)
        .run()?;
    let archive = find(&dir, package).with_context(|| format!("apt-get did not bring {package}"))?;
    Sh::new("dpkg").arg("-x").arg(archive).arg(into).run()
}

/// Copies the modules that are not built in and answers their file names in loading order.
fn modules(system: &Path, into: &Path) -> Result<Vec<String>> {
    make_dir(into, 0o755)?;
    let mut order = Vec::new();
    for module in MODULES {
        let Some(file) = find(&system.join("lib/modules"), &format!("{module}.ko")) else {
            continue;
        };
        let name = format!("{module}.ko");
        let unpacker = match file.extension().and_then(|extension| extension.to_str()) {
            Some("xz") => Some("xz"),
            Some("zst") => Some("zstd"),
            _ => None,
        };
        match unpacker {
            Some(program) => Sh::new("sh")
                .args(["-c", "exec \"$0\" -dc \"$1\" >\"$2\"", program])
                .arg(&file)
                .arg(into.join(&name))
                .run()?,
            None => install(&file, &into.join(&name), 0o644)?,
        }
        order.push(name);
    }
    Ok(order)
}

/// The archive, with names sorted and times, owners and inode numbers taken out.
fn pack(root: &Path, initrd: &Path) -> Result<()> {
    let script = "set -e; find . -exec touch -h -d @0 {} +; \
                  find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet | gzip -n9 >\"$0\"";
    Sh::new("bash")
        .args(["-o", "pipefail", "-c", script])
        .arg(initrd)
        .dir(root)
        .run()
}

/// The first file below `dir`, in name order, whose name begins so.
fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let is_it = |path: &&PathBuf| {
        path.is_file()
            && path
                .file_name()
                .is_some_and(|it| it.to_string_lossy().starts_with(name))
    };
    if let Some(file) = entries.iter().find(is_it) {
        return Some(file.clone());
    }
    entries
        .iter()
        .filter(|path| path.is_dir() && !path.is_symlink())
        .find_map(|path| find(path, name))
}

fn install(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(dir) = to.parent() {
        make_dir(dir, 0o755)?;
    }
    fs::copy(from, to).with_context(|| format!("copy {}", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}
