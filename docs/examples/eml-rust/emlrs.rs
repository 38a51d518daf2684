// SPDX-License-Identifier: MIT
//! The store of ../eml in Rust, without crates: same directories, same unique-ids. A panic does
//! not pass into the server: it becomes a failure of the operation that it came of.

mod popart;

use popart as pa;
use std::ffi::{c_void, OsStr};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::raw::{c_char, c_int, c_long};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::io::{AsRawFd, FromRawFd, IntoRawFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Rows of STATS, at the end.
const REMOVED: u32 = 0;
const DELIVERED: u32 = 1;

const O_NONBLOCK: c_int = 0o4000;
const O_NOFOLLOW: c_int = if cfg!(target_arch = "aarch64") { 0o100000 } else { 0o400000 };
const ENOENT: c_int = 2;
const ENOSPC: c_int = 28;
const ELOOP: c_int = 40;
const EDQUOT: c_int = 122;
const UTIME_NOW: c_long = (1 << 30) - 1;

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: c_long,
}
extern "C" {
    fn futimens(fd: c_int, times: *const Timespec) -> c_int;
}

// ---- failures ----

struct Store {
    host: &'static pa::Host,
    inst: *mut pa::Instance,
    conf: *const pa::Conf,
}

/// The store, and the call that is under way.
#[derive(Clone, Copy)]
struct Context<'a> {
    store: &'a Store,
    call: *const pa::Call,
}

/// A status whose reason is recorded already.
struct Failure(c_int);

impl Context<'_> {
    fn fail(&self, status: c_int, error: c_int, what: &str) -> Failure {
        let len = what.len() as c_int;
        let text = what.as_ptr() as *const c_char;
        let format = b"%.*s\0".as_ptr() as *const c_char;

        Failure(unsafe {
            (self.store.host.fail)(
                self.store.inst,
                self.call,
                status,
                std::ptr::null(),
                error,
                format,
                len,
                text,
            )
        })
    }

    fn fail_io(&self, error: &io::Error, what: &str) -> Failure {
        let code = error.raw_os_error().unwrap_or(0);
        let full = code == ENOSPC || code == EDQUOT;

        self.fail(if full { pa::R_OVER_QUOTA } else { pa::E_IO }, code, &format!("cannot {}", what))
    }

    fn count(&self, stat: u32, n: usize) {
        unsafe { (self.store.host.stat_add)(self.store.inst, self.call, stat, n as i64) }
    }

    fn path(&self, user: *const pa::User) -> Result<PathBuf, Failure> {
        let mut path = pa::Str { ptr: std::ptr::null(), len: 0 };
        let name = b"path\0".as_ptr() as *const c_char;
        let host = self.store.host;

        match unsafe {
            (host.expand)(self.store.inst, self.call, self.store.conf, name, user, &mut path)
        } {
            pa::OK => {
                let octets =
                    unsafe { std::slice::from_raw_parts(path.ptr as *const u8, path.len) };
                Ok(PathBuf::from(OsStr::from_bytes(octets)))
            }
            status => Err(Failure(status)),
        }
    }
}

/// Runs an operation.
fn guarded<F: FnOnce() -> Result<c_int, Failure>>(operation: F) -> c_int {
    match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(Ok(status)) => status,
        Ok(Err(Failure(status))) => status,
        Err(_) => pa::E_BUG,
    }
}

// ---- the message set ----

const HASH_BEGIN: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a.
fn hash_more(hash: u64, octets: &[u8]) -> u64 {
    octets.iter().fold(hash, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3))
}

/// What is delivered is numbered and comes last; what people have put there has names.
fn number_of(name: &[u8]) -> Option<u64> {
    if name.len() != 24 || name[0] != b'0' || !name.ends_with(b".eml") {
        return None;
    }
    std::str::from_utf8(&name[..20]).ok()?.parse().ok()
}

fn is_message(name: &[u8]) -> bool {
    name.len() > 4 && name[0] != b'.' && name.ends_with(b".eml")
}

