//! A Stylus program without the SDK: byte 0 of the calldata selects what to run, the rest is its input.
//!
//! | # | input | output |
//! |---|---|---|
//! | 0 | anything | nothing |
//! | 1 | records of [`pricing::RECORD`] bytes | results of [`pricing::RESULT`] bytes |
//! | 2 | spot; 8 perp sizes; then for each option a record and a quantity | 33 losses, the worst, its index |
//!
//! Numbers are little-endian 64-bit words in the scales of [`pricing`].
//!
//! Anything refused returns 1 without data.
#![cfg(target_arch = "wasm32")]
#![no_std]
#![expect(unsafe_code, reason = "a program's entry point and host functions")]

use pricing::grid::{Grid, SCENARIOS, Scenarios};
use pricing::{Pricer, RECORD, RESULT};

/// Bytes of an option with its quantity.
const POSITION: usize = RECORD + 8;

/// Perps of one call.
const PERPS: usize = 8;

/// Most options of one call.
const OPTIONS: usize = 192;

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

static mut INPUT: [u8; 128 + OPTIONS * POSITION] = [0; 128 + OPTIONS * POSITION];
static mut OUTPUT: [[u8; RESULT]; OPTIONS] = [[0; RESULT]; OPTIONS];

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Reads the calldata, of `len` bytes, and answers it.
#[unsafe(no_mangle)]
pub extern "C" fn user_entrypoint(len: usize) -> usize {
    if len > 128 + OPTIONS * POSITION {
        return 1;
    }
    // SAFETY: the only code that touches the statics, in a program with one thread; the host writes `len` bytes, which fit.
    let (input, output) = unsafe {
        read_args((&raw mut INPUT).cast());
        (&*(&raw const INPUT), &mut *(&raw mut OUTPUT))
    };
    let Some((selector, input)) = input.get(..len).and_then(<[u8]>::split_first) else {
        return 1;
    };
    let written = match selector {
        0 => Some(0),
        1 => greeks(input, output),
        2 => margin(input, output.as_flattened_mut()),
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

fn greeks(input: &[u8], output: &mut [[u8; RESULT]]) -> Option<usize> {
    let (records, _) = input.as_chunks::<RECORD>();
    Pricer::new().greeks_packed(records, output).ok()?;
    Some(records.len() * RESULT)
}

fn margin(input: &[u8], output: &mut [u8]) -> Option<usize> {
    let (spot, rest) = input.split_first_chunk::<8>()?;
    let (perps, rest) = rest.split_at_checked(8 * PERPS)?;
    let pricer = Pricer::new();
    let mut grid = Grid::new(&pricer, &Scenarios::default());
    let sizes = perps.as_chunks::<8>().0.iter().map(|size| i64::from_le_bytes(*size));
    let delta = sizes.fold(0, i64::wrapping_add);
    let linear = (i128::from(delta) * i128::from(i64::from_le_bytes(*spot))) >> 32;
    grid.add_linear(i64::try_from(linear).ok()?).ok()?;
    for position in rest.as_chunks::<POSITION>().0 {
        grid.add_packed(position).ok()?;
    }
    let losses = grid.losses();
    let numbers = losses
        .by_scenario
        .into_iter()
        .chain([losses.worst, losses.scenario as i64]);
    for (place, number) in output.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    Some(8 * (SCENARIOS + 2))
}
