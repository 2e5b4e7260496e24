//! The bodies of the fuzz targets, with a few hundred inputs made from their seeds: quick, and always the same.

#[path = "../../fuzz/src/chain/mod.rs"]
pub mod targets;

use std::{fs, path::Path};
use targets::{program, rpc, stored_code, transaction};

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

/// Runs `body` on `count` of the seeds, every other one damaged in a few places, and returns how many came far.
fn run(seeds: &[Vec<u8>], count: usize, body: impl Fn(&[u8]) -> bool) -> usize {
    let mut far = 0;
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
        far += usize::from(body(&input));
    }
    far
}

#[test]
fn program_of_damaged_modules_keeps_the_invariants() {
    let far = run(&program::seeds(), 150, program::run);
    assert!(far > 40, "{far}");
}

#[test]
fn stored_code_damaged_is_refused_or_runs() {
    let far = run(&stored_code::seeds(), 150, stored_code::run);
    assert!(far > 10, "{far}");
}

#[test]
fn rpc_damaged_requests_are_answered() {
    assert!(rpc::words().len() > 100);
    let far = run(&rpc::seeds(), 300, rpc::run);
    assert!(far > 100, "{far}");
}

#[test]
fn transaction_of_damaged_code_keeps_the_invariants() {
    let far = run(&transaction::seeds(), 200, transaction::run);
    assert!(far > 100, "{far}");
}

#[test]
#[ignore = "writes the inputs that fuzzing starts from: fuzz/corpus and fuzz/rpc.dict"]
fn seeds_are_written_for_the_fuzzer() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (target, seeds) in [
        ("program", program::seeds()),
        ("stored_code", stored_code::seeds()),
        ("rpc", rpc::seeds()),
        ("transaction", transaction::seeds()),
    ] {
        let corpus = home.join("corpus").join(target);
        fs::create_dir_all(&corpus).unwrap();
        for (n, seed) in seeds.iter().enumerate() {
            fs::write(corpus.join(format!("seed-{n:04}")), seed).unwrap();
        }
    }
    let escaped = |word: String| word.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let words = rpc::words().into_iter().map(|word| format!("\"{}\"\n", escaped(word)));
    fs::write(home.join("rpc.dict"), words.collect::<String>()).unwrap();
}
