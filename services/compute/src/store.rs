//! All SQL: one file per table family. Functions take the transaction that makes them lawful.

// The platform's side.

// The tenants' side.
