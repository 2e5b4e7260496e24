//! Prints the contract's Solidity interface under the feature `export-abi`; does nothing otherwise.

fn main() {
    #[cfg(feature = "export-abi")]
    rebalancer::print_from_args();
}
