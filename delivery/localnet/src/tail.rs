//! Reads a file that somebody appends lines to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How much of a file may have been read before its space is given back.
const EMPTIED_BEYOND: u64 = 16 * 1024 * 1024;
/// How much is read at once; what is left over is read the next time.
const READ_AT_ONCE: u64 = 4 * 1024 * 1024;
/// How long an unfinished line may become before it counts as one.
const LONGEST_LINE: usize = 1024 * 1024;

/// A file that is followed.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    file: Option<File>,
    /// How much of the file has been read.
    offset: u64,
    /// Up to where the file's space has been given back.
    emptied: u64,
    /// The beginning of a line whose end is not there yet.
    partial: Vec<u8>,
    /// How much may have been read before its space is given back.
    limit: u64,
    /// It could not be read, and is not any more.
    is_given_up: bool,
}

impl Tail {
    /// Follows a file, from its beginning. It may not be there yet.
    pub(crate) fn new(path: &Path) -> Tail {
        Tail {
            path: path.to_owned(),
            file: None,
            offset: 0,
            emptied: 0,
            partial: Vec::new(),
            limit: EMPTIED_BEYOND,
            is_given_up: false,
        }
    }

    /// The lines that have come since, without line feeds; what is not UTF-8 is replaced. When much of a file has been
    /// read, what was read is taken out of it. Its writer must append, as Envoy does.
    ///
    /// # Errors
    /// When the file cannot be read: once, since it is given up then.
    pub(crate) fn lines(&mut self) -> io::Result<Vec<String>> {
        if self.is_given_up {
            return Ok(Vec::new());
        }
        let mut bytes = std::mem::take(&mut self.partial);
        let read = self.read(&mut bytes);
        let lines = self.split(bytes);
        match read {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.is_given_up = true;
                Err(error)
            }
            _ => Ok(lines),
        }
    }

    fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            // Written too, so that it can be emptied.
            none => none.insert(OpenOptions::new().read(true).append(true).open(&self.path)?),
        };
        let length = file.metadata()?.len();
        if length < self.offset {
            // Somebody has emptied it: what is there came since.
            (self.offset, self.emptied) = (0, 0);
        }
        if length == self.offset && length - self.emptied <= self.limit {
            return Ok(());
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let read = file.by_ref().take(READ_AT_ONCE).read_to_end(bytes)?;
        self.offset += read as u64;
        if self.offset - self.emptied > self.limit {
            if give_back(file, self.offset) {
                self.emptied = self.offset;
            } else if file.metadata()?.len() == self.offset {
                // Nothing is between the last look at the end and this, so that next to nothing can be lost.
                file.set_len(0)?;
                (self.offset, self.emptied) = (0, 0);
            }
        }
        Ok(())
    }

    fn split(&mut self, bytes: Vec<u8>) -> Vec<String> {
        let end = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if bytes.len() > LONGEST_LINE => bytes.len(),
            None => 0,
        };
        self.partial = bytes[end..].to_vec();
        let whole = &bytes[..end];
        let whole = whole.strip_suffix(b"\n").unwrap_or(whole);
        if end == 0 {
            return Vec::new();
        }
        let lines = whole.split(|byte| *byte == b'\n');
        lines.map(|line| String::from_utf8_lossy(line).trim_end_matches('\r').to_owned()).collect()
    }
}

/// Gives the space of a file's beginning back, and leaves its length as it is: whoever appends meanwhile loses nothing.
/// False where the system or the file system cannot.
#[cfg(target_os = "linux")]
fn give_back(file: &File, length: u64) -> bool {
    use nix::fcntl::{FallocateFlags, fallocate};

    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    i64::try_from(length).is_ok_and(|length| fallocate(file, flags, 0, length).is_ok())
}

