//! A Stylus program without the SDK: byte 0 of the calldata selects a kernel, the rest are its arguments.
//!
//! An argument or result takes 16 little-endian bytes, [`Wad`]'s integer. 0 exp, 1 ln, 2 sqrt, 3 cbrt, 4 pow (pairs of
//! arguments), 5 Φ, 6 φ, 7 Φ⁻¹, 8 the argument itself: what reading, writing and the loop cost.
//!
//! Anything refused returns 1 without data.
#![cfg(target_arch = "wasm32")]
#![no_std]
#![expect(unsafe_code, reason = "a program's entry point and host functions")]

use fixed::{Wad, cbrt, exp, ln, normal_cdf, normal_icdf, normal_pdf, pow, sqrt_down};

/// Most arguments of one call.
const ARGUMENTS: usize = 256;
const WORD: usize = 16;

#[link(wasm_import_module = "vm_hooks")]
unsafe extern "C" {
    fn read_args(to: *mut u8);
    fn write_result(from: *const u8, len: usize);
    fn pay_for_memory_grow(pages: u16);
}

/// Activation asks for this import of every program whose memory could grow. Nobody calls it.
#[unsafe(no_mangle)]
pub extern "C" fn mark_used() {
    // SAFETY: it touches no memory.
    unsafe { pay_for_memory_grow(0) };
}

static mut INPUT: [u8; 1 + ARGUMENTS * WORD] = [0; 1 + ARGUMENTS * WORD];
static mut OUTPUT: [[u8; WORD]; ARGUMENTS] = [[0; WORD]; ARGUMENTS];

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Reads the calldata, of `len` bytes, and answers it.
#[unsafe(no_mangle)]
pub extern "C" fn user_entrypoint(len: usize) -> usize {
    if len > 1 + ARGUMENTS * WORD {
        return 1;
    }
    let (input, output) = (&raw mut INPUT, &raw mut OUTPUT);
    // SAFETY: the only code that touches the statics, in a program with one thread; the host writes `len` bytes, which fit.
    let (input, output) = unsafe {
        read_args(input.cast());
        (&*input, &mut *output)
    };
    let Some((selector, input)) = input.get(..len).and_then(<[u8]>::split_first) else {
        return 1;
    };
    let (words, _) = input.as_chunks::<WORD>();
    let written = match selector {
        0 => each(words, output, exp),
        1 => each(words, output, ln),
        2 => each(words, output, sqrt_down),
        3 => each(words, output, cbrt),
        4 => pairs(words, output),
        5 => each(words, output, normal_cdf),
        6 => each(words, output, normal_pdf),
        7 => each(words, output, normal_icdf),
        8 => each(words, output, Ok::<Wad, ()>),
        _ => None,
    };
    match written {
        Some(len) => {
            // SAFETY: every arm above wrote at most what `OUTPUT` holds.
            unsafe { write_result(output.as_ptr().cast(), len) };
            0
        }
        None => 1,
    }
}

fn each<E>(words: &[[u8; WORD]], output: &mut [[u8; WORD]], kernel: impl Fn(Wad) -> Result<Wad, E>) -> Option<usize> {
    for (word, place) in words.iter().zip(&mut *output) {
        *place = kernel(Wad(i128::from_le_bytes(*word))).ok()?.0.to_le_bytes();
    }
    Some(words.len() * WORD)
}

fn pairs(words: &[[u8; WORD]], output: &mut [[u8; WORD]]) -> Option<usize> {
    let (pairs, _) = words.as_chunks::<2>();
    for ([x, y], place) in pairs.iter().zip(&mut *output) {
        *place = pow(Wad(i128::from_le_bytes(*x)), Wad(i128::from_le_bytes(*y)))
            .ok()?
            .0
            .to_le_bytes();
    }
    Some(pairs.len() * WORD)
}
