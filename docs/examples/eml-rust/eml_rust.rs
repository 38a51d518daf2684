// SPDX-License-Identifier: MIT
//! The store of ../eml in Rust: each user has a directory, and each file in it whose name ends in
//! .eml is a message. What ../eml/eml.c says of unique-ids, of other programs and of order holds
//! here, too, and one may take the place of the other.
//!
//! The tables and the functions of the server's interface are at the end. Each goes through
//! guarded(), because a panic must not go on into the server. All that is unsafe is to believe
//! the server's pointers.

mod abi;

use abi::{Call, Delivery, Host, Instance, Module, Msg, MsgSink, Opt, Source, Stat, StorageOps, User};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::raw::{c_char, c_int, c_long, c_void};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::prelude::*;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{mem, ptr, slice};

/// A status other than OK; the reason is told to the server already.
struct Failure(c_int);
type Outcome<T> = Result<T, Failure>;

/// Rows of the table at the end.
const STAT_REMOVED: u32 = 0;
const STAT_DELIVERED: u32 = 1;

// ---- what is asked of the server ----

struct Store {
    host: *const Host,
    inst: *mut Instance,
    conf: *const abi::Conf,
}

/// The store, for the time of one call.
#[derive(Clone, Copy)]
struct Session<'a> {
    store: &'a Store,
    call: *const Call,
}

impl Session<'_> {
    fn host(&self) -> &Host {
        unsafe { &*self.store.host }
    }

    fn fail(&self, status: c_int, os_error: c_int, text: &str) -> Failure {
        let (format, len) = (b"%.*s\0".as_ptr().cast(), text.len() as c_int);
        Failure(unsafe {
            (self.host().fail)(
                self.store.inst,
                self.call,
                status,
                ptr::null(),
                os_error,
                format,
                len,
                text.as_ptr(),
            )
        })
    }

    /// Of a system call.
    fn failed(&self, error: &io::Error, what: &str, path: &Path) -> Failure {
        const ENOSPC: i32 = 28;
        const EDQUOT: i32 = 122;
        let errno = error.raw_os_error().unwrap_or(0);
        let status = match errno {
            ENOSPC | EDQUOT => abi::R_OVER_QUOTA,
            _ => abi::E_IO,
        };
        self.fail(status, errno, &format!("cannot {} {}", what, path.display()))
    }

    fn directory(&self, user: *const User) -> Outcome<PathBuf> {
        let mut path = abi::Str { ptr: ptr::null(), len: 0 };
        let name = b"path\0".as_ptr().cast();
        let (inst, conf) = (self.store.inst, self.store.conf);
        match unsafe { (self.host().expand)(inst, self.call, conf, name, user, &mut path) } {
            abi::OK => {
                let octets = unsafe { slice::from_raw_parts(path.ptr.cast::<u8>(), path.len) };
                Ok(PathBuf::from(OsStr::from_bytes(octets)))
            }
            status => Err(Failure(status)),
        }
    }

    fn stop_asked(&self) -> bool {
        unsafe { (self.host().stop_asked)(self.call) != 0 }
    }

    fn count(&self, stat: u32, n: usize) {
        unsafe { (self.host().stat_add)(self.store.inst, self.call, stat, n as i64) }
    }

    fn random(&self) -> Outcome<u128> {
        let mut bytes = [0u8; 16];
        match unsafe { (self.host().random)(bytes.as_mut_ptr().cast(), bytes.len()) } {
            abi::OK => Ok(u128::from_ne_bytes(bytes)),
            status => Err(Failure(status)),
        }
    }
}

// ---- the message set ----

/// FNV-1a.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    fn add(self, octets: &[u8]) -> Hash {
        Hash(octets.iter().fold(self.0, |hash, octet| {
            (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
        }))
    }
}

struct Message {
    name: OsString,
    ino: u64,
    octets: u64,
    wire_size: u64,
    hash: Hash,
    received_s: i64,
}

