use proptest::prelude::*;

use super::*;

const CLUSTER: u64 = 64 * 1024;
const FILE: u64 = 256 * 1024;

/// The header `qemu-img create -f qcow2 disk.qcow2 1G` writes: version 3, 64 KiB clusters, feature names, no data.
fn good() -> Vec<u8> {
    let mut head = vec![0; HEAD];
    put(&mut head, 0, b"QFI\xfb");
    put(&mut head, 4, &3_u32.to_be_bytes());
    put(&mut head, 20, &16_u32.to_be_bytes());
    put(&mut head, 24, &(1_u64 << 30).to_be_bytes());
    put(&mut head, 36, &2_u32.to_be_bytes());
    put(&mut head, 40, &(3 * CLUSTER).to_be_bytes());
    put(&mut head, 48, &CLUSTER.to_be_bytes());
    put(&mut head, 56, &1_u32.to_be_bytes());
    put(&mut head, 96, &4_u32.to_be_bytes());
    put(&mut head, 100, &112_u32.to_be_bytes());
    put(&mut head, 112, &FEATURE_NAMES.to_be_bytes());
    put(&mut head, 116, &384_u32.to_be_bytes());
    head
}

fn put(head: &mut [u8], at: usize, bytes: &[u8]) {
    head[at..at + bytes.len()].copy_from_slice(bytes);
}

fn with(at: usize, bytes: &[u8]) -> Result<Qcow2, Refused> {
    let mut head = good();
    put(&mut head, at, bytes);
    inspect(&head, FILE)
}

#[test]
fn a_plain_disk_is_taken() {
    let disk = inspect(&good(), FILE).unwrap();
    assert_eq!(
        (disk.virtual_size, disk.l1_offset, disk.l1_bytes),
        (1 << 30, 3 * CLUSTER, 16)
    );
    let version_2 = {
        let mut head = good();
        put(&mut head, 4, &2_u32.to_be_bytes());
        put(&mut head, 72, &[0; 512]);
        head
    };
    assert!(inspect(&version_2, FILE).is_ok());
    let zstd = {
        let mut head = good();
        put(&mut head, 72, &COMPRESSION.to_be_bytes());
        put(&mut head, 104, &[1]);
        head
    };
    assert!(inspect(&zstd, FILE).is_ok());
}

#[test]
fn t55_other_files_are_never_named() {
    assert_eq!(with(8, &512_u64.to_be_bytes()), Err(Refused::BackingFile));
    assert_eq!(with(16, &11_u32.to_be_bytes()), Err(Refused::BackingFile));
    assert_eq!(with(72, &DATA_FILE.to_be_bytes()), Err(Refused::DataFile));
    assert_eq!(with(88, &RAW_DATA_FILE.to_be_bytes()), Err(Refused::DataFile));
    // The format of a backing file, the name of a data file, an encryption header, bitmaps, and what nobody knows.
    for kind in [0xe279_2aca_u32, 0x4441_5441, 0x0537_be77, 0x2385_2875, 0xdead_beef] {
        assert_eq!(with(112, &kind.to_be_bytes()), Err(Refused::Extension), "{kind:x}");
        assert_eq!(
            with(504, &kind.to_be_bytes()),
            Err(Refused::Extension),
            "{kind:x} behind the feature names"
        );
    }
}

#[test]
fn t55_unclean_and_unknown_disks_are_refused() {
    assert_eq!(with(0, b"\x7fELF"), Err(Refused::Magic));
    assert_eq!(with(4, &1_u32.to_be_bytes()), Err(Refused::Version));
    assert_eq!(with(4, &4_u32.to_be_bytes()), Err(Refused::Version));
    assert_eq!(with(32, &2_u32.to_be_bytes()), Err(Refused::Encrypted));
    assert_eq!(with(60, &1_u32.to_be_bytes()), Err(Refused::Snapshots));
    assert_eq!(with(64, &CLUSTER.to_be_bytes()), Err(Refused::Snapshots));
    assert_eq!(with(72, &DIRTY.to_be_bytes()), Err(Refused::Unclean));
    assert_eq!(with(72, &CORRUPT.to_be_bytes()), Err(Refused::Unclean));
    for bit in 4..64 {
        assert_eq!(
            with(72, &(1_u64 << bit).to_be_bytes()),
            Err(Refused::Feature),
            "bit {bit}"
        );
    }
    assert_eq!(with(104, &[1]), Err(Refused::Feature), "zstd without its feature bit");
    assert_eq!(with(96, &7_u32.to_be_bytes()), Err(Refused::Feature));
}

#[test]
fn t55_sizes_and_tables_fit() {
    for size in [0, LARGEST + 512, u64::MAX, 1000] {
        assert_eq!(with(24, &size.to_be_bytes()), Err(Refused::VirtualSize), "{size}");
    }
    for bits in [0_u32, 8, 22, 63, 64, u32::MAX] {
        assert_eq!(
            with(20, &bits.to_be_bytes()),
            Err(Refused::Tables),
            "{bits} cluster bits"
        );
    }
    assert_eq!(
        with(36, &1_u32.to_be_bytes()),
        Err(Refused::Tables),
        "a first table too short for the size"
    );
    assert_eq!(
        with(36, &u32::MAX.to_be_bytes()),
        Err(Refused::Tables),
        "a first table of 32 GiB"
    );
    for offset in [0, 1, CLUSTER + 8, FILE, u64::MAX - 7, CLUSTER] {
        assert_eq!(
            with(40, &offset.to_be_bytes()),
            Err(Refused::Tables),
            "first table at {offset}"
        );
    }
    for offset in [0, 8, FILE, !(CLUSTER - 1)] {
        assert_eq!(
            with(48, &offset.to_be_bytes()),
            Err(Refused::Tables),
            "reference counts at {offset}"
        );
    }
    assert_eq!(with(56, &0_u32.to_be_bytes()), Err(Refused::Tables));
    assert_eq!(with(56, &u32::MAX.to_be_bytes()), Err(Refused::Tables));
    for length in [0_u32, 96, 105, 520, u32::MAX] {
        assert_eq!(
            with(100, &length.to_be_bytes()),
            Err(Refused::Tables),
            "header of {length}"
        );
    }
}

