//! What browsers and devices say to each other, in the JSON of Web Authentication level 3: what `parse…FromJSON` of
//! `PublicKeyCredential` takes, and what its `toJSON` gives. The names are the standard's.

mod answers;
mod options;

pub use answers::{Assertion, NewCredential};
pub use options::{CreationOptions, RequestOptions};
