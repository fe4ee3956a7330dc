//! What is asked of libvirt about one host's domains. Runs on the connection's thread.

use std::time::{Duration, Instant};

use host_api::{Actual, ActualPower};
use host_runtime::Found;
use ids::{HostId, VmId};
use virt::{
    connect::Connect,
    domain::{Domain, DomainPausedReason, DomainShutoffReason, DomainState, DomainStateReason},
    enumutil::Enum,
    error::Error,
    sys,
};

use crate::{
    link::is_no_domain,
    mark::{Mark, NAMESPACE, PREFIX},
    xml,
};

const ELEMENT: i32 = sys::VIR_DOMAIN_METADATA_ELEMENT.cast_signed();

/// A domain that is ours.
pub struct Held {
    /// libvirt's handle.
    pub domain: Domain,
    /// What is written into it.
    pub mark: Mark,
    /// What it is.
    pub actual: Actual,
}

/// Who has the domain of a VM.
pub enum Holder {
    /// There is none.
    Nobody,
    /// This host.
    Us(Box<Held>),
    /// It has the VM's UUID or name, and not our mark.
    Stranger,
}

/// Every domain of the host.
pub fn all(connect: &Connect, host: HostId) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for domain in connect.list_all_domains(0)? {
        // Between the list and the questions a domain may go; that is not an error.
        match hold(domain, host).and_then(|held| held.as_ref().map(seen).transpose()) {
            Ok(seen) => found.extend(seen),
            Err(error) if is_no_domain(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The domain of one VM.
pub fn one(connect: &Connect, host: HostId, vm: VmId) -> Result<Holder, Error> {
    let domain = match connect.lookup_domain_by_uuid_string(&vm.to_string()) {
        Err(error) if is_no_domain(&error) => match connect.lookup_domain_by_name(&xml::name(vm)) {
            Err(error) if is_no_domain(&error) => return Ok(Holder::Nobody),
            Err(error) => return Err(error),
            Ok(_) => return Ok(Holder::Stranger),
        },
        domain => domain?,
    };
    Ok(match hold(domain, host)? {
        Some(held) if held.mark.vm == vm => Holder::Us(Box::new(held)),
        _ => Holder::Stranger,
    })
}

/// What the reconciler and the report want to know.
pub fn seen(held: &Held) -> Result<Found, Error> {
    let info = held.domain.info()?;
    let on = !matches!(held.actual.power, ActualPower::Off | ActualPower::OffByGuest);
    Ok(Found {
        vm_id: held.mark.vm,
        domain: Some(held.actual),
        cpu_time_ns: if on { info.cpu_time } else { 0 },
        memory_mib: if on { info.memory / 1024 } else { 0 },
    })
}

/// Writes the mark, into the running domain and into its definition.
pub fn write(domain: &Domain, mark: &Mark) -> Result<(), Error> {
    let live = if domain.is_active()? {
        sys::VIR_DOMAIN_AFFECT_LIVE
    } else {
        0
    };
    let flags = sys::VIR_DOMAIN_AFFECT_CONFIG | live;
    domain.set_metadata(ELEMENT, Some(&mark.bare()), Some(PREFIX), Some(NAMESPACE), flags)
}

/// Defines; says how long libvirt took.
pub fn define(connect: &Connect, xml: &str) -> Result<Duration, Error> {
    let begun = Instant::now();
    connect.define_domain_xml(xml)?;
    Ok(begun.elapsed())
}

/// Starts; says how long libvirt took.
pub fn start(domain: &Domain) -> Result<Duration, Error> {
    let begun = Instant::now();
    domain.create()?;
    Ok(begun.elapsed())
}

/// Cuts the power, if it is on.
pub fn cut(domain: &Domain) -> Result<(), Error> {
    match domain.destroy() {
        Err(_) if !domain.is_active()? => Ok(()),
        done => done,
    }
}

/// Lets a paused or sleeping domain go on.
pub fn resume(domain: &Domain) -> Result<(), Error> {
    match domain.state()?.0 {
        Enum::Known(DomainState::PMSuspended) => domain.pm_wakeup(0),
        _ => domain.resume(),
    }
}

/// Forgets the definition, and whatever libvirt keeps with it.
pub fn undefine(domain: &Domain) -> Result<(), Error> {
    let all = sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
        | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
        | sys::VIR_DOMAIN_UNDEFINE_NVRAM
        | sys::VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
    match domain.undefine_flags(all) {
        Err(error) if is_no_domain(&error) => Ok(()),
        // The fake driver knows none of these.
        Err(_) => domain.undefine(),
        done => done,
    }
}

fn hold(domain: Domain, host: HostId) -> Result<Option<Held>, Error> {
    // No element of ours: somebody else's domain.
    let Ok(element) = domain.metadata(ELEMENT, Some(NAMESPACE), 0) else {
        return Ok(None);
    };
    let Some(mark) = Mark::read(&element).filter(|mark| mark.host == host) else {
        return Ok(None);
    };
    let actual = mark.actual(power(&domain)?);
    if actual.halted() != mark.halted {
        // Best effort: only libvirtd's restart in this very moment makes it matter.
        let _ = write(&domain, &mark.with(&actual));
    }
    Ok(Some(Held { domain, mark, actual }))
}

fn power(domain: &Domain) -> Result<ActualPower, Error> {
    let (state, reason) = domain.state()?;
    Ok(match (state, reason) {
        // While it shuts down it is on: its grace may yet run out.
        (Enum::Known(DomainState::Running | DomainState::Blocked | DomainState::Shutdown), _) => ActualPower::Running,
        (Enum::Known(DomainState::Shutoff), Enum::Known(DomainStateReason::Shutoff(why))) => {
            if why.is_known_and(|why| why == DomainShutoffReason::Shutdown) {
                ActualPower::OffByGuest
            } else {
                ActualPower::Off
            }
        }
        (Enum::Known(DomainState::Shutoff | DomainState::Crashed), _) => ActualPower::Off,
        (Enum::Known(DomainState::Paused), Enum::Known(DomainStateReason::Paused(why)))
            if why.is_known_and(|why| {
                matches!(why, DomainPausedReason::StartingUp | DomainPausedReason::ShuttingDown)
            }) =>
        {
            ActualPower::Busy
        }
        (Enum::Known(DomainState::Paused | DomainState::PMSuspended), _) => ActualPower::Paused,
        (Enum::Known(DomainState::NoState) | Enum::Unknown(_), _) => ActualPower::Busy,
    })
}
