// SPDX-License-Identifier: MIT
//! What of the module interface 1.0 a store needs, written down from <popart/*.h> by hand.
//! Sizes are checked below: one that is wrong does not compile.
#![allow(dead_code)]

use std::ffi::c_void;
use std::mem::size_of;
use std::os::raw::{c_char, c_int};

pub const MAGIC: u32 = 0x5041_5254;
pub const API_MAJOR: u16 = 1;

pub const OK: c_int = 0;
pub const R_TEMP: c_int = 4;
pub const R_GONE: c_int = 6;
pub const R_OVER_QUOTA: c_int = 7;
pub const R_UNSUPPORTED: c_int = 8;
pub const R_PARTIAL: c_int = 10;
pub const E_IO: c_int = -1;
pub const E_CANCELLED: c_int = -6;
pub const E_BUG: c_int = -7;

pub const OPT_PATH: u32 = 5;
pub const OPT_REQUIRED: u32 = 1 << 0;
pub const OPT_TEMPLATE: u32 = 1 << 2;
pub const STAT_COUNTER: u32 = 1;
pub const SRC_FD: u32 = 1;

/// What only the server looks into.
#[repr(C)]
pub struct Instance {
    _private: [u8; 0],
}
#[repr(C)]
pub struct Conf {
    _private: [u8; 0],
}
#[repr(C)]
pub struct AuthOps {
    _private: [u8; 0],
}
#[repr(C)]
pub struct AccountOps {
    _private: [u8; 0],
}
#[repr(C)]
pub struct Check {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub ptr: *const c_char,
    pub len: usize,
}

#[repr(C)]
pub struct Call {
    pub size: u32,
    pub thread: u32,
    pub thread_state: *mut c_void,
    pub session: u64,
    pub deadline_ms: i64,
}

#[repr(C)]
pub struct Opt {
    pub name: *const c_char,
    pub kind: u32,
    pub flags: u32,
    pub min: i64,
    pub max: i64,
    pub fallback: *const c_char,
    pub choices: *const *const c_char,
    pub help: *const c_char,
}

#[repr(C)]
pub struct Stat {
    pub name: *const c_char,
    pub kind: u32,
    pub reserved: u32,
    pub help: *const c_char,
}

#[repr(C)]
pub struct Attr {
    pub key: Str,
    pub value: Str,
}

#[repr(C)]
pub struct User {
    pub size: u32,
    pub nattrs: u32,
    pub name: Str,
    pub attrs: *const Attr,
}

