//! The storage of a contract as a list of slots.

/// Declares a contract's storage: `slot, offset: field: Type`, each documented with its unit.
///
/// `offset` counts bytes from the left of the slot, as the SDK does: a field of n bytes that ends where the previous
/// one begins has the previous offset − n; what fills a slot has 0. The list is append only.
///
/// The SDK's `#[storage]` computes slots at every entry (200 bytes of wasm per field); here they are constants, and the
/// layout can be read and compared.
#[macro_export]
macro_rules! layout {
    (
        $(#[$outer:meta])*
        pub struct $contract:ident {
            $($(#[$inner:meta])* $slot:literal, $offset:literal: $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$outer])*
        pub struct $contract {
            vm: stylus_sdk::host::VM,
            $($(#[$inner])* pub(crate) $field: $type,)*
        }

        impl stylus_sdk::prelude::HostAccess for $contract {
            type Host = stylus_sdk::host::VM;

            fn vm(&self) -> &Self::Host {
                &self.vm
            }
        }

        // SAFETY: only the entry point creates one, once per call, so no two accessors alias.
        unsafe impl stylus_sdk::stylus_core::storage::TopLevelStorage for $contract {}

        impl $contract {
            /// The contract's storage, for the entry point.
            #[inline]
            #[allow(dead_code)] // no entry point while the ABI is printed
            pub(crate) fn open(vm: stylus_sdk::host::VM) -> Self {
                use stylus_sdk::storage::StorageType as _;
                // SAFETY: called once, by the entry point; every field has a place of its own.
                unsafe {
                    Self {
                        $($field: <$type>::new(
                            alloy_primitives::U256::from_limbs([$slot, 0, 0, 0]),
                            $offset,
                            vm.clone(),
                        ),)*
                        vm,
                    }
                }
            }
        }
    };
}
