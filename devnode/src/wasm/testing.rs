//! Helpers of the tests: small programs, and a look into their instrumented form.

use wasmparser::Operator;

use super::{activate, check, instrument, parse::Module};

/// A program with one page of memory and an entry point with this body.
pub(super) fn program(body: &str) -> Vec<u8> {
    wat::parse_str(format!(
        "(module (memory (export \"memory\") 1 1)
           (func (export \"user_entrypoint\") (param i32) (result i32) {body}))"
    ))
    .expect("the test's wat is well formed")
}

/// Instrumented operators of the first function a module defines.
pub(super) fn body_of(wasm: &[u8]) -> Vec<Operator<'_>> {
    let module = Module::parse(wasm).expect("the module is valid");
    let checked = check::check(&module, 128).expect("the module is accepted");
    instrument::instrument(&module.bodies[0], &module, &checked)
        .expect("the function is accepted")
        .operators
}

/// Ink of every basic block of a module, functions in order, as charged by the headers in its written form.
pub(super) fn block_inks(wat: &str) -> Vec<u64> {
    let wasm = wat::parse_str(wat).expect("the test's wat is well formed");
    let activated = activate(&wasm, 128).expect("the module is accepted");
    let module = Module::parse(&activated.instrumented).expect("the instrumented module is valid");
    let mut inks = Vec::new();
    for body in &module.bodies {
        let operators: Vec<_> = body
            .get_operators_reader()
            .expect("the body is valid")
            .into_iter()
            .collect::<Result<_, _>>()
            .expect("the body is valid");
        for pair in operators.windows(3) {
            if let [Operator::I64Const { value }, Operator::I64LtU, Operator::If { .. }] = pair {
                inks.push(value.cast_unsigned());
            }
        }
    }
    inks
}
