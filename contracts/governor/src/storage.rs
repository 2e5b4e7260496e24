//! Storage of the governor. Append only.

use stylus_sdk::storage::StorageAddress;

interfaces::layout! {
    /// The roles.
    pub struct Governor {
        /// The only caller of `execute`; zero until initialised.
        0, 12: owner: StorageAddress,
        /// To whom ownership is offered; zero if to nobody.
        1, 12: pending_owner: StorageAddress,
        /// Who may tighten limits.
        2, 12: guardian: StorageAddress,
        /// Who may move idle assets between vault and books.
        3, 12: allocator: StorageAddress,
    }
}