struct Message {
    name: Vec<u8>,
    ino: u64,
    octets: u64,
    wire_size: u64,
    hash: u64,
    received_s: i64,
}

impl Message {
    fn is(&self, seen: &fs::Metadata) -> bool {
        seen.is_file() && seen.ino() == self.ino && seen.len() == self.octets
    }

    fn path(&self, dir: &Path) -> PathBuf {
        dir.join(OsStr::from_bytes(&self.name))
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    fn uid(&self) -> String {
        format!("{:016x}-{:016x}", hash_more(HASH_BEGIN, &self.name), self.hash)
    }
}

/// None: there is no such message, or no longer.
fn open_message(path: &Path) -> io::Result<Option<(File, fs::Metadata)>> {
    let file = match OpenOptions::new()
        .read(true)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(path)
    {
        Ok(file) => file,
        Err(e) if [Some(ENOENT), Some(ELOOP)].contains(&e.raw_os_error()) => return Ok(None),
        Err(e) => return Err(e),
    };
    let seen = file.metadata()?;

    Ok(if seen.is_file() { Some((file, seen)) } else { None })
}

/// Counts what a RETR sends: an LF without a CR becomes two octets, and a last line without an
/// end gets one.
fn measure(at: Context, m: &mut Message, file: &mut File) -> Result<(), Failure> {
    let mut buf = [0u8; 65536];
    let mut last = 0u8;

    loop {
        let n = match file.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(at.fail_io(&e, &format!("read {}", m.shown()))),
        };
        for octet in &buf[..n] {
            m.wire_size += if *octet == b'\n' && last != b'\r' { 2 } else { 1 };
            last = *octet;
        }
        m.octets += n as u64;
        m.hash = hash_more(m.hash, &buf[..n]);
        if unsafe { (at.store.host.stop_asked)(at.call) } != 0 {
            return Err(Failure(pa::E_CANCELLED));
        }
    }
    if m.octets > 0 && last != b'\n' {
        m.wire_size += 2;
    }
    Ok(())
}

fn take_file(at: Context, dir: &Path, name: &[u8]) -> Result<Option<Message>, Failure> {
    let mut m = Message {
        name: name.to_vec(),
        ino: 0,
        octets: 0,
        wire_size: 0,
        hash: HASH_BEGIN,
        received_s: 0,
    };
    let (mut file, seen) = match open_message(&m.path(dir)) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(None),
        Err(e) => return Err(at.fail_io(&e, &format!("open {}", m.shown()))),
    };

    m.ino = seen.ino();
    m.received_s = seen.mtime();
    measure(at, &mut m, &mut file)?;
    Ok(Some(m))
}

fn messages(at: Context, dir: &Path) -> Result<Vec<Message>, Failure> {
    let failed = |e: io::Error| at.fail_io(&e, &format!("list {}", dir.display()));
    let mut found = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(failed(e)),
    };

    for entry in entries {
        let name = entry.map_err(failed)?.file_name();

        if is_message(name.as_bytes()) {
            found.extend(take_file(at, dir, name.as_bytes())?);
        }
    }
    found.sort_by(|a, b| {
        let numbered = |m: &Message| number_of(&m.name).is_some();
        (numbered(a), &a.name).cmp(&(numbered(b), &b.name))
    });
    Ok(found)
}

// ---- a session ----

struct Drop {
    store: &'static Store,
    dir: PathBuf,
    list: Vec<Message>,
}

impl Drop {
    fn message(&self, reference: u64) -> Result<&Message, Failure> {
        self.list.get(reference as usize).ok_or(Failure(pa::E_BUG))
    }
}

unsafe extern "C" fn drop_open(
    state: *mut c_void,
    call: *const pa::Call,
    user: *const pa::User,
    out: *mut *mut c_void,
) -> c_int {
    guarded(|| {
        let store = &*(state as *const Store);
        let at = Context { store, call };
        let dir = at.path(user)?;
        let list = messages(at, &dir)?;

        *out = Box::into_raw(Box::new(Drop { store, dir, list })) as *mut c_void;
        Ok(pa::OK)
    })
}

