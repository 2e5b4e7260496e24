//! The bodies of the fuzz targets, with a few hundred inputs made from their seeds: quick, and always the same.

#[path = "../../fuzz/src/lib.rs"]
pub mod targets;

/// Numbers that look random (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut n = self.0;
        n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((n ^ (n >> 31)) >> 33).unwrap() % limit.max(1)
    }
}

/// Runs `body` on `count` of the seeds, every other one damaged in a few places.
fn run(seeds: &[Vec<u8>], count: usize, body: impl Fn(&[u8])) {
    let mut numbers = Numbers(1);
    for n in 0..count {
        let mut input = seeds[numbers.below(seeds.len())].clone();
        for _ in 0..if n % 2 == 0 { 0 } else { 1 + numbers.below(3) } {
            let at = numbers.below(input.len());
            match numbers.below(3) {
                0 if at < input.len() => input[at] = numbers.below(256).try_into().unwrap(),
                1 if at < input.len() => drop(input.remove(at)),
                _ => input.insert(at, numbers.below(256).try_into().unwrap()),
            }
        }
        body(&input);
    }
}

#[test]
fn program_of_damaged_modules_keeps_the_invariants() {
    run(&targets::program::seeds(), 150, targets::program::run);
}

#[test]
fn stored_code_damaged_is_refused_or_runs() {
    run(&targets::stored_code::seeds(), 150, targets::stored_code::run);
}

#[test]
fn rpc_damaged_requests_are_answered() {
    assert!(targets::rpc::words().len() > 100);
    run(&targets::rpc::seeds(), 300, targets::rpc::run);
}

#[test]
fn transaction_of_damaged_code_keeps_the_invariants() {
    run(&targets::transaction::seeds(), 200, targets::transaction::run);
}
