//! What is written into a domain: whose it is, and how far its intent was carried out.
//!
//! It lives in the domain's metadata, so it is as durable as the domain and cannot disagree with it about existing. A
//! domain without it, or with another host's, is none of our business.

use host_api::{Actual, ActualPower, Generation, PlacementEpoch, Shape};
use ids::{HostId, TenantId, VmId};
use quick_xml::{Reader, Writer, XmlVersion, events::Event};

/// The namespace of the element.
pub const NAMESPACE: &str = "urn:yunshu:domain:1";

/// The prefix libvirt keeps it under.
pub const PREFIX: &str = "yunshu";

/// The element, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Whose domain it is.
    pub host: HostId,
    /// The VM, also the domain's UUID.
    pub vm: VmId,
    /// For people who look at the host.
    pub tenant: TenantId,
    /// See [`Actual::epoch`].
    pub epoch: PlacementEpoch,
    /// See [`Actual::generation`].
    pub generation: Generation,
    /// See [`Actual::reboots`].
    pub reboots: u32,
    /// See [`Actual::asked`].
    pub asked: bool,
    /// Its guest switched it off. libvirt knows that too, and forgets it when it restarts.
    pub halted: bool,
    /// See [`Actual::shape`].
    pub shape: Shape,
}

impl Mark {
    /// As seen by the reconciler.
    pub fn actual(&self, power: ActualPower) -> Actual {
        let forgotten = self.halted && power == ActualPower::Off;
        Actual {
            epoch: self.epoch,
            generation: self.generation,
            reboots: self.reboots,
            asked: self.asked,
            shape: self.shape,
            power: if forgotten { ActualPower::OffByGuest } else { power },
        }
    }

    /// The mark of the same domain with other facts.
    #[must_use]
    pub fn with(&self, actual: &Actual) -> Self {
        let Actual {
            epoch,
            generation,
            reboots,
            asked,
            shape,
            power: _,
        } = *actual;
        Self {
            epoch,
            generation,
            reboots,
            asked,
            halted: actual.halted(),
            shape,
            ..*self
        }
    }

    /// The element as part of a description.
    pub fn xml(&self) -> String {
        self.element(
            &format!("{PREFIX}:vm"),
            &[(format!("xmlns:{PREFIX}").as_str(), NAMESPACE)],
        )
    }

    /// The element alone: libvirt gives it prefix and namespace when it is set by itself, and refuses it when it has them.
    pub fn bare(&self) -> String {
        self.element("vm", &[])
    }

    fn element(&self, name: &str, namespace: &[(&str, &str)]) -> String {
        let number = |n: u64| n.to_string();
        let attributes = [
            ("host", self.host.to_string()),
            ("id", self.vm.to_string()),
            ("tenant", self.tenant.to_string()),
            ("epoch", self.epoch.0.to_string()),
            ("generation", self.generation.0.to_string()),
            ("reboots", number(self.reboots.into())),
            ("asked", self.asked.to_string()),
            ("halted", self.halted.to_string()),
            ("vcpus", number(self.shape.vcpus.into())),
            ("memory_mib", number(self.shape.memory_mib)),
            ("disk_gib", number(self.shape.disk_gib)),
        ];
        let mut writer = Writer::new(Vec::new());
        let element = writer
            .create_element(name)
            .with_attributes(namespace.iter().copied())
            .with_attributes(attributes.iter().map(|(name, value)| (*name, value.as_str())));
        // Writing to a Vec cannot fail.
        let _ = element.write_empty();
        String::from_utf8(writer.into_inner()).unwrap_or_default()
    }

    /// Reads the element as libvirt gives it back; none when it is not one of ours or not whole.
    pub fn read(xml: &str) -> Option<Self> {
        let mut reader = Reader::from_str(xml);
        loop {
            match reader.read_event().ok()? {
                Event::Start(element) | Event::Empty(element) => {
                    let get = |name: &str| -> Option<String> {
                        let attribute = element.try_get_attribute(name).ok()??;
                        Some(attribute.normalized_value(XmlVersion::Explicit1_0).ok()?.into_owned())
                    };
                    return Some(Self {
                        host: get("host")?.parse().ok()?,
                        vm: get("id")?.parse().ok()?,
                        tenant: get("tenant")?.parse().ok()?,
                        epoch: PlacementEpoch(get("epoch")?.parse().ok()?),
                        generation: Generation(get("generation")?.parse().ok()?),
                        reboots: get("reboots")?.parse().ok()?,
                        asked: get("asked")?.parse().ok()?,
                        halted: get("halted")?.parse().ok()?,
                        shape: Shape {
                            vcpus: get("vcpus")?.parse().ok()?,
                            memory_mib: get("memory_mib")?.parse().ok()?,
                            disk_gib: get("disk_gib")?.parse().ok()?,
                        },
                    });
                }
                Event::Eof => return None,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            epoch: i64, generation: i64, reboots: u32, asked: bool, halted: bool, vcpus: u32, memory_mib: u64, disk_gib: u64,
        ) {
            let mark = Mark {
                host: HostId::mint(),
                vm: VmId::mint(),
                tenant: TenantId::mint(),
                epoch: PlacementEpoch(epoch),
                generation: Generation(generation),
                reboots,
                asked,
                halted,
                shape: Shape { vcpus, memory_mib, disk_gib },
            };
            prop_assert_eq!(Mark::read(&mark.xml()), Some(mark));
            prop_assert_eq!(Mark::read(&mark.bare()), Some(mark));
        }

        #[test]
        fn nothing_makes_it_panic(xml: String) {
            let _ = Mark::read(&xml);
        }
    }

    #[test]
    fn a_stranger_is_not_ours() {
        assert_eq!(Mark::read(""), None);
        assert_eq!(Mark::read("<vm/>"), None);
        assert_eq!(
            Mark::read(r#"<yunshu:vm xmlns:yunshu="urn:yunshu:domain:1" host="x" id="y"/>"#),
            None
        );
    }
}
