//! The tail of a serial console's log.
//!
//! virtlogd appends to the file and, when it grew too large, renames it to `console.log.0` and begins a new one. The inode and the
//! time of its birth name an incarnation, so a rotation is seen whenever it happened, our own death included, and the rest of the
//! rotated file is shipped before the new one.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::UNIX_EPOCH,
};

use host_api::{CONSOLE_TAIL, ConsoleAck, ConsoleBytes, ConsoleChunk};

use crate::images;

/// What comes after the acknowledgement, at most `most` bytes; none when nothing does.
pub fn after(log: &Path, ack: &ConsoleAck, most: usize) -> io::Result<Option<ConsoleChunk>> {
    let now = Incarnation::open(log)?;
    if ack.stream.as_ref().is_some_and(|known| *known != now.name) {
        let rotated = log.with_extension("log.0");
        if let Ok(before) = Incarnation::open(&rotated)
            && ack.stream.as_ref() == Some(&before.name)
            && let Some(rest) = before.read(ack.next, most)?
        {
            return Ok(Some(rest));
        }
    }
    let known = if ack.stream.as_ref() == Some(&now.name) {
        ack.next
    } else {
        0
    };
    now.read(known, most)
}

struct Incarnation {
    file: File,
    name: String,
    len: u64,
}

impl Incarnation {
    fn open(path: &Path) -> io::Result<Self> {
        let file = images::open(path)?;
        let meta = file.metadata()?;
        Ok(Self {
            name: name(&meta),
            len: meta.len(),
            file,
        })
    }

    fn read(mut self, known: u64, most: usize) -> io::Result<Option<ConsoleChunk>> {
        // A file that became shorter was truncated by somebody; what it holds now is worth more than an error.
        let known = if known > self.len { 0 } else { known };
        let offset = known.max(self.len.saturating_sub(CONSOLE_TAIL as u64));
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.take(most.min(CONSOLE_TAIL) as u64).read_to_end(&mut bytes)?;
        Ok((!bytes.is_empty()).then(|| ConsoleChunk {
            stream: self.name,
            offset,
            bytes: ConsoleBytes::last_of(bytes),
        }))
    }
}

fn name(meta: &Metadata) -> String {
    let birth = meta
        .created()
        .ok()
        .and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    format!(
        "{:x}-{:x}-{:x}",
        meta.dev(),
        meta.ino(),
        birth.map_or(0, |born| born.as_nanos())
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use host_api::ConsoleTail;
    use ids::VmId;

    use super::*;

    /// Ships until there is nothing more.
    fn ship(log: &Path, tail: &mut ConsoleTail) {
        while let Some(chunk) = after(log, &tail.ack(VmId::mint()), 7).unwrap() {
            assert!(tail.take(&chunk), "the same again: {chunk:?}");
        }
    }

    #[test]
    fn a_rotation_loses_and_repeats_nothing() {
        let dir = std::env::temp_dir().join(format!("console-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let log = dir.join("console.log");
        let mut tail = ConsoleTail::default();

        fs::write(&log, "one two ").unwrap();
        ship(&log, &mut tail);
        fs::write(&log, "one two three ").unwrap();
        fs::rename(&log, dir.join("console.log.0")).unwrap();
        fs::write(&log, "four").unwrap();
        ship(&log, &mut tail);
        assert_eq!(String::from_utf8_lossy(&tail.bytes), "one two three four");

        let mut forgot = ConsoleTail::default();
        ship(&log, &mut forgot);
        assert_eq!(forgot.bytes, b"four", "who forgot gets the newest file");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn only_the_tail_of_a_flood_is_shipped() {
        let dir = std::env::temp_dir().join(format!("flood-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let log = dir.join("console.log");
        fs::write(&log, vec![b'x'; CONSOLE_TAIL * 3]).unwrap();
        let ack = ConsoleAck {
            vm_id: VmId::mint(),
            stream: None,
            next: 0,
        };
        let chunk = after(&log, &ack, usize::MAX).unwrap().unwrap();
        assert_eq!(
            (chunk.offset, chunk.bytes.as_slice().len()),
            (CONSOLE_TAIL as u64 * 2, CONSOLE_TAIL)
        );

        std::os::unix::fs::symlink(&log, dir.join("link")).unwrap();
        assert!(after(&dir.join("link"), &ack, 10).is_err(), "a link was followed");
        fs::remove_dir_all(dir).unwrap();
    }
}
