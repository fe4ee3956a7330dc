//! The same from the platform's side: an operator asks to be let into a tenant's content, and gives it back.

pub mod end;
pub mod list;
pub mod request;