struct Maildrop<'a> {
    store: &'a Store,
    path: PathBuf,
    messages: Vec<Message>,
}

fn is_message(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.len() > 4 && name.ends_with(b".eml") && name[0] != b'.'
}

/// What is delivered is numbered and comes last; what people have put there has names.
fn number(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_suffix(".eml")?;
    if digits.len() == 20 && digits.bytes().all(|c| c.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

/// None: there is no such message, or no longer. What is no file is not opened, so that no
/// symbolic link leads elsewhere and no FIFO keeps anybody waiting.
fn open_message(path: &Path) -> io::Result<Option<(File, Metadata)>> {
    let open = || -> io::Result<Option<(File, Metadata)>> {
        let looked = fs::symlink_metadata(path)?;
        if !looked.is_file() {
            return Ok(None);
        }
        let file = File::open(path)?;
        let found = file.metadata()?;
        let same = found.dev() == looked.dev() && found.ino() == looked.ino();
        Ok(if same { Some((file, found)) } else { None })
    };
    match open() {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        other => other,
    }
}

impl Message {
    fn is(&self, found: &Metadata) -> bool {
        found.is_file() && found.ino() == self.ino && found.len() == self.octets
    }

    /// Counts what a RETR sends of the file: an LF without a CR becomes two octets, and a last
    /// line without an end gets one.
    fn measure(&mut self, now: Session, file: &mut File, path: &Path) -> Outcome<()> {
        let mut buf = [0u8; 16384];
        let mut last = 0;
        loop {
            let n = match file.read(&mut buf) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(now.failed(&e, "read", path)),
            };
            for octet in &buf[..n] {
                self.wire_size += if *octet == b'\n' && last != b'\r' { 2 } else { 1 };
                last = *octet;
            }
            self.octets += n as u64;
            self.hash = self.hash.add(&buf[..n]);
            if now.stop_asked() {
                return Err(Failure(abi::E_CANCELLED));
            }
        }
        if self.octets > 0 && last != b'\n' {
            self.wire_size += 2;
        }
        Ok(())
    }

    fn uid(&self) -> String {
        format!("{:016x}-{:016x}", Hash::new().add(self.name.as_bytes()).0, self.hash.0)
    }
}

impl<'a> Maildrop<'a> {
    fn open(now: Session<'a>, path: PathBuf) -> Outcome<Maildrop<'a>> {
        let mut drop = Maildrop { store: now.store, path, messages: Vec::new() };
        let entries = match fs::read_dir(&drop.path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(drop),
            entries => entries.map_err(|e| now.failed(&e, "open", &drop.path))?,
        };
        for entry in entries {
            let name = entry.map_err(|e| now.failed(&e, "list", &drop.path))?.file_name();
            if is_message(&name) {
                drop.take_file(now, name)?;
            }
        }
        drop.messages.sort_by(|a, b| {
            (number(&a.name).is_some(), &a.name).cmp(&(number(&b.name).is_some(), &b.name))
        });
        Ok(drop)
    }

    fn take_file(&mut self, now: Session, name: OsString) -> Outcome<()> {
        let path = self.path.join(&name);
        let found = open_message(&path).map_err(|e| now.failed(&e, "open", &path))?;
        if let Some((mut file, meta)) = found {
            let mut message = Message {
                name,
                ino: meta.ino(),
                octets: 0,
                wire_size: 0,
                hash: Hash::new(),
                received_s: meta.mtime(),
            };
            message.measure(now, &mut file, &path)?;
            self.messages.push(message);
        }
        Ok(())
    }

    fn message(&self, now: Session, msg_ref: u64) -> Outcome<&Message> {
        self.messages
            .get(msg_ref as usize)
            .ok_or_else(|| now.fail(abi::E_BUG, 0, "a message that was not listed"))
    }

    fn source(&self, now: Session, msg_ref: u64) -> Outcome<(File, u64)> {
        let message = self.message(now, msg_ref)?;
        let path = self.path.join(&message.name);
        match open_message(&path) {
            Ok(Some((file, meta))) if message.is(&meta) => Ok((file, message.octets)),
            Ok(_) => {
                let text = format!("{} was removed by another program", path.display());
                Err(now.fail(abi::R_GONE, 0, &text))
            }
            // One file that cannot be read keeps nobody from the others.
            Err(e) => {
                let text = format!("cannot open {}", path.display());
                Err(now.fail(abi::R_TEMP, e.raw_os_error().unwrap_or(0), &text))
            }
        }
    }

    /// Another file that has its name by now was never shown to the client, and stays.
    fn remove(&self, message: &Message) -> io::Result<()> {
        let path = self.path.join(&message.name);
        let removed = fs::symlink_metadata(&path).and_then(|found| {
            if message.is(&found) {
                fs::remove_file(&path)
            } else {
                Ok(())
            }
        });
        match removed {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Durable when the directory is: a crash before that leaves some, or all, of the messages,
    /// and the client, which has no answer, finds them again.
    fn commit(&self, now: Session, refs: &[u64], removed: &mut usize) -> Outcome<()> {
        let mut result = Ok(());
        for msg_ref in refs {
            result = self.remove(self.message(now, *msg_ref)?);
            if result.is_err() {
                break;
            }
            *removed += 1;
        }
        now.count(STAT_REMOVED, *removed);
        result.and(sync_directory(&self.path)).map_err(|e| {
            let status = if *removed > 0 { abi::R_PARTIAL } else { abi::R_TEMP };
            let text = format!("cannot remove messages in {}", self.path.display());
            now.fail(status, e.raw_os_error().unwrap_or(0), &text)
        })
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

// ---- delivery ----

struct NewMessage<'a> {
    store: &'a Store,
    directory: PathBuf,
    temporary: PathBuf, // hidden, so that it is no message
    file: File,
    received_s: i64,
}

/// Nothing is left of what has no name yet; what has one keeps it.
impl Drop for NewMessage<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

/// The standard library of 1.63 sets no times.
fn set_modified(file: &File, seconds: i64) -> io::Result<()> {
    #[repr(C)]
    struct Timespec {
        sec: c_long,
        nsec: c_long,
    }
    extern "C" {
        fn futimens(fd: c_int, times: *const Timespec) -> c_int;
    }
    const NOW: c_long = 0x3fff_ffff;
    let times = [
        Timespec { sec: 0, nsec: NOW },
        Timespec { sec: seconds as c_long, nsec: 0 },
    ];
    match unsafe { futimens(file.as_raw_fd(), times.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The directory, made if it is not there, with its name in the one above.
fn make_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    if let Some(above) = path.parent() {
        let _ = sync_directory(above); // may be refused where only this directory is ours
    }
    Ok(())
}

/// Microseconds, so that no number is given twice, and what comes later comes behind, also
/// when the clock was set back.
fn next_number(directory: &Path) -> io::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut next = since.map_or(0, |time| time.as_micros() as u64);
    for entry in fs::read_dir(directory)? {
        if let Some(there) = number(&entry?.file_name()) {
            next = next.max(there.saturating_add(1));
        }
    }
    Ok(next)
}

impl<'a> NewMessage<'a> {
    fn begin(now: Session<'a>, directory: PathBuf, received_s: i64) -> Outcome<NewMessage<'a>> {
        make_directory(&directory).map_err(|e| now.failed(&e, "make", &directory))?;
        let temporary = directory.join(format!(".{:032x}", now.random()?));
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(|e| now.failed(&e, "make", &temporary))?;
        Ok(NewMessage { store: now.store, directory, temporary, file, received_s })
    }

    /// A link fails where the name is taken already; a rename would replace what is there.
    fn give_name(&self) -> io::Result<()> {
        let mut number = next_number(&self.directory)?;
        loop {
            let name = self.directory.join(format!("{:020}.eml", number));
            match fs::hard_link(&self.temporary, name) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => number += 1,
                done => return done,
            }
        }
    }

    /// First the octets are on the disk, then the name.
    fn finish(self, now: Session) -> Outcome<()> {
        let write = || -> io::Result<()> {
            if self.received_s != 0 {
                set_modified(&self.file, self.received_s)?;
            }
            self.file.sync_all()?;
            self.give_name()?;
            sync_directory(&self.directory)
        };
        write().map_err(|e| now.failed(&e, "write", &self.directory))?;
        now.count(STAT_DELIVERED, 1);
        Ok(())
    }
}

// ---- the interface ----

/// No panic goes on into the server.
fn guarded(operation: impl FnOnce() -> Outcome<()>) -> c_int {
    match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(Ok(())) => abi::OK,
        Ok(Err(Failure(status))) => status,
        Err(_) => abi::E_BUG,
    }
}

unsafe fn session<'a>(store: *mut c_void, call: *const Call) -> Session<'a> {
    Session { store: &*store.cast::<Store>(), call }
}

unsafe extern "C" fn open(
    state: *mut c_void,
    call: *const Call,
    user: *const User,
    out: *mut *mut c_void,
) -> c_int {
    guarded(|| {
        let now = session(state, call);
        let drop = Maildrop::open(now, now.directory(user)?)?;
        *out = Box::into_raw(Box::new(drop)).cast();
        Ok(())
    })
}

unsafe extern "C" fn list(drop: *mut c_void, _: *const Call, sink: *mut MsgSink) -> c_int {
    let drop = &*drop.cast::<Maildrop>();
    guarded(|| {
        for (i, message) in drop.messages.iter().enumerate() {
            let uid = message.uid();
            let msg = Msg {
                msg_ref: i as u64,
                wire_size: message.wire_size,
                uid: abi::Str { ptr: uid.as_ptr().cast(), len: uid.len() },
                received_s: message.received_s,
                flags: 0,
                reserved: 0,
            };
            match ((*sink).add)(sink, &msg, 1, mem::size_of::<Msg>()) {
                abi::OK => {}
                status => return Err(Failure(status)),
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn release(source: *mut Source) {
    mem::drop(File::from_raw_fd((*source).fd));
}

unsafe extern "C" fn message(
    drop: *mut c_void,
    call: *const Call,
    msg_ref: u64,
    source: *mut Source,
) -> c_int {
    let drop = &*drop.cast::<Maildrop>();
    guarded(|| {
        let (file, length) = drop.source(Session { store: drop.store, call }, msg_ref)?;
        (*source).kind = abi::SRC_FD;
        (*source).fd = file.into_raw_fd(); // closed by release
        (*source).length = length;
        (*source).release = Some(release);
        Ok(())
    })
}

unsafe extern "C" fn commit(
    drop: *mut c_void,
    call: *const Call,
    refs: *const u64,
    n: usize,
    removed: *mut usize,
) -> c_int {
    let drop = &*drop.cast::<Maildrop>();
    *removed = 0;
    guarded(|| {
        let refs = slice::from_raw_parts(refs, n);
        drop.commit(Session { store: drop.store, call }, refs, &mut *removed)
    })
}

unsafe extern "C" fn close(drop: *mut c_void, _: *const Call) {
    mem::drop(Box::from_raw(drop.cast::<Maildrop>()));
}

unsafe extern "C" fn deliver_begin(
    state: *mut c_void,
    call: *const Call,
    user: *const User,
    about: *const Delivery,
    out: *mut *mut c_void,
) -> c_int {
    let about = &*about;
    guarded(|| {
        let now = session(state, call);
        // There is no place where either could be kept.
        if about.uid.len > 0 || about.flags != 0 {
            let text = "a directory of files keeps neither unique-ids nor flags";
            return Err(now.fail(abi::R_UNSUPPORTED, 0, text));
        }
        let new = NewMessage::begin(now, now.directory(user)?, about.received_s)?;
        *out = Box::into_raw(Box::new(new)).cast();
        Ok(())
    })
}

unsafe extern "C" fn deliver_write(
    new: *mut c_void,
    call: *const Call,
    data: *const c_void,
    n: usize,
) -> c_int {
    let new = &mut *new.cast::<NewMessage>();
    guarded(|| {
        let now = Session { store: new.store, call };
        let octets = slice::from_raw_parts(data.cast::<u8>(), n);
        new.file.write_all(octets).map_err(|e| now.failed(&e, "write", &new.temporary))
    })
}

unsafe extern "C" fn deliver_finish(new: *mut c_void, call: *const Call) -> c_int {
    let new = Box::from_raw(new.cast::<NewMessage>());
    guarded(|| {
        let now = Session { store: new.store, call };
        new.finish(now)
    })
}

unsafe extern "C" fn deliver_abandon(new: *mut c_void, _: *const Call) {
    mem::drop(Box::from_raw(new.cast::<NewMessage>()));
}

unsafe extern "C" fn start(
    host: *const Host,
    inst: *mut Instance,
    conf: *const abi::Conf,
    state: *mut *mut c_void,
) -> c_int {
    *state = Box::into_raw(Box::new(Store { host, inst, conf })).cast();
    abi::OK
}

unsafe extern "C" fn stop(state: *mut c_void) {
    mem::drop(Box::from_raw(state.cast::<Store>()));
}

/// A text of C's.
macro_rules! text {
    ($text:expr) => {
        concat!($text, "\0").as_ptr() as *const c_char
    };
}

static OPTIONS: [Opt; 2] = [
    Opt {
        name: text!("path"),
        kind: abi::OPT_PATH,
        flags: abi::OPT_REQUIRED | abi::OPT_TEMPLATE,
        min: 0,
        max: 0,
        fallback: ptr::null(),
        choices: ptr::null(),
        help: text!("A user's directory of .eml files."),
    },
    Opt {
        name: ptr::null(),
        kind: 0,
        flags: 0,
        min: 0,
        max: 0,
        fallback: ptr::null(),
        choices: ptr::null(),
        help: ptr::null(),
    },
];

const fn counter(name: *const c_char, help: *const c_char) -> Stat {
    Stat { name, kind: abi::STAT_COUNTER, reserved: 0, help }
}

static STATS: [Stat; 3] = [
    counter(text!("removed"), text!("Messages that clients have deleted.")),
    counter(text!("delivered"), text!("Messages that were put in.")),
    Stat { name: ptr::null(), kind: 0, reserved: 0, help: ptr::null() },
];

static STORAGE: StorageOps = StorageOps {
    size: mem::size_of::<StorageOps>() as u32,
    caps: 0,
    maildrop_id: None,
    open: Some(open),
    list: Some(list),
    message: Some(message),
    commit: Some(commit),
    close: Some(close),
    renew: None,
    renew_ms: 0,
    reserved: 0,
    deliver_begin: Some(deliver_begin),
    deliver_write: Some(deliver_write),
    deliver_finish: Some(deliver_finish),
    deliver_abandon: Some(deliver_abandon),
    check: None,
    hidden_fields: ptr::null(),
};

static MODULE: Module = Module {
    magic: abi::MAGIC,
    size: mem::size_of::<Module>() as u32,
    api_major: abi::API_MAJOR,
    api_minor_min: 0,
    opt_stride: mem::size_of::<Opt>() as u32,
    stat_stride: mem::size_of::<Stat>() as u32,
    needs: 0,
    name: text!("eml_rust"),
    version: text!("1.0"),
    license: text!("MIT"),
    summary: text!("messages in a directory of .eml files, in Rust"),
    options: OPTIONS.as_ptr(),
    stats: STATS.as_ptr(),
    auth: ptr::null(),
    storage: &STORAGE,
    check: None,
    start: Some(start),
    thread_start: None,
    thread_stop: None,
    stop: Some(stop),
    accounts: ptr::null(),
};

/// The one symbol that is exported.
#[no_mangle]
pub extern "C" fn popart_module_entry() -> *const Module {
    &MODULE
}
