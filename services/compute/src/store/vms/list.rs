//! Lists of machines: one statement per order, so that an index serves each and no SQL is put together at run time.

use auth::action::vm;
use db::{Granted, Read};
use ids::VmId;
use scope::Project;
use web::{Sort, Window};

use super::row::{VmRow, select_vm};
use crate::vm::Vm;

/// What a list is narrowed to.
#[derive(Debug, Default)]
pub struct Filter<'a> {
    /// Names that begin with this.
    pub prefix: Option<&'a str>,
    /// The status last told.
    pub status: Option<&'a str>,
    /// Flavor, by its name or id.
    pub flavor: Option<&'a str>,
    /// A label and its value.
    pub label: Option<(String, String)>,
}

/// The prefix is a range: `like` is not leakproof and would lose its index under row security.
macro_rules! list {
    ($tail:literal) => {
        select_vm!(
            "where v.tenant_id = $1 and v.project_id = $2
               and ($3::text is null or v.name >= $3 collate \"C\" and v.name < $4 collate \"C\")
               and ($5::text is null or v.status = $5)
               and ($6::text is null or v.flavor = $6 or v.flavor_id::text = $6)
               and ($7::text is null or v.labels ->> $7 = $8) ",
            $tail
        )
    };
}

const BY_AGE: &str = list!("and ($9::uuid is null or v.vm_id > $9) order by v.vm_id limit $11");
const BY_AGE_DOWN: &str = list!("and ($9::uuid is null or v.vm_id < $9) order by v.vm_id desc limit $11");
const BY_NAME: &str =
    list!("and ($10::text is null or (v.name, v.vm_id) > ($10 collate \"C\", $9)) order by v.name, v.vm_id limit $11");
const BY_NAME_DOWN: &str = list!(
    "and ($10::text is null or (v.name, v.vm_id) < ($10 collate \"C\", $9)) order by v.name desc, v.vm_id desc limit $11"
);

/// A window of a project's machines.
pub async fn list(
    tx: &mut Read<vm::List>,
    project: &Granted<Project, vm::List>,
    filter: &Filter<'_>,
    sort: Sort,
    window: &Window,
) -> Result<Vec<Vm>, fault::Error> {
    let sql = match sort {
        Sort::CreatedAt => BY_AGE,
        Sort::CreatedAtDescending => BY_AGE_DOWN,
        Sort::Name => BY_NAME,
        Sort::NameDescending => BY_NAME_DOWN,
    };
    let (label, value) = filter.label.clone().unzip();
    let rows: Vec<VmRow> = sqlx::query_as(sql)
        .bind(project.tenant)
        .bind(project.id)
        .bind(filter.prefix)
        .bind(filter.prefix.map(|prefix| format!("{prefix}\u{10ffff}")))
        .bind(filter.status)
        .bind(filter.flavor)
        .bind(label)
        .bind(value)
        .bind(window.after::<VmId>(0)?)
        .bind(window.after::<String>(1)?)
        .bind(window.fetch())
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Vm::from).collect())
}
