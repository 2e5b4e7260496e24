//! Compiled programs on disk. The choice is the process's, so this test has one of its own.

use alloy_primitives::{Address, Bytes};
use devnode::{
    Chain, DEV_ACCOUNT, Tx,
    stylus::{
        code::compress,
        module::{DiskCacheError, keep_on_disk},
    },
};
use std::{fs, path::Path};

/// Files below `folder`.
fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn keep_on_disk_writes_compiled_programs_and_comes_before_the_first() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    // From an earlier run, if any.
    let _ = fs::remove_dir_all(&folder);
    assert!(matches!(
        keep_on_disk(Path::new("relative")),
        Err(DiskCacheError::Directory(_))
    ));
    keep_on_disk(&folder).unwrap();
    let mut chain = Chain::default();
    let text = "(module (memory (export \"memory\") 1 1) (func (export \"user_entrypoint\") (param i32) (result i32) (i32.const 0)))";
    let program = Address::with_last_byte(0x77);
    chain.set_code(program, compress(&wat::parse_str(text).unwrap()));
    assert!(chain.activate(DEV_ACCOUNT, program).unwrap().success);
    assert!(
        chain
            .send(Tx::call(DEV_ACCOUNT, program, Bytes::new()))
            .unwrap()
            .success
    );
    assert!(files(&folder) > 0);
    let error = keep_on_disk(&folder).unwrap_err();
    assert!(error.to_string().contains("before the first program runs"));
}