#[test]
fn t55_a_file_may_end_anywhere() {
    let head = good();
    for end in 0..112 {
        assert!(inspect(&head[..end], FILE).is_err(), "{end}");
    }
    assert_eq!(inspect(&head, 2 * CLUSTER), Err(Refused::Tables));
}

#[test]
fn t55_the_first_table_stays_inside_the_file() {
    let disk = inspect(&good(), FILE).unwrap();
    let entry = |value: u64| disk.check_l1(&value.to_be_bytes());
    assert_eq!(entry(0), Ok(()));
    assert_eq!(entry(L1_COPIED | (2 * CLUSTER)), Ok(()));
    for bad in [FILE, 2 * CLUSTER + 512, 1, 1 << 62, L1_COPIED | L1_OFFSET] {
        assert_eq!(entry(bad), Err(Refused::Tables), "{bad:x}");
    }
    assert_eq!(disk.check_l1(&[0; 9]), Err(Refused::Tables));
}

proptest! {
    /// Whatever the bytes are: no panic, and what is taken keeps every promise.
    #[test]
    fn t55_any_bytes(noise in proptest::collection::vec((0usize..600, any::<u8>()), 0..24), file_size in 0u64..(1 << 40)) {
        let mut head = good();
        for (at, byte) in noise {
            head[at] = byte;
        }
        if let Ok(disk) = inspect(&head, file_size) {
            prop_assert!(disk.virtual_size > 0 && disk.virtual_size <= LARGEST);
            prop_assert!(disk.l1_bytes <= LARGEST_L1 && disk.l1_offset + disk.l1_bytes <= file_size);
            prop_assert_eq!(&head[8..20], &[0; 12], "no backing file");
            prop_assert_eq!(u32::from_be_bytes(head[32..36].try_into().unwrap()), 0, "no encryption");
        }
    }

    #[test]
    fn t55_any_text(text in proptest::collection::vec(any::<u8>(), 0..700)) {
        prop_assert!(inspect(&text, text.len() as u64).is_err());
    }
}

/// What the real tool makes: each kind of disk that is offered for download somewhere, and each that must be refused.
#[test]
fn t55_what_qemu_img_writes() {
    let folder = std::env::temp_dir().join(format!("yunshu-qcow2-{}", ids::EventId::mint()));
    std::fs::create_dir(&folder).unwrap();
    let qemu_img = |args: &str| {
        let args: Vec<&str> = args.split(' ').collect();
        let ran = std::process::Command::new("qemu-img")
            .args(&args)
            .current_dir(&folder)
            .output();
        let ran = ran.expect("qemu-img is missing: apt-get install qemu-utils");
        assert!(
            ran.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    };
    let judge = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let disk = inspect(&bytes[..bytes.len().min(HEAD)], bytes.len() as u64)?;
        let table = usize::try_from(disk.l1_offset).unwrap()..usize::try_from(disk.l1_offset + disk.l1_bytes).unwrap();
        disk.check_l1(&bytes[table]).map(|()| disk.virtual_size)
    };
    std::fs::write(folder.join("raw"), vec![7; 3 << 20]).unwrap();
    for options in [
        "",
        "-o compat=0.10",
        "-o cluster_size=512",
        "-o cluster_size=2M",
        "-o lazy_refcounts=on",
        "-o preallocation=metadata",
        "-o refcount_bits=1",
        "-o compression_type=zstd",
    ] {
        qemu_img(
            format!("create -q -f qcow2 {options} made 1G")
                .replace("  ", " ")
                .as_str(),
        );
        assert_eq!(judge("made"), Ok(1 << 30), "create {options}");
        qemu_img(
            format!("convert -f raw -O qcow2 {options} raw made")
                .replace("  ", " ")
                .as_str(),
        );
        assert_eq!(judge("made"), Ok(3 << 20), "convert {options}");
    }
    qemu_img("convert -c -f raw -O qcow2 raw packed");
    assert_eq!(judge("packed"), Ok(3 << 20));

    qemu_img("create -q -f qcow2 -b packed -F qcow2 overlay");
    assert_eq!(judge("overlay"), Err(Refused::BackingFile));
    qemu_img("create -q -f qcow2 -o data_file=outside,data_file_raw=on split 1G");
    assert_eq!(judge("split"), Err(Refused::DataFile));
    qemu_img("create -q -f qcow2 -o extended_l2=on extended 1G");
    assert_eq!(judge("extended"), Err(Refused::Feature));
    qemu_img("create -q -f qcow2 huge 65T");
    assert_eq!(judge("huge"), Err(Refused::VirtualSize));
    qemu_img("snapshot -c one packed");
    assert_eq!(judge("packed"), Err(Refused::Snapshots));
    assert_eq!(judge("raw"), Err(Refused::Magic));
    std::fs::remove_dir_all(folder).unwrap();
}
