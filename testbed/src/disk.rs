//! File systems of their own, to be full, read-only or broken without harm to anybody else. They need root; where
//! mounting is not allowed, a test says so and is not run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A file system in a folder, gone when dropped.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    image: Option<PathBuf>,
}

impl Disk {
    /// A file system in memory of so many KiB, at `folder`, which is made.
    pub fn in_memory(folder: &Path, kib: u32) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let size = format!("size={kib}k");
        tool("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"], &[folder])?;
        Ok(Self {
            folder: folder.to_owned(),
            image: None,
        })
    }

    /// An ext4 of so many MiB in the new file `image`, mounted at `folder`, which is made. It can [`break_down`].
    ///
    /// [`break_down`]: Self::break_down
    pub fn in_file(folder: &Path, image: &Path, mib: u32) -> Result<Self> {
        fs::create_dir_all(folder)?;
        File::create(image)?.set_len(u64::from(mib) << 20)?;
        tool("mkfs.ext4", &["-q", "-F"], &[image])?;
        mount_image(image, folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            image: Some(image.to_owned()),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Gives a file system in memory another size.
    pub fn resize(&self, kib: u32) -> Result<()> {
        let options = format!("remount,size={kib}k");
        tool("mount", &["-o", &options], &[&self.folder])
    }

    /// Mounts it again, for reading only. Nothing may be open for writing.
    pub fn read_only(&self) -> Result<()> {
        tool("mount", &["-o", "remount,ro"], &[&self.folder])
    }

    /// Takes [`read_only`](Self::read_only) back.
    pub fn writable(&self) -> Result<()> {
        tool("mount", &["-o", "remount,rw"], &[&self.folder])
    }

    /// The kernel finds an error in the file system and turns it read-only under whoever writes, as after an error of
    /// the device: files stay open and readable, every write fails.
    pub fn break_down(&self) -> Result<()> {
        let device = self.device()?;
        let name = device.rsplit('/').next().unwrap_or_default();
        let trigger = Path::new("/sys/fs/ext4").join(name).join("trigger_fs_error");
        fs::write(&trigger, "broken by a test").with_context(|| trigger.display().to_string())
    }

    /// Checks a file system in a file and mounts it anew. Nothing may be open.
    pub fn repair(&self) -> Result<()> {
        let image = self.image.as_ref().context("only a disk in a file is repaired")?;
        tool::<&Path>("umount", &[], &[&self.folder])?;
        // 1 = errors were corrected.
        let checked = Command::new("e2fsck").args(["-f", "-y"]).arg(image).output()?;
        if !matches!(checked.status.code(), Some(0 | 1)) {
            bail!("e2fsck: {}", String::from_utf8_lossy(&checked.stdout));
        }
        mount_image(image, &self.folder)
    }

    fn device(&self) -> Result<String> {
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let folder = self.folder.to_string_lossy();
        mounts
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(_, rest)| rest.split(' ').next() == Some(folder.as_ref()))
            .map(|(device, _)| device.to_owned())
            .with_context(|| format!("{folder} is not mounted"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open is let finish.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).output();
    }
}

fn mount_image(image: &Path, folder: &Path) -> Result<()> {
    tool("mount", &["-o", "loop,errors=remount-ro"], &[image, folder])
}

fn tool<P: AsRef<OsStr>>(name: &str, options: &[&str], paths: &[P]) -> Result<()> {
    let mut command = Command::new(name);
    let output = command
        .args(options)
        .args(paths)
        .output()
        .with_context(|| name.to_owned())?;
    if !output.status.success() {
        bail!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
