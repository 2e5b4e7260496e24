//! Writes the inputs that fuzzing starts from: `corpus/<target>/` and `rpc.dict`.

use gimbal_fuzz::{program, rpc, stored_code, transaction};
use std::{error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets = [
        ("program", program::seeds()),
        ("stored_code", stored_code::seeds()),
        ("rpc", rpc::seeds()),
        ("transaction", transaction::seeds()),
    ];
    for (target, seeds) in targets {
        let corpus = home.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        println!("{target}: {}", seeds.len());
        for (n, seed) in seeds.iter().enumerate() {
            fs::write(corpus.join(format!("seed-{n:04}")), seed)?;
        }
    }
    let escaped = |word: String| word.bytes().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let words = rpc::words().into_iter().map(|word| format!("\"{}\"\n", escaped(word)));
    fs::write(home.join("rpc.dict"), words.collect::<String>())?;
    Ok(())
}