unsafe extern "C" fn drop_list(
    state: *mut c_void,
    _call: *const pa::Call,
    sink: *mut pa::MsgSink,
) -> c_int {
    guarded(|| {
        let drop = &*(state as *const Drop);

        for (i, m) in drop.list.iter().enumerate() {
            let uid = m.uid();
            let msg = pa::Msg {
                reference: i as u64,
                wire_size: m.wire_size,
                uid: pa::Str { ptr: uid.as_ptr() as *const c_char, len: uid.len() },
                received_s: m.received_s,
                flags: 0,
                reserved: 0,
            };
            let status = ((*sink).add)(sink, &msg, 1, std::mem::size_of::<pa::Msg>());

            if status != pa::OK {
                return Err(Failure(status));
            }
        }
        Ok(pa::OK)
    })
}

unsafe extern "C" fn source_release(source: *mut pa::Source) {
    drop(File::from_raw_fd((*source).fd));
}

unsafe extern "C" fn drop_message(
    state: *mut c_void,
    call: *const pa::Call,
    reference: u64,
    source: *mut pa::Source,
) -> c_int {
    guarded(|| {
        let drop = &*(state as *const Drop);
        let at = Context { store: drop.store, call };
        let m = drop.message(reference)?;
        let found = open_message(&m.path(&drop.dir)).map_err(|e| {
            // One file that cannot be read keeps nobody from the others.
            at.fail(pa::R_TEMP, e.raw_os_error().unwrap_or(0), &format!("cannot open {}", m.shown()))
        })?;

        match found {
            Some((file, seen)) if m.is(&seen) => {
                (*source).kind = pa::SRC_FD;
                (*source).fd = file.into_raw_fd();
                (*source).length = m.octets;
                (*source).release = Some(source_release);
                Ok(pa::OK)
            }
            _ => {
                let text = format!("{} was removed by another program", m.shown());
                Err(at.fail(pa::R_GONE, 0, &text))
            }
        }
    })
}

/// Another file that has its name by now was never shown to the client.
fn remove(path: &Path, m: &Message) -> io::Result<()> {
    let gone = |e: &io::Error| e.kind() == ErrorKind::NotFound;

    match fs::symlink_metadata(path) {
        Ok(seen) if m.is(&seen) => match fs::remove_file(path) {
            Err(e) if !gone(&e) => Err(e),
            _ => Ok(()),
        },
        Err(e) if !gone(&e) => Err(e),
        _ => Ok(()),
    }
}

/// Durable when the directory is: a crash before that leaves some, or all, of the messages, and
/// the client, which has no answer, finds them again.
unsafe extern "C" fn drop_commit(
    state: *mut c_void,
    call: *const pa::Call,
    refs: *const u64,
    n: usize,
    removed: *mut usize,
) -> c_int {
    guarded(|| {
        let drop = &*(state as *const Drop);
        let at = Context { store: drop.store, call };
        let mut result = Ok(());

        *removed = 0;
        for reference in std::slice::from_raw_parts(refs, n) {
            let m = drop.message(*reference)?;

            result = remove(&m.path(&drop.dir), m);
            if result.is_err() {
                break;
            }
            *removed += 1;
        }
        result = result.and(File::open(&drop.dir).and_then(|dir| dir.sync_all()));
        at.count(REMOVED, *removed);
        result.map(|_| pa::OK).map_err(|e| {
            let status = if *removed > 0 { pa::R_PARTIAL } else { pa::R_TEMP };
            at.fail(status, e.raw_os_error().unwrap_or(0), "cannot remove messages")
        })
    })
}

unsafe extern "C" fn drop_close(state: *mut c_void, _call: *const pa::Call) {
    drop(Box::from_raw(state as *mut Drop));
}

