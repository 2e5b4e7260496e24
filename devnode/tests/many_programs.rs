//! More programs open at once than one transaction can open.

use alloy_primitives::keccak256;
use devnode::stylus::{
    host::Env,
    module,
    port::{Request, Response},
    program::{HostFailure, Outcome, Program, Step},
};

#[test]
fn program_beyond_the_pool_runs_like_the_others() {
    let text = "(module (import \"vm_hooks\" \"storage_load_bytes32\" (func $load (param i32 i32)))
      (import \"vm_hooks\" \"write_result\" (func $write (param i32 i32)))
      (memory (export \"memory\") 1 1)
      (func (export \"user_entrypoint\") (param i32) (result i32)
        (call $load (i32.const 0) (i32.const 32)) (call $write (i32.const 0) (i32.const 64)) (i32.const 0)))";
    let wasm = wat::parse_str(text).unwrap();
    let hash = keccak256(devnode::wasm::activate(&wasm, 128).unwrap().instrumented);
    let module = module::compiled(hash, || Ok::<_, HostFailure>(wasm)).unwrap();
    let mut open: Vec<_> = (0..1_100)
        .map(|n| {
            let env = Env {
                ink_price: 10_000,
                ..Env::default()
            };
            let mut program = Program::new(module.clone(), env, 1 << 40, 22_000);
            let asked = program.resume();
            assert!(
                matches!(asked, Ok(Step::Ask(Request::Load(_)))),
                "program {n}: {asked:?}"
            );
            program
        })
        .collect();
    let mut ends: Vec<_> = open
        .iter_mut()
        .map(|program| {
            let value = alloy_primitives::B256::repeat_byte(7);
            program.answer(Response::Word { value, gas: 100 });
            match program.resume() {
                Ok(Step::Done(finished)) => (
                    finished.outcome,
                    finished.output,
                    finished.ink_left,
                    finished.stack_left,
                ),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert_eq!(ends[0].0, Outcome::Success);
    assert_eq!(ends[0].1[..], [[0; 32], [7; 32]].concat());
    ends.dedup();
    assert_eq!(ends.len(), 1, "all ended alike");
}
