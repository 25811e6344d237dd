//! A [`Lossy`] disk as a mounted file system: a thread answers the kernel's requests. Needs root and `/dev/fuse`.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};

use super::disk::{Done, EIO, Lossy, ROOT};
use super::wire::{Answer, REQUEST_MAX, Request};

/// Not done by this file system.
const ENOSYS: i32 = 38;
/// A request that makes no sense.
const EINVAL: i32 = 22;
/// Lengths are set by `setattr`, if this is in its first word.
const SETS_LENGTH: u32 = 1 << 3;
/// `fallocate` leaves the length.
const KEEPS_LENGTH: u32 = 1;

/// A disk, and where it is mounted.
pub struct Mounted {
    disk: Arc<Mutex<Lossy>>,
    folder: PathBuf,
    in_use: bool,
}

impl Mounted {
    /// An empty disk at `folder`, which is made.
    pub fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut mounted = Self {
            disk: Arc::default(),
            folder: folder.to_owned(),
            in_use: false,
        };
        mounted.mount()?;
        Ok(mounted)
    }

    /// The disk.
    pub fn disk(&self) -> MutexGuard<'_, Lossy> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Mounts it; the kernel remembers nothing of an earlier mount.
    pub fn mount(&mut self) -> Result<()> {
        let device = File::options().read(true).write(true).open("/dev/fuse");
        let device = device.context("/dev/fuse")?;
        let mut mount = Command::new("mount");
        mount.args(["-i", "-t", "fuse", "-o"]);
        // The device is the standard input of `mount`, which hands it to the kernel.
        mount.arg("fd=0,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,max_read=131072");
        mount.arg("lossy").arg(&self.folder);
        let output = mount.stdin(Stdio::from(device.try_clone()?)).output()?;
        if !output.status.success() {
            bail!("mount: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let disk = Arc::clone(&self.disk);
        // It ends with the mount: here, and in namespaces that were made meanwhile and have a copy of it.
        let life = self.disk().life();
        thread::spawn(move || serve(device, &disk, life));
        self.in_use = true;
        Ok(())
    }

    /// Takes it away; nobody may use it.
    pub fn unmount(&mut self) -> Result<()> {
        let output = Command::new("umount").arg(&self.folder).output()?;
        if !output.status.success() {
            bail!("umount: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        self.in_use = false;
        Ok(())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.in_use {
            let _ = Command::new("umount").arg("-l").arg(&self.folder).output();
        }
    }
}

/// Answers until the file system is unmounted.
fn serve(mut device: File, disk: &Mutex<Lossy>, life: u64) {
    let mut buffer = vec![0; REQUEST_MAX];
    loop {
        let length = match device.read(&mut buffer) {
            Ok(length) => length,
            // A request that was taken back before it was read.
            Err(error) if matches!(error.raw_os_error(), Some(2 | 4 | 11)) => continue,
            Err(_) => return,
        };
        let Some(request) = buffer.get(..length).and_then(Request::read) else {
            return;
        };
        // Forgetting and interrupting are not answered.
        if matches!(request.operation, 2 | 36 | 42) {
            continue;
        }
        let mut disk = disk.lock().unwrap_or_else(PoisonError::into_inner);
        // One that an earlier mount left behind closes nothing that is open now.
        let done = if disk.life() == life {
            answer(&request, &mut disk)
        } else {
            Err(EIO)
        };
        drop(disk);
        // Whoever asked may be gone.
        let _ = device.write_all(&Answer::with_head(request.unique, done));
    }
}

fn answer(request: &Request<'_>, disk: &mut Lossy) -> Done<Answer> {
    let node = request.node;
    let name = |at| request.names(at).next().ok_or(EINVAL);
    let long = |at| request.long(at).ok_or(EINVAL);
    let word = |at| request.word(at).ok_or(EINVAL);
    let entry = |disk: &Lossy, number| {
        Ok(Answer::entry(
            number,
            disk.length(number)?,
            disk.is_folder(number),
        ))
    };
    let attribute = |disk: &Lossy| Ok(Answer::attribute(node, disk.length(node)?, disk.is_folder(node)));
    let nothing = |()| Answer::default();
    match request.operation {
        1 => {
            let number = disk.look_up(node, name(0)?)?;
            entry(disk, number)
        }
        3 => attribute(disk),
        4 => {
            if word(0)? & SETS_LENGTH != 0 {
                disk.cut_to(node, long(16)?)?;
            }
            attribute(disk)
        }
        8 | 9 | 35 => {
            let at = if request.operation == 9 { 8 } else { 16 };
            let number = disk.make(node, name(at)?, request.operation == 9)?;
            let made = entry(disk, number)?;
            if request.operation == 35 {
                disk.opened(number, true);
                return Ok(made.opened());
            }
            Ok(made)
        }
        10 => disk.remove(node, name(0)?, false).map(nothing),
        11 => disk.remove(node, name(0)?, true).map(nothing),
        12 | 45 => {
            let mut names = request.names(if request.operation == 12 { 8 } else { 16 });
            let (from, to) = (names.next().ok_or(EINVAL)?, names.next().ok_or(EINVAL)?);
            if request.operation == 45 && word(8)? != 0 {
                return Err(EINVAL);
            }
            disk.rename((node, from), (long(0)?, to)).map(nothing)
        }
        13 => {
            let number = long(0)?;
            disk.link(number, node, name(8)?)?;
            entry(disk, number)
        }
        14 => {
            disk.length(node)?;
            disk.opened(node, true);
            Ok(Answer::default().opened())
        }
        15 => {
            let length = usize::try_from(word(16)?).map_err(|_| EINVAL)?;
            Ok(Answer::bytes(disk.read(node, long(8)?, length)?))
        }
        16 => {
            let size = word(16)?;
            let data = request.rest(40).get(..size as usize).ok_or(EINVAL)?;
            disk.write(node, long(8)?, data)?;
            Ok(Answer::wrote(size))
        }
        17 => Ok(Answer::room()),
        18 => {
            disk.opened(node, false);
            Ok(Answer::default())
        }
        20 | 30 => disk.sync(node).map(nothing),
        // Flush, close of a folder, the last word.
        25 | 29 | 38 => Ok(Answer::default()),
        26 => Ok(Answer::hello(word(8)?)),
        27 => disk.list(node).map(|_| Answer::default().opened()),
        28 => list(
            disk,
            node,
            long(8)?,
            usize::try_from(word(16)?).map_err(|_| EINVAL)?,
        ),
        43 => {
            let end = long(8)?.checked_add(long(16)?).ok_or(EINVAL)?;
            match word(24)? {
                0 if end > disk.length(node)? => disk.cut_to(node, end).map(nothing),
                0 | KEEPS_LENGTH => Ok(Answer::default()),
                _ => Err(95),
            }
        }
        _ => Err(ENOSYS),
    }
}

fn list(disk: &Lossy, folder: u64, from: u64, room: usize) -> Done<Answer> {
    let mut all = vec![(".".to_owned(), folder), ("..".to_owned(), ROOT)];
    all.extend(disk.list(folder)?);
    let mut answer = Answer::default();
    let from = usize::try_from(from).map_err(|_| EINVAL)?;
    for (place, (name, number)) in (1_u64..).zip(&all).skip(from) {
        if !answer.add_name(room, place, *number, name, disk.is_folder(*number)) {
            break;
        }
    }
    Ok(answer)
}
