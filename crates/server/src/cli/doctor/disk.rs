//! The folder of everything that Fireside keeps: who may read it, and how much room there is.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::finding::{Finding, Findings};
use crate::config::Config;

/// Less is soon used up, by the log of the system if by nothing else.
const LITTLE: u64 = 1 << 30;
/// With less, the next upload of a backup may be what stops chat.
const TOO_LITTLE: u64 = 64 << 20;
/// A message of a chat is told to others when it is on the disk.
const SLOW: Duration = Duration::from_millis(100);

/// What was seen.
struct Seen {
    folder: PathBuf,
    /// Its mode and owner, if it is there already.
    mode: Option<(u32, u32)>,
    /// There is something in it.
    is_used: bool,
    /// Who looks.
    me: u32,
    free_bytes: u64,
    free_files: u64,
    /// How long it takes until something is on the disk.
    write: io::Result<Duration>,
}

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let folder = config.data.clone();
    let looked = tokio::task::spawn_blocking(move || look(&folder)).await;
    let mut found = Findings::of("disk");
    match looked {
        Ok(Ok(seen)) => judge(&seen, &mut found),
        Ok(Err(error)) => {
            let says = format!("The data folder {} cannot be looked at: {error}.", config.data.display());
            found.problem("folder", says, "Give one that Fireside may use, with --data.");
        }
        Err(error) => found.skipped("folder", format!("The data folder could not be looked at: {error}."), "Look again."),
    }
    found.into_vec()
}

fn look(folder: &Path) -> io::Result<Seen> {
    let metadata = match std::fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // Where it will be made.
    let absolute = std::path::absolute(folder)?;
    let there = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let space = rustix::fs::statvfs(there)?;
    let mode = metadata.map(|metadata| (metadata.mode() & 0o777, metadata.uid()));
    Ok(Seen {
        folder: folder.to_path_buf(),
        mode,
        is_used: std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()),
        me: rustix::process::geteuid().as_raw(),
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        free_files: if space.f_files == 0 { u64::MAX } else { space.f_favail },
        write: write(there),
    })
}

/// Writes a page and waits until it is on the disk, as a commit does; the file goes away again.
fn write(folder: &Path) -> io::Result<Duration> {
    let mut best = Duration::MAX;
    let path = tempfile::Builder::new().prefix(".fireside-doctor-").tempfile_in(folder)?.into_temp_path();
    let mut file = File::create(&path)?;
    for _ in 0..3 {
        let began = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        best = best.min(began.elapsed());
    }
    Ok(best)
}

fn judge(seen: &Seen, found: &mut Findings) {
    let folder = seen.folder.display();
    match seen.mode {
        None => found.ok("folder", format!("The data folder {folder} is not there yet; the first start makes it.")),
        Some((_, owner)) if owner != seen.me => {
            let says = format!("The data folder {folder} belongs to another user (with the number {owner}) than the one who looks ({}).", seen.me);
            found.warning("folder", says, "Look as the user that Fireside runs as: sudo -u fireside fireside doctor, for example.");
        }
        Some((mode, _)) if mode & 0o077 != 0 && seen.is_used => {
            let says = format!(
                "Other users of this machine may look into the data folder {folder} (mode {mode:o}): keys and hashes of passwords are in it."
            );
            found.problem("folder", says, format!("chmod 700 {folder}"));
        }
        Some(_) if !seen.is_used => found.ok("folder", format!("The data folder {folder} is empty; the first start makes it its owner's alone.")),
        Some(_) => found.ok("folder", format!("The data folder {folder} is its owner's alone.")),
    }
    match (&seen.write, seen.mode) {
        (Ok(time), _) if *time > SLOW => {
            let says = format!("It takes {} ms until something is on the disk; every message of a chat waits for that.", time.as_millis());
            found.warning("write", says, "Put the data folder on a disk of this machine, better one without moving parts.");
        }
        (Ok(time), _) => found.ok("write", format!("What is written is on the disk within {} ms.", time.as_millis().max(1))),
        (Err(error), Some((_, owner))) if owner != seen.me => {
            let says = format!("Whether it can be written cannot be told as this user ({error}).");
            found.skipped("write", says, "Look as the user that Fireside runs as.");
        }
        (Err(error), _) => {
            let advice = "Make it this user's, or give another folder with --data.";
            found.problem("write", format!("Nothing can be written there: {error}."), advice);
        }
    }
    space(seen, found);
}

fn space(seen: &Seen, found: &mut Findings) {
    let mebibytes = seen.free_bytes >> 20;
    let room = if mebibytes < 10 * 1024 { format!("{mebibytes} MB") } else { format!("{} GB", mebibytes >> 10) };
    let advice = "Make room, or move the data folder to a larger disk.";
    if seen.free_bytes < TOO_LITTLE || seen.free_files < 16 {
        found.problem("space", format!("The disk is full but for {room}: accounts and chat cannot be kept for long."), advice);
    } else if seen.free_bytes < LITTLE {
        found.warning("space", format!("There is little room on the disk: {room}."), advice);
    } else {
        found.ok("space", format!("There is room on the disk: {room}."));
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    fn seen() -> Seen {
        let write = Ok(Duration::from_millis(2));
        Seen { folder: "/srv/f".into(), mode: Some((0o700, 7)), is_used: true, me: 7, free_bytes: 5 << 30, free_files: 1 << 20, write }
    }

    fn told(seen: &Seen) -> Vec<(&'static str, Status)> {
        let mut found = Findings::of("disk");
        judge(seen, &mut found);
        found.into_vec().into_iter().filter(|finding| finding.status != Status::Ok).map(|finding| (finding.check, finding.status)).collect()
    }

    #[test]
    fn each_thing_is_judged() {
        assert_eq!(told(&seen()), []);
        assert_eq!(told(&Seen { mode: None, ..seen() }), []);
        assert_eq!(told(&Seen { mode: Some((0o750, 7)), ..seen() }), [("folder", Status::Problem)]);
        assert_eq!(told(&Seen { mode: Some((0o755, 7)), is_used: false, ..seen() }), []);
        assert_eq!(told(&Seen { mode: Some((0o700, 0)), ..seen() }), [("folder", Status::Warning)]);
        assert_eq!(told(&Seen { free_bytes: 900 << 20, ..seen() }), [("space", Status::Warning)]);
        assert_eq!(told(&Seen { free_bytes: 10 << 20, ..seen() }), [("space", Status::Problem)]);
        assert_eq!(told(&Seen { free_files: 3, ..seen() }), [("space", Status::Problem)]);
        assert_eq!(told(&Seen { write: Ok(Duration::from_millis(300)), ..seen() }), [("write", Status::Warning)]);
        assert_eq!(told(&Seen { write: Err(io::ErrorKind::ReadOnlyFilesystem.into()), ..seen() }), [("write", Status::Problem)]);
        let of_another = Seen { write: Err(io::ErrorKind::PermissionDenied.into()), mode: Some((0o700, 0)), ..seen() };
        assert_eq!(told(&of_another), [("folder", Status::Warning), ("write", Status::Skipped)]);
    }

    #[test]
    fn nothing_is_left_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let seen = look(folder.path()).expect("a look");
        assert!(seen.write.is_ok() && seen.free_bytes > 0);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        assert!(look(&folder.path().join("to be made/soon")).expect("a look").mode.is_none());
    }
}
