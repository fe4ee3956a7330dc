//! `yunshu-hypervisor`: makes a machine's libvirt look like what the control plane wants it to be.
//!
//! It is told the complete set of VMs for its host and reports what it sees; what to do next about one VM is
//! `host_api::action`, a pure function; when, and how often, is `host-runtime`. This crate is the rest: how each step is
//! carried out on libvirt, safely, and how that is seen again after anything at all has crashed.
//!
//! **Where the truth is.** In libvirt and beside it, never in this process. Whose a domain is and how far its intent was
//! carried out is written into the domain ([`mark`]); a VM's files lie in a folder named by its id ([`disk`]); image files
//! by their digest ([`images`]). kill -9 at any moment leaves a state that [`machine::Libvirt::new`] and a look understand.
//!
//! **What is never done.** A domain without our mark, or with another host's, is not touched, not even looked into. A
//! domain that the desired set does not name is reported and left alone until the control plane disowns it by name and
//! placement. A lower placement or generation than the domain carries changes nothing. Formats are not guessed, links not
//! followed, names not interpreted.
//!
//! **What ends it.** A signal; or the answer that a newer process speaks for this host: then it exits with status 3 and
//! must not be restarted automatically.
//!
//! - [`settings`], [`service`]: flags; the parts put together
//! - [`machine`]: each step; [`domain`]: what is asked of libvirt; [`link`]: the connection; [`xml`]: the description
//! - [`disk`], [`images`], [`qcow2`], [`console`]: files
//! - [`host`]: what the machine itself is

pub mod console;
pub mod disk;
pub mod domain;
pub mod host;
pub mod images;
pub mod link;
pub mod machine;
pub mod mark;
pub mod qcow2;
pub mod service;
pub mod settings;
pub mod xml;
