//! Parameters of a request, read one after the other.

use super::error::RpcError;
use alloy_primitives::U256;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The parameters that have not been read yet. Missing ones read as `null`.
#[derive(Debug)]
pub(super) struct Args {
    values: std::vec::IntoIter<Value>,
    index: usize,
}

impl Args {
    /// Parameters from the JSON text of a request: a list, or nothing at all.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, RpcError> {
        let values = match text {
            None => Vec::new(),
            Some(text) => match serde_json::from_str(text) {
                Ok(Value::Array(values)) => values,
                Ok(Value::Null) => Vec::new(),
                Ok(_) => return Err(RpcError::params("non-array args")),
                Err(error) => return Err(RpcError::params(error.to_string())),
            },
        };
        Ok(Self {
            values: values.into_iter(),
            index: 0,
        })
    }

    /// The next parameter as it is.
    pub(super) fn value(&mut self) -> Value {
        self.index += 1;
        self.values.next().unwrap_or(Value::Null)
    }

    /// The next parameter, which must be there.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<T, RpcError> {
        let index = self.index;
        match self.value() {
            Value::Null => Err(RpcError::params(format!("missing value for required argument {index}"))),
            value => serde_json::from_value(value)
                .map_err(|error| RpcError::params(format!("invalid argument {index}: {error}"))),
        }
    }

    /// The next parameter, if it is there.
    pub(super) fn optional<T: DeserializeOwned>(&mut self) -> Result<Option<T>, RpcError> {
        let index = self.index;
        match self.value() {
            Value::Null => Ok(None),
            value => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| RpcError::params(format!("invalid argument {index}: {error}"))),
        }
    }

    /// The next parameter as a number, which development methods accept as hex, as decimal text or as a
    /// JSON number.
    pub(super) fn number(&mut self) -> Result<Option<u64>, RpcError> {
        let index = self.index;
        let wrong = || RpcError::params(format!("invalid argument {index}: not a number of 64 bits"));
        match self.value() {
            Value::Null => Ok(None),
            Value::Number(number) => number.as_u64().map(Some).ok_or_else(wrong),
            Value::String(text) => {
                let number: U256 = text.parse().map_err(|_| wrong())?;
                u64::try_from(number).map(Some).map_err(|_| wrong())
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Address;

    #[test]
    fn parse_of_an_object_is_refused_and_null_is_empty() {
        assert_eq!(Args::parse(Some("{}")).unwrap_err().code, -32_602);
        assert_eq!(Args::parse(Some("null")).unwrap().value(), Value::Null);
    }

    #[test]
    fn next_names_the_argument_that_is_wrong_or_missing() {
        let mut args = Args::parse(Some(r#"["0x12"]"#)).unwrap();
        let error = args.next::<Address>().unwrap_err();
        assert!(error.message.contains("argument 0"), "{error:?}");
        let error = args.next::<Address>().unwrap_err();
        assert_eq!(error.message, "missing value for required argument 1");
    }

    #[test]
    fn number_reads_hex_decimal_and_json_and_refuses_the_rest() {
        let mut args = Args::parse(Some(r#"["0x10","16",16,null,-1,"0x10000000000000000",[]]"#)).unwrap();
        for _ in 0..3 {
            assert_eq!(args.number().unwrap(), Some(16));
        }
        assert_eq!(args.number().unwrap(), None);
        for _ in 0..3 {
            assert!(args.number().is_err());
        }
    }
}