// ---- delivery ----

/// A file that is hidden until it has its name, and goes if it never gets one.
struct Delivery {
    store: &'static Store,
    dir: PathBuf,
    temporary: PathBuf,
    file: File,
    received_s: i64,
}

impl std::ops::Drop for Delivery {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Made if it is not there, with its name in the one above.
fn make_directory(dir: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
        _ => (),
    }
    if let Some(above) = dir.parent() {
        // It may be refused where only this directory is ours.
        let _ = File::open(above).and_then(|above| above.sync_all());
    }
    Ok(())
}

unsafe extern "C" fn deliver_begin(
    state: *mut c_void,
    call: *const pa::Call,
    user: *const pa::User,
    about: *const pa::Delivery,
    out: *mut *mut c_void,
) -> c_int {
    guarded(|| {
        let store = &*(state as *const Store);
        let at = Context { store, call };
        let mut random = [0u64; 2];

        // There is no place where either could be kept.
        if (*about).uid.len > 0 || (*about).flags != 0 {
            let text = "a directory of files keeps neither unique-ids nor flags";
            return Err(at.fail(pa::R_UNSUPPORTED, 0, text));
        }
        if (store.host.random)(random.as_mut_ptr() as *mut c_void, 16) != pa::OK {
            return Err(at.fail(pa::R_TEMP, 0, "no random numbers"));
        }
        let dir = at.path(user)?;
        let temporary = dir.join(format!(".{:016x}{:016x}", random[0], random[1]));
        let failed = |e: io::Error| at.fail_io(&e, &format!("make {}", temporary.display()));

        make_directory(&dir).map_err(failed)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed)?;
        let received_s = (*about).received_s;
        let delivery = Delivery { store, dir, temporary, file, received_s };

        *out = Box::into_raw(Box::new(delivery)) as *mut c_void;
        Ok(pa::OK)
    })
}

unsafe extern "C" fn deliver_write(
    delivery: *mut c_void,
    call: *const pa::Call,
    data: *const c_void,
    n: usize,
) -> c_int {
    guarded(|| {
        let dl = &mut *(delivery as *mut Delivery);
        let at = Context { store: dl.store, call };

        if n > 0 {
            dl.file
                .write_all(std::slice::from_raw_parts(data as *const u8, n))
                .map_err(|e| at.fail_io(&e, &format!("write {}", dl.temporary.display())))?;
        }
        Ok(pa::OK)
    })
}

/// Microseconds, so that no number is given twice, and what comes later comes behind, even if
/// the clock was set back.
fn next_number(dir: &Path) -> io::Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64);
    let mut last = 0;

    for entry in fs::read_dir(dir)? {
        last = last.max(number_of(entry?.file_name().as_bytes()).unwrap_or(0));
    }
    Ok(now.max(last + 1))
}

