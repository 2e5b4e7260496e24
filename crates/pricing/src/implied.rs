//! The volatility that a price implies.
