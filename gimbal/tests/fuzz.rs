//! The bodies of the fuzz targets of the numbers, with a few thousand inputs that are always the same. Each test counts how
//! many came far: a target that refuses its inputs at the door finds nothing.

#[path = "../../fuzz/src/numbers/mod.rs"]
#[allow(clippy::pedantic)] // numbers of every width are cut from bytes
pub mod targets;

use std::{fs, path::Path};
use targets::{answers, engine, kernels, pricing};

/// Numbers that look random (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut n = self.0;
        n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        n ^ (n >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit.max(1)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// Runs `body` on `count` inputs of random bytes with the given first one (any if none); how many came far.
fn run(count: usize, length: usize, first: Option<u8>, body: impl Fn(&[u8]) -> bool) -> usize {
    let mut numbers = Numbers(1);
    let mut far = 0;
    for _ in 0..count {
        let mut input = numbers.bytes(length);
        if let Some(first) = first {
            input[0] = first;
        }
        far += usize::from(body(&input));
    }
    far
}

#[test]
fn kernels_any_numbers_keep_the_invariants() {
    let far = run(3_000, 200, None, kernels::run);
    assert!(far > 2_000, "{far}");
}

#[test]
fn pricing_any_terms_keep_the_invariants() {
    let far = run(500, 800, None, pricing::run);
    assert!(far > 300, "{far}");
}

#[test]
fn engine_any_part_keeps_the_invariants() {
    // Words, parameters, redemptions, history, bands, venues and bounties, whole books.
    for (part, least) in [(0, 20), (1, 200), (2, 50), (3, 50), (4, 50), (5, 200), (6, 60), (7, 60)] {
        let far = run(200, 1_200, Some(part), engine::run);
        assert!(far >= least, "{part}: {far}");
    }
}

#[test]
fn answers_damaged_questions_are_answered() {
    let seeds = answers::seeds();
    let mut numbers = Numbers(1);
    let mut far = 0;
    for n in 0..1_000 {
        let mut input = seeds[numbers.below(seeds.len())].clone();
        for _ in 0..n % 2 {
            let at = numbers.below(input.len());
            input[at] = numbers.bytes(1)[0];
        }
        far += usize::from(answers::run(&input));
    }
    assert!(far > 250, "{far}");
}

#[test]
#[ignore = "writes the inputs that fuzzing starts from: fuzz/corpus"]
fn seeds_are_written_for_the_fuzzer() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut numbers = Numbers(2);
    let mut random = |length: usize| (0..64).map(|_| numbers.bytes(length)).collect::<Vec<_>>();
    for (target, seeds) in [
        ("kernels", random(200)),
        ("pricing", random(800)),
        ("engine", random(1_200)),
        ("answers", answers::seeds()),
    ] {
        let corpus = home.join(target);
        fs::create_dir_all(&corpus).unwrap();
        for (n, seed) in seeds.iter().enumerate() {
            fs::write(corpus.join(format!("seed-{n:04}")), seed).unwrap();
        }
    }
}
