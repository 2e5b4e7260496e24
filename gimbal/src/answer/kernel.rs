//! The kernels of the `fixed` crate.

use crate::decimal::{member, text, wad};
use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};

/// `fn, x` → `y`; `pow` also takes `y`, the exponent.
///
/// Domain errors carry the kernel's own name for them.
pub(super) fn answer(question: &Value) -> Result<Value> {
    let function = member(question, "fn")?;
    let x = wad(member(question, "x")?)?;
    let result = match function {
        "exp" => fixed::exp(x),
        "ln" => fixed::ln(x),
        "sqrt" => fixed::sqrt_down(x),
        "cbrt" => fixed::cbrt(x),
        "pow" => fixed::pow(x, wad(member(question, "y")?)?),
        "cdf" => fixed::normal_cdf(x),
        "pdf" => fixed::normal_pdf(x),
        "icdf" => fixed::normal_icdf(x),
        _ => bail!("no such function: {function:?}; there are exp, ln, sqrt, cbrt, pow, cdf, pdf, icdf"),
    };
    // `MathError` prints as its variant with the offending value.
    let y = result.map_err(|error| anyhow!("{error:?}"))?;
    Ok(json!({ "y": text(y.0, 18) }))
}