/// A link fails where the name is taken already; a rename would replace what is there.
fn give_name(dl: &Delivery) -> io::Result<()> {
    let first = next_number(&dl.dir)?;

    for number in first..first + 1000 {
        match fs::hard_link(&dl.temporary, dl.dir.join(format!("{:020}.eml", number))) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
            result => return result,
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// First the octets are on the disk, then the name.
fn finish(dl: &Delivery) -> io::Result<()> {
    if dl.received_s != 0 {
        let times = [
            Timespec { seconds: 0, nanoseconds: UTIME_NOW },
            Timespec { seconds: dl.received_s, nanoseconds: 0 },
        ];

        if unsafe { futimens(dl.file.as_raw_fd(), times.as_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    dl.file.sync_all()?;
    give_name(dl)?;
    File::open(&dl.dir)?.sync_all()
}

unsafe extern "C" fn deliver_finish(delivery: *mut c_void, call: *const pa::Call) -> c_int {
    guarded(|| {
        let dl = Box::from_raw(delivery as *mut Delivery);
        let at = Context { store: dl.store, call };

        finish(&dl).map_err(|e| at.fail_io(&e, &format!("deliver to {}", dl.dir.display())))?;
        at.count(DELIVERED, 1);
        Ok(pa::OK)
    })
}

unsafe extern "C" fn deliver_abandon(delivery: *mut c_void, _call: *const pa::Call) {
    drop(Box::from_raw(delivery as *mut Delivery));
}

// ---- the module ----

unsafe extern "C" fn start(
    host: *const pa::Host,
    inst: *mut pa::Instance,
    conf: *const pa::Conf,
    state: *mut *mut c_void,
) -> c_int {
    guarded(|| {
        *state = Box::into_raw(Box::new(Store { host: &*host, inst, conf })) as *mut c_void;
        Ok(pa::OK)
    })
}

unsafe extern "C" fn stop(state: *mut c_void) {
    drop(Box::from_raw(state as *mut Store));
}

const fn text(with_nul: &'static [u8]) -> *const c_char {
    with_nul.as_ptr() as *const c_char
}
const NONE: *const c_char = std::ptr::null();

static OPTIONS: pa::Table<[pa::Opt; 2]> = pa::Table([
    pa::Opt {
        name: text(b"path\0"),
        kind: pa::OPT_PATH,
        flags: pa::OPT_REQUIRED | pa::OPT_TEMPLATE,
        min: 0,
        max: 0,
        fallback: NONE,
        choices: std::ptr::null(),
        help: text(b"A user's directory of .eml files.\0"),
    },
    pa::Opt {
        name: NONE,
        kind: 0,
        flags: 0,
        min: 0,
        max: 0,
        fallback: NONE,
        choices: std::ptr::null(),
        help: NONE,
    },
]);

static STATS: pa::Table<[pa::Stat; 3]> = pa::Table([
    pa::Stat {
        name: text(b"removed\0"),
        kind: pa::STAT_COUNTER,
        reserved: 0,
        help: text(b"Messages that clients have deleted.\0"),
    },
    pa::Stat {
        name: text(b"delivered\0"),
        kind: pa::STAT_COUNTER,
        reserved: 0,
        help: text(b"Messages that were put in.\0"),
    },
    pa::Stat { name: NONE, kind: 0, reserved: 0, help: NONE },
]);

static STORAGE: pa::Table<pa::StorageOps> = pa::Table(pa::StorageOps {
    size: std::mem::size_of::<pa::StorageOps>() as u32,
    caps: 0,
    maildrop_id: None,
    open: Some(drop_open),
    list: Some(drop_list),
    message: Some(drop_message),
    commit: Some(drop_commit),
    close: Some(drop_close),
    renew: None,
    renew_ms: 0,
    reserved: 0,
    deliver_begin: Some(deliver_begin),
    deliver_write: Some(deliver_write),
    deliver_finish: Some(deliver_finish),
    deliver_abandon: Some(deliver_abandon),
    check: None,
    hidden_fields: std::ptr::null(),
});

static MODULE: pa::Table<pa::Module> = pa::Table(pa::Module {
    magic: pa::MAGIC,
    size: std::mem::size_of::<pa::Module>() as u32,
    api_major: pa::API_MAJOR,
    api_minor_min: 0,
    opt_stride: std::mem::size_of::<pa::Opt>() as u32,
    stat_stride: std::mem::size_of::<pa::Stat>() as u32,
    needs: 0,
    name: text(b"emlrs\0"),
    version: text(b"1.0\0"),
    license: text(b"MIT\0"),
    summary: text(b"messages in a directory of .eml files\0"),
    options: OPTIONS.0.as_ptr(),
    stats: STATS.0.as_ptr(),
    auth: std::ptr::null(),
    storage: &STORAGE.0,
    check: None,
    start: Some(start),
    thread_start: None,
    thread_stop: None,
    stop: Some(stop),
    accounts: std::ptr::null(),
});

#[no_mangle]
pub extern "C" fn popart_module_entry() -> *const pa::Module {
    &MODULE.0
}