#[repr(C)]
pub struct Msg {
    pub reference: u64,
    pub wire_size: u64,
    pub uid: Str,
    pub received_s: i64,
    pub flags: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct MsgSink {
    pub size: u32,
    pub reserved: u32,
    pub add: unsafe extern "C" fn(*mut MsgSink, *const Msg, usize, usize) -> c_int,
}

#[repr(C)]
pub struct Source {
    pub size: u32,
    pub kind: u32,
    pub form: u32,
    pub fd: i32,
    pub offset: u64,
    pub length: u64,
    pub body_offset: u64,
    pub mem: *const c_void,
    pub read: Option<unsafe extern "C" fn(*mut Source, *const Call, *mut c_void, usize) -> i64>,
    pub release: Option<unsafe extern "C" fn(*mut Source)>,
    pub ctx: *mut c_void,
    pub wire_sent: u64,
}

#[repr(C)]
pub struct Delivery {
    pub size: u32,
    pub flags: u32,
    pub size_hint: u64,
    pub received_s: i64,
    pub uid: Str,
}

#[repr(C)]
pub struct StorageOps {
    pub size: u32,
    pub caps: u32,
    pub maildrop_id: Option<
        unsafe extern "C" fn(*mut c_void, *const Call, *const User, *mut c_char, *mut usize) -> c_int,
    >,
    pub open:
        Option<unsafe extern "C" fn(*mut c_void, *const Call, *const User, *mut *mut c_void) -> c_int>,
    pub list: Option<unsafe extern "C" fn(*mut c_void, *const Call, *mut MsgSink) -> c_int>,
    pub message: Option<unsafe extern "C" fn(*mut c_void, *const Call, u64, *mut Source) -> c_int>,
    pub commit: Option<
        unsafe extern "C" fn(*mut c_void, *const Call, *const u64, usize, *mut usize) -> c_int,
    >,
    pub close: Option<unsafe extern "C" fn(*mut c_void, *const Call)>,
    pub renew: Option<unsafe extern "C" fn(*mut c_void, *const Call) -> c_int>,
    pub renew_ms: u32,
    pub reserved: u32,
    pub deliver_begin: Option<
        unsafe extern "C" fn(
            *mut c_void,
            *const Call,
            *const User,
            *const Delivery,
            *mut *mut c_void,
        ) -> c_int,
    >,
    pub deliver_write:
        Option<unsafe extern "C" fn(*mut c_void, *const Call, *const c_void, usize) -> c_int>,
    pub deliver_finish: Option<unsafe extern "C" fn(*mut c_void, *const Call) -> c_int>,
    pub deliver_abandon: Option<unsafe extern "C" fn(*mut c_void, *const Call)>,
    pub check:
        Option<unsafe extern "C" fn(*mut c_void, *const Call, *const User, *mut Check) -> c_int>,
    pub hidden_fields: *const *const c_char,
}

#[repr(C)]
pub struct Host {
    pub size: u32,
    pub api_major: u16,
    pub api_minor: u16,
    pub threads: u32,
    pub role: u32,
    pub server_id: *const c_char,
    pub log: unsafe extern "C" fn(*mut Instance, *const Call, c_int, *const c_char, ...),
    pub fail: unsafe extern "C" fn(
        *mut Instance,
        *const Call,
        c_int,
        *const c_char,
        c_int,
        *const c_char,
        ...
    ) -> c_int,
    pub conf_int: unsafe extern "C" fn(*const Conf, *const c_char) -> i64,
    pub conf_str: unsafe extern "C" fn(*const Conf, *const c_char) -> Str,
    pub conf_list: unsafe extern "C" fn(*const Conf, *const c_char, *mut *const Str) -> usize,
    pub stat_add: unsafe extern "C" fn(*mut Instance, *const Call, u32, i64),
    pub now_ms: unsafe extern "C" fn() -> i64,
    pub stop_asked: unsafe extern "C" fn(*const Call) -> c_int,
    pub wipe: unsafe extern "C" fn(*mut c_void, usize),
    pub random: unsafe extern "C" fn(*mut c_void, usize) -> c_int,
    pub scratch: unsafe extern "C" fn(*const Call, usize) -> *mut c_void,
    pub expand: unsafe extern "C" fn(
        *mut Instance,
        *const Call,
        *const Conf,
        *const c_char,
        *const User,
        *mut Str,
    ) -> c_int,
    pub reach_as: unsafe extern "C" fn(*const Call, c_int) -> c_int,
}

#[repr(C)]
pub struct Module {
    pub magic: u32,
    pub size: u32,
    pub api_major: u16,
    pub api_minor_min: u16,
    pub opt_stride: u32,
    pub stat_stride: u32,
    pub needs: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub license: *const c_char,
    pub summary: *const c_char,
    pub options: *const Opt,
    pub stats: *const Stat,
    pub auth: *const AuthOps,
    pub storage: *const StorageOps,
    pub check: Option<unsafe extern "C" fn(*const Host, *mut Instance, *const Conf) -> c_int>,
    pub start: Option<
        unsafe extern "C" fn(*const Host, *mut Instance, *const Conf, *mut *mut c_void) -> c_int,
    >,
    pub thread_start: Option<unsafe extern "C" fn(*mut c_void, u32, *mut *mut c_void) -> c_int>,
    pub thread_stop: Option<unsafe extern "C" fn(*mut c_void, u32, *mut c_void)>,
    pub stop: Option<unsafe extern "C" fn(*mut c_void)>,
    pub accounts: *const AccountOps,
}

/// A table that is constant, and holds pointers to others that are.
#[repr(transparent)]
pub struct Table<T>(pub T);
unsafe impl<T> Sync for Table<T> {}

const fn is(size: usize, of: usize) {
    assert!(size == of);
}
const _: () = is(16, size_of::<Str>());
const _: () = is(32, size_of::<Call>());
const _: () = is(56, size_of::<Opt>());
const _: () = is(24, size_of::<Stat>());
const _: () = is(32, size_of::<Attr>());
const _: () = is(32, size_of::<User>());
const _: () = is(48, size_of::<Msg>());
const _: () = is(16, size_of::<MsgSink>());
const _: () = is(80, size_of::<Source>());
const _: () = is(40, size_of::<Delivery>());
const _: () = is(120, size_of::<StorageOps>());
const _: () = is(128, size_of::<Host>());
const _: () = is(136, size_of::<Module>());
