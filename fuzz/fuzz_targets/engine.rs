#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    gimbal_fuzz::numbers::engine::run(data);
});