/// Elsewhere than on Linux there is no such call.
#[cfg(not(target_os = "linux"))]
fn give_back(_file: &File, _length: u64) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    #[cfg(target_os = "linux")]
    use std::os::unix::fs::MetadataExt;

    use super::*;

    struct Written {
        _folder: tempfile::TempDir,
        file: File,
        tail: Tail,
    }

    fn mk_file(limit: u64) -> Written {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbound.mesh.log");
        let file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        Written { _folder: folder, file, tail: Tail { limit, ..Tail::new(&path) } }
    }

    impl Written {
        fn after(&mut self, bytes: &[u8]) -> Vec<String> {
            self.file.write_all(bytes).unwrap();
            self.tail.lines().unwrap()
        }
    }

    #[test]
    fn lines_come_whole_and_once() {
        let mut log = mk_file(1000);
        for (bytes, expected) in [
            (&b"one\ntwo\n"[..], &["one", "two"][..]),
            (b"", &[]),
            (b"thr", &[]),
            (b"ee\n\nfive\nsi", &["three", "", "five"]),
            (b"x\r\n", &["six"]),
            (b"not \xff\xfe UTF-8\n", &["not \u{fffd}\u{fffd} UTF-8"]),
            // A character that is written in two parts is one.
            (b"\xc3", &[]),
            (b"\xa4\n", &["ä"]),
        ] {
            assert_eq!(log.after(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_has_been_read_of_a_long_file_takes_no_space_and_no_line_is_lost_or_repeated() {
        const LINES: usize = 200;
        let mut log = mk_file(20_000);
        let mut lines = Vec::new();
        let line = |number: usize| format!("{number} {}", "x".repeat(3_000));
        for number in 0..LINES {
            let whole = line(number) + "\n";
            // In two parts, so that space is given back within lines too.
            let (first, second) = whole.split_at(number % 100);
            lines.extend(log.after(first.as_bytes()));
            lines.extend(log.after(second.as_bytes()));
            // In blocks of 512 bytes; file systems give back whole pages.
            let space = fs::metadata(&log.tail.path).unwrap().blocks() * 512;
            assert!(space <= 20_000 + 4 * 4_096, "{space}");
        }
        assert_eq!(lines, (0..LINES).map(line).collect::<Vec<_>>());
    }

    #[test]
    fn no_line_is_lost_while_others_write_and_space_is_given_back() {
        let mut log = mk_file(1_000);
        let mut file = log.file.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            for number in 0..20_000 {
                file.write_all(format!("line {number}\n").as_bytes()).unwrap();
            }
        });
        let mut lines = Vec::new();
        loop {
            let is_over = writer.is_finished();
            let more = log.tail.lines().unwrap();
            if is_over && more.is_empty() {
                break;
            }
            lines.extend(more);
        }
        writer.join().unwrap();
        assert!(cfg!(not(target_os = "linux")) || log.tail.emptied > 1_000);
        if cfg!(target_os = "linux") {
            assert_eq!(lines, (0..20_000).map(|number| format!("line {number}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_file_that_somebody_else_empties_is_read_from_its_beginning() {
        let mut log = mk_file(1000);
        assert_eq!(log.after(b"one\ntwo\n"), ["one", "two"]);
        log.file.set_len(0).unwrap();
        assert_eq!(log.after(b"3\n"), ["3"]);
    }

    #[test]
    fn a_file_that_is_not_there_yet_has_no_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later.log");
        let mut tail = Tail::new(&path);
        assert_eq!(tail.lines().unwrap(), [""; 0]);
        fs::write(&path, "here\n").unwrap();
        assert_eq!(tail.lines().unwrap(), ["here"]);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut tail = Tail::new(folder.path());
        assert!(tail.lines().is_err());
        assert_eq!(tail.lines().unwrap(), [""; 0]);
    }

    #[test]
    fn a_line_without_an_end_does_not_grow_for_ever() {
        let mut log = mk_file(u64::MAX);
        let lines = log.after(&vec![b'x'; LONGEST_LINE + 1]);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [LONGEST_LINE + 1]);
    }
}
