//! Allowances by signature: ERC-2612 over EIP-712, with EIP-1271 for owners that are contracts.

use crate::{Vault, error::Outcome, text};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256, address, b256};
use alloy_sol_types::SolCall;
use interfaces::{IERC1271, IVault, contract};
use stylus_sdk::prelude::*;

/// keccak256 of `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)`.
const DOMAIN_TYPE: B256 = b256!("8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");
/// keccak256 of `Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)`.
const PERMIT_TYPE: B256 = b256!("6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9");
/// keccak256 of the version, `1`.
const VERSION_HASH: B256 = b256!("c89efdaa54c0f20c7adf612882df0950f5a951637e0307cdcb4c672f298b8bc6");
/// Version of the signing domain.
pub(crate) const VERSION: &str = "1";
/// The precompile that recovers signers.
const RECOVER: Address = address!("0000000000000000000000000000000000000001");
/// Half of the order of secp256k1: of the two values s that sign the same, only the lower is taken (EIP-2).
const HALF_ORDER: B256 = b256!("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");

impl Vault {
    /// Hash of the signing domain (EIP-712): name, version, chain and this address. Never stored, so that it is right
    /// after a fork of the chain, too.
    pub(crate) fn domain(&self) -> B256 {
        let vm = self.vm();
        let name = text(self.name.get());
        self.hash_words(&[
            DOMAIN_TYPE,
            vm.native_keccak256(name.as_bytes()),
            VERSION_HASH,
            U256::from(vm.chain_id()).into(),
            vm.contract_address().into_word(),
        ])
    }

    /// Sets an allowance that `owner` signed. Errors: `ERC2612ExpiredSignature`, `ERC2612InvalidSignature`,
    /// `ERC20InvalidSpender`.
    pub(crate) fn use_permit(
        &mut self,
        owner: Address,
        spender: Address,
        value: U256,
        deadline: U256,
        signature: &[u8],
    ) -> Outcome<()> {
        if U256::from(self.vm().block_timestamp()) > deadline {
            return Err(IVault::ERC2612ExpiredSignature { deadline }.into());
        }
        let nonce = self.nonces.get(owner);
        let content = self.hash_words(&[
            PERMIT_TYPE,
            owner.into_word(),
            spender.into_word(),
            value.into(),
            nonce.into(),
            deadline.into(),
        ]);
        let mut message = Vec::from(*b"\x19\x01");
        message.extend_from_slice(self.domain().as_slice());
        message.extend_from_slice(content.as_slice());
        let digest = self.vm().native_keccak256(&message);
        // Used before anybody is asked: a contract that is asked cannot use it again.
        self.nonces.insert(owner, nonce.saturating_add(U256::ONE));
        if !self.signed_by(owner, digest, signature) {
            return Err(IVault::ERC2612InvalidSignature { owner }.into());
        }
        self.allow(owner, spender, value)
    }

    fn hash_words(&self, words: &[B256]) -> B256 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.0).collect();
        self.vm().native_keccak256(&bytes)
    }

    /// Whether `owner` signed `digest`: with its key, or, if it has code, by its own word.
    fn signed_by(&self, owner: Address, digest: B256, signature: &[u8]) -> bool {
        if owner.is_zero() {
            return false;
        }
        self.recover(digest, signature) == Some(owner) || self.vouched_by(owner, digest, signature)
    }

    /// The account whose key made `signature` (r, s, v in 65 bytes).
    fn recover(&self, digest: B256, signature: &[u8]) -> Option<Address> {
        let (r, rest) = signature.split_first_chunk::<32>()?;
        let (s, rest) = rest.split_first_chunk::<32>()?;
        let [v @ (27 | 28)] = *rest else { return None };
        if *s > HALF_ORDER.0 {
            return None;
        }
        let words = [digest, B256::with_last_byte(v), B256::new(*r), B256::new(*s)];
        let input: Vec<u8> = words.iter().flat_map(|word| word.0).collect();
        let answer = contract::view(self.vm(), RECOVER, &input).ok()?;
        contract::address_at(&answer, 0).filter(|signer| !signer.is_zero())
    }

    /// Whether the contract `owner` says that `signature` is its own (EIP-1271).
    fn vouched_by(&self, owner: Address, digest: B256, signature: &[u8]) -> bool {
        if self.vm().code_size(owner) == 0 {
            return false;
        }
        // By hand: the ABI library's encoder would add a kilobyte of messages to every entry.
        let head = [digest, U256::from(64).into(), U256::from(signature.len()).into()];
        let mut call = contract::encode(IERC1271::isValidSignatureCall::SELECTOR, &head);
        call.extend_from_slice(signature);
        let padded = signature.len().next_multiple_of(32);
        call.resize(call.len().saturating_add(padded.saturating_sub(signature.len())), 0);
        let answer = contract::view_at_most(self.vm(), owner, &call, 32).ok();
        let magic = IERC1271::isValidSignatureCall::SELECTOR;
        let word = answer.as_deref().and_then(<[u8]>::first_chunk::<32>);
        word.is_some_and(|word| word.starts_with(&magic) && word.iter().skip(4).all(|byte| *byte == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn hashes_are_those_of_the_types() {
        let domain = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        assert_eq!(DOMAIN_TYPE, keccak256(domain));
        let permit = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
        assert_eq!(PERMIT_TYPE, keccak256(permit));
        assert_eq!(VERSION_HASH, keccak256(VERSION));
    }
}
