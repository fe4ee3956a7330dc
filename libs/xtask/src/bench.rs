//! The benchmarks of `loadtest/`, against the system that runs.

use std::fs;

use anyhow::{Result, bail};

use crate::{
    libvirt,
    place::{Place, make_dir},
    sh::Sh,
    up,
};

pub fn bench(place: &Place, only: Option<&str>) -> Result<()> {
    let known = names(place)?;
    let chosen: Vec<&String> = known
        .iter()
        .filter(|name| only.is_none_or(|only| only == *name))
        .collect();
    if chosen.is_empty() {
        bail!("there is {}", known.join(", "));
    }
    let Some(port) = up::port(place) else {
        bail!("nothing runs to be measured: ./dev up")
    };
    let login = up::sign_up(place, port, "bench")?;
    make_dir(&place.state("bench"), 0o755)?;
    for name in chosen {
        println!("{name}");
        let said = Sh::new(place.root.join("loadtest").join(name).join("run"))
            .env("YUNSHU_URL", format!("https://localhost:{port}"))
            .env("YUNSHU_CA", up::ca(place))
            .env("YUNSHU_EMAIL", &login.email)
            .env("YUNSHU_PASSWORD", &login.password)
            .env("YUNSHU_LIBVIRT", libvirt::URI)
            .read_aside()?;
        let kept = place.state("bench").join(format!("{name}.json"));
        fs::write(&kept, said)?;
        println!("  {}", kept.display());
    }
    Ok(())
}

fn names(place: &Place) -> Result<Vec<String>> {
    let folders = fs::read_dir(place.root.join("loadtest"))?
        .flatten()
        .filter(|entry| entry.path().join("run").exists());
    let mut names: Vec<String> = folders
        .map(|folder| folder.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}
