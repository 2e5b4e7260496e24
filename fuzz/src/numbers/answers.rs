//! The commands that answer questions in JSON lines, and the decimal text they read and write.

use gimbal::answer::{Subject, run as answer};
use gimbal::decimal::{self, parse, quotient, scaled, text, wad};
use serde_json::Value;

/// The first byte chooses the subject; the rest are its questions, checked line by line. In the other half of all first
/// bytes the rest is one decimal text. Whether any line was answered, or the text was a number.
pub fn run(data: &[u8]) -> bool {
    let Some((&first, rest)) = data.split_first() else {
        return false;
    };
    let subject = match first % 4 {
        0 => Subject::Price,
        1 => Subject::Lp,
        2 => Subject::Math,
        _ => return std::str::from_utf8(rest).is_ok_and(number),
    };
    let mut out = Vec::new();
    answer(subject, rest, &mut out).expect("memory can be read and written");
    let questions = rest.split_inclusive(|&byte| byte == b'\n').count();
    let out = String::from_utf8(out).expect("JSON is text");
    let answers: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(answers.len(), questions, "one answer a line");
    let mut far = false;
    for answer in answers {
        let members = answer.as_object().expect("an object");
        if let Some(error) = members.get("error") {
            assert!(members.len() == 1 && error.as_str().is_some_and(|error| !error.is_empty()));
            continue;
        }
        far = true;
        let names: &[&str] = match subject {
            Subject::Price => &["price", "delta", "gamma", "vega", "theta", "rho"],
            Subject::Lp => &["value", "delta", "gamma"],
            Subject::Math => &["y"],
        };
        assert_eq!(members.len(), names.len());
        for name in names {
            let number = decimal::member(&answer, name).expect("a text");
            // Every digit a plain one, and readable by our own reader.
            assert!(parse(number).is_ok(), "{name} {number}");
            assert!(!number.contains(['e', 'E', '+']), "{name} {number}");
        }
    }
    far
}

fn number(input: &str) -> bool {
    let exact = wad(input);
    let Ok((digits, exponent)) = parse(input) else {
        assert!(exact.is_err());
        return false;
    };
    if let Ok(exact) = exact {
        assert_eq!(wad(&text(exact.0, 18)).expect("its own text"), exact, "{input:?}");
        assert_eq!(scaled(digits, exponent + 18), Some(exact.0), "{input:?}");
    }
    // The quotient of anything by anything of the commands' sizes.
    let power = exponent.clamp(-400, 400);
    for denominator in [1, 3, 1 << 44, (1 << 96) - 1, u128::MAX] {
        let ratio = quotient(digits, denominator, power);
        let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
        assert!(!ratio.is_empty() && ratio.bytes().all(plain), "{input:?} {ratio:?}");
        assert_eq!(
            ratio.starts_with('-'),
            digits < 0 && ratio != "0",
            "{input:?} {ratio:?}"
        );
    }
    true
}

/// Questions of every subject, right ones and wrong ones.
pub fn seeds() -> Vec<Vec<u8>> {
    let numbers = [
        "100",
        "0.5",
        "-1",
        "1e-18",
        "3e9",
        "0.25",
        "17.000000000000000001",
        "1e20",
        "0",
        ".",
        "99999",
    ];
    let mut seeds = Vec::new();
    let mut push = |subject: u8, text: &str| seeds.push([&[subject], text.as_bytes()].concat());
    for (n, number) in numbers.iter().enumerate() {
        let other = |k: usize| numbers[(n * 3 + k) % numbers.len()];
        push(3, number);
        for function in ["exp", "ln", "sqrt", "cbrt", "pow", "cdf", "pdf", "icdf", "sin"] {
            push(
                2,
                &format!(r#"{{"fn":"{function}","x":"{number}","y":"{}"}}"#, other(1)),
            );
        }
        for kind in ["call", "put", if n == 0 { "straddle" } else { "call" }] {
            let years = if n % 4 == 0 { number } else { "0.75" };
            let tail = format!(r#""years":"{years}","vol":"0.{n}8","rate":"0.0{n}"}}"#);
            push(
                0,
                &format!(r#"{{"kind":"{kind}","forward":"{number}","strike":"10{n}",{tail}"#),
            );
            push(
                0,
                &format!(r#"{{"kind":"{kind}","forward":"9{n}e{n}","strike":"8{n}e{n}",{tail}"#),
            );
            push(
                0,
                &format!(
                    r#"{{"kind":"{kind}","forward":"2{n}","strike":"30","years":"1.{n}","vol":"1","rate":"-.1"}}"#
                ),
            );
        }
        let (lower, price) = (other(2), other(4));
        push(
            1,
            &format!(r#"{{"liquidity":"1{n}","lower":"{n}.5","upper":"20","price":"1{n}.25"}}"#),
        );
        push(
            1,
            &format!(r#"{{"liquidity":"{number}","lower":"{lower}","upper":"3000","price":"{price}"}}"#),
        );
    }
    push(2, "{}\n[]\n\n{\"fn\":\"exp\",\"x\":\"1\"}\n{\"fn\":1}\n");
    push(
        0,
        "null\r\n{\"kind\":\"call\",\"forward\":\"1\",\"strike\":\"1\",\"years\":\"1\",\"vol\":\"1\",\"rate\":\"0\"}",
    );
    seeds
}
