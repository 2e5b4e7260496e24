//! Roles.

use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolCall;
use e2e::{refused, world};
use gimbal::world::people::{ALICE, BOB, GUARDIAN, OWNER};
use interfaces::{IGovernor, IVault};
use venues::Network;

#[test]
fn transfer_ownership_takes_effect_when_accepted_by_the_new_owner() {
    let mut world = world();
    let governor = world.at.governor;
    world
        .chain
        .invoke(OWNER, governor, &IGovernor::transferOwnershipCall { newOwner: BOB })
        .unwrap();
    assert_eq!(world.chain.read(governor, &IGovernor::ownerCall {}).unwrap(), OWNER);
    let error: IGovernor::Unauthorized =
        refused(world.chain.invoke(ALICE, governor, &IGovernor::acceptOwnershipCall {}));
    assert_eq!(error.caller, ALICE);
    world
        .chain
        .invoke(BOB, governor, &IGovernor::acceptOwnershipCall {})
        .unwrap();
    assert_eq!(world.chain.read(governor, &IGovernor::ownerCall {}).unwrap(), BOB);
    let set = IGovernor::setGuardianCall { guardian: ALICE };
    let _: IGovernor::Unauthorized = refused(world.chain.invoke(OWNER, governor, &set));
}

#[test]
fn execute_is_for_the_owner_and_bubbles_the_target_error() {
    let mut world = world();
    let (governor, target) = (world.at.governor, world.at.vault);
    let data: Bytes = IVault::setParameterCall {
        id: 2, // entry cost
        value: alloy_primitives::U256::from(9_999),
    }
    .abi_encode()
    .into();
    let call = IGovernor::executeCall { target, data };
    for stranger in [GUARDIAN, ALICE] {
        let error: IGovernor::Unauthorized = refused(world.chain.invoke(stranger, governor, &call));
        assert_eq!(error.caller, stranger);
    }
    let error: IVault::ParameterOutOfRange = refused(world.chain.invoke(OWNER, governor, &call));
    assert_eq!(error.value, alloy_primitives::U256::from(9_999));
}

#[test]
fn transfer_ownership_to_nobody_leaves_the_owner_in_place() {
    let mut world = world();
    let call = IGovernor::transferOwnershipCall {
        newOwner: Address::ZERO,
    };
    // Naming nobody withdraws an offer; nobody can ever accept it.
    let _ = world.chain.invoke(OWNER, world.at.governor, &call);
    assert_eq!(
        world.chain.read(world.at.governor, &IGovernor::ownerCall {}).unwrap(),
        OWNER
    );
}
