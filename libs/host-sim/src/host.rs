use std::{collections::BTreeMap, sync::Arc};

use host_api::{Capacity, Sha256};
use host_runtime::{CallError, Client, Ended, Identity, StateDir, client::Decorate, enrol};
use ids::{HostId, VmId};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{Domain, Knobs, machine::SimMachine};

/// A host that only pretends.
pub struct SimHost {
    host_id: HostId,
    fingerprint: Sha256,
    client: Client,
    machine: Arc<SimMachine>,
}

impl SimHost {
    /// Enrols with an identity of its own that is kept nowhere. `gateway` is `https://host:8443`, or where a service listens.
    pub async fn enrol(gateway: Url, token: &str, knobs: Knobs) -> Result<Self, enrol::Error> {
        let identity = Identity::make()?;
        let (client, machine) = connect(gateway, &identity, &knobs)?;
        let ask = enrol::ask(token, &knobs.name, machine.describe());
        let enrolled = client.enrol(&ask).await?;
        Ok(Self {
            host_id: enrolled.host_id,
            fingerprint: identity.fingerprint().clone(),
            client,
            machine,
        })
    }

    /// The host of a state folder; enrols when that was not done before.
    pub async fn open(gateway: Url, state: &StateDir, token: Option<&str>, knobs: Knobs) -> Result<Self, enrol::Error> {
        let identity = state.identity()?;
        let (client, machine) = connect(gateway, &identity, &knobs)?;
        let host_id = state.enrol(&client, machine.as_ref(), token, &knobs.name).await?;
        Ok(Self {
            host_id,
            fingerprint: identity.fingerprint().clone(),
            client,
            machine,
        })
    }

    /// Speaks for the host until stopped or superseded. Dropping the future is a crash.
    pub async fn run(&self, stop: CancellationToken) -> Ended {
        host_runtime::run(self.client.clone(), self.machine.clone(), stop).await
    }

    /// Its id.
    #[must_use]
    pub fn host_id(&self) -> HostId {
        self.host_id
    }

    /// The SHA-256 of its certificate.
    #[must_use]
    pub fn fingerprint(&self) -> &Sha256 {
        &self.fingerprint
    }

    /// Speaks as this host: for tests that play a host by hand.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What is on it.
    #[must_use]
    pub fn domains(&self) -> BTreeMap<VmId, Domain> {
        self.machine.domains()
    }

    /// The sum of the shapes of its domains, running or not.
    #[must_use]
    pub fn allotted(&self) -> Capacity {
        self.machine.allotted()
    }

    /// How many faults were injected so far; a test that wants faults asserts that there were some.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.machine.faults()
    }

    /// Injects no more faults.
    pub fn heal(&self) {
        self.machine.heal();
    }

    /// The machine loses power and boots again: every domain is off, and not because anybody asked.
    pub fn power_cut(&self) {
        self.machine.power_cut();
    }

    /// The guest switches itself off.
    pub fn halt(&self, vm_id: VmId) {
        self.machine.halt(vm_id);
    }

    /// The guest prints on its serial port.
    pub fn print(&self, vm_id: VmId, text: &str) {
        self.machine.print(vm_id, text);
    }

    /// A domain is there that nobody asked for: what a restored control plane finds.
    pub fn plant(&self, vm_id: VmId, domain: Domain) {
        self.machine.plant(vm_id, domain);
    }
}

fn connect(gateway: Url, identity: &Identity, knobs: &Knobs) -> Result<(Client, Arc<SimMachine>), CallError> {
    let fingerprint = identity.fingerprint().clone();
    let decorate = knobs
        .sign
        .clone()
        .map(|sign| -> Decorate { Arc::new(move |ask| sign(ask, &fingerprint)) });
    let client = Client::new(gateway, knobs.roots.as_deref(), identity, decorate)?;
    let machine = Arc::new(SimMachine::new(client.clone(), knobs));
    Ok((client, machine))
}
