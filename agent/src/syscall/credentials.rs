//! Users, and acting as one.

use std::io;

use nix::unistd::{Gid, Uid};

/// A user with their groups, looked up beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    /// All groups, the primary one included.
    pub(crate) groups: Vec<Gid>,
}

/// From here on the calling *thread* opens and creates files with the rights of `identity`, as the
/// owner `identity`; the rest of the process is not touched. There is no way back in here: end the
/// thread when the work is done.
pub(crate) fn act_on_files_as(identity: &Identity) -> io::Result<()> {
    // The library function would change the groups of all threads; the bare call changes one.
    // SAFETY: the pointer and the length describe a slice of `Gid`, which is `repr(transparent)`
    // over the kernel's gid_t; the kernel only reads it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_setgroups,
            identity.groups.len(),
            identity.groups.as_ptr(),
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    nix::unistd::setfsgid(identity.gid);
    nix::unistd::setfsuid(identity.uid);
    // The calls report no failure, but setting the same value again returns the one in force.
    if nix::unistd::setfsuid(identity.uid) != identity.uid
        || nix::unistd::setfsgid(identity.gid) != identity.gid
    {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn only_the_calling_thread_acts_as_the_user() {
        if !Uid::effective().is_root() {
            eprintln!("SKIPPED: needs root");
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("open to all");
        let secret = folder.path().join("secret");
        fs::write(&secret, "root's").expect("a file");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).expect("closed to others");

        let nobody = Identity {
            uid: 65534.into(),
            gid: 65534.into(),
            groups: vec![65534.into()],
        };
        let made = folder.path().join("made");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                act_on_files_as(&nobody).expect("becomes nobody");
                assert!(fs::read(&secret).is_err(), "nobody reads root's file");
                fs::write(&made, "").expect("writes");
            });
        });
        assert_eq!(fs::metadata(&made).expect("made").uid(), 65534);
        assert!(
            fs::read(&secret).is_ok(),
            "the other threads are still root"
        );
    }
}
