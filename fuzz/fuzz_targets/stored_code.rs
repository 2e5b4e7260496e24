#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    gimbal_fuzz::chain::stored_code::run(data);
});
