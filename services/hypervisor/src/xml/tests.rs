use host_api::{Generation, PlacementEpoch, Shape};
use ids::{HostId, TenantId, VmId};
use proptest::prelude::*;
use quick_xml::Reader;

use super::*;

fn mark() -> Mark {
    Mark {
        host: HostId::mint(),
        vm: VmId::mint(),
        tenant: TenantId::mint(),
        epoch: PlacementEpoch(1),
        generation: Generation(0),
        reboots: 0,
        asked: true,
        halted: false,
        shape: Shape {
            vcpus: 2,
            memory_mib: 512,
            disk_gib: 1,
        },
    }
}

fn kernel<'a>(title: &'a str, cmdline: &'a str) -> Domain<'a> {
    Domain {
        mark: mark(),
        title,
        domain_type: DomainType::Qemu,
        boot: Boot::Kernel {
            kernel: "/s/kernel".into(),
            initrd: Some("/s/initrd".into()),
            cmdline,
        },
        disk: Some(Disk {
            file: "/s/disk".into(),
            base: Some("/s/base".into()),
        }),
        console: "/s/console.log".into(),
    }
}

/// Element names in order.
fn read(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut all = Vec::new();
    loop {
        match reader.read_event().expect("well formed") {
            Event::Start(e) => {
                let name = e.name().as_ref().to_owned();
                all.push(name);
            }
            Event::Empty(e) => all.push(e.name().as_ref().to_owned()),
            Event::End(_) | Event::Text(_) | Event::GeneralRef(_) => {}
            Event::Eof => break,
            other => panic!("unexpected {other:?}"),
        }
    }
    all
}

proptest! {
    /// t51: whatever a name or a command line is, the elements are the same.
    #[test]
    fn t51_hostile_text_adds_no_element(title: String, cmdline in "[^\u{0}-\u{8}\u{b}-\u{1f}\u{fffe}\u{ffff}]{0,80}") {
        let plain = read(&describe(&kernel("web", "console=ttyS0")));
        prop_assert_eq!(read(&describe(&kernel(&title, &cmdline))), plain);
    }

    #[test]
    fn t51_a_title_is_one_line_of_xml(name: String) {
        let title = title(&name);
        prop_assert!(title.chars().all(|c| is_xml(c) && !c.is_control()));
        prop_assert!(title.chars().count() <= TITLE);
    }
}

#[test]
fn t51_the_usual_suspects_are_inert() {
    for hostile in [
        "</title><devices><disk type='file'/></devices>",
        "]]>",
        "<!ENTITY x SYSTEM 'file:///etc/shadow'>&x;",
        "'\"--><seclabel type='none'/>",
        "\u{0}\u{1}\u{b}\u{ffff}",
        "a\nb\rc",
    ] {
        let xml = describe(&kernel(hostile, "quiet"));
        assert_eq!(read(&xml), read(&describe(&kernel("web", "quiet"))), "{hostile:?}");
    }
}

#[test]
fn the_chain_is_spelled_out_and_the_base_keeps_its_owner() {
    let xml = describe(&kernel("web", "quiet"));
    assert!(xml.contains(
        r#"<source file="/s/base"><seclabel model="dac" relabel="no"/></source><backingStore/></backingStore>"#
    ));
    assert!(xml.contains(r#"<source path="/s/console.log" append="on"/>"#));
}
