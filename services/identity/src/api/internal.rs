//! What only other roles of the platform ask. The gateway lets nobody else through, and neither does the extractor.

pub mod api_keys;
pub mod operator_access;
pub mod sessions;
pub mod standings;
