//! Who may hand rights on, and take them away.
//!
//! Nobody gives what they lack, and nobody takes from those who have more. Each question answers with the action that
//! the caller lacks. A right held on a condition is given on no weaker one: else whoever has a right until tonight, or
//! from the office, would give it to themselves for ever and from anywhere. A role that is bound may be changed by
//! whoever could give it anew to each that carries it.
//!
//! One right reaches further: whoever may `duty.appoint` gives and takes what belongs to a duty other than looking after
//! people without carrying it. Where duties are apart nobody carries more than one, so without it nobody could be made
//! system administrator or auditor. Only owners give this right, since where duties are not apart it leads to all others.

use ids::ProjectId;

use crate::action::duty::Appoint;
use crate::action::{ALL, Action};
use crate::{Binding, Caller, Condition, Duty, Info, Level, PLATFORM, Place, Rights, Role};

impl Caller {
    /// May the caller do everything that `rights` carry there?
    pub fn covers(&self, rights: &Rights, project: Option<ProjectId>) -> bool {
        self.lacks(rights, project).is_none()
    }

    /// The first action that `rights` carry there and the caller may not do now.
    pub fn lacks(&self, rights: &Rights, project: Option<ProjectId>) -> Option<&'static Info> {
        let carried = ALL.iter().copied().filter(|action| rights.carry(action));
        carried
            .into_iter()
            .find(|action| !self.may(action, self.place_of(action, project)) && !self.appoints_to(action))
    }

    /// Why the caller may not give this to somebody; none if they may.
    pub fn cannot_give(&self, binding: &Binding) -> Option<&'static Info> {
        let carried = ALL.iter().copied().filter(|action| binding.rights.carry(action));
        carried
            .into_iter()
            .find(|action| !self.has_for(action, binding.project, &binding.condition))
    }

    /// Why the caller may not take this from somebody; none if they may.
    pub fn cannot_take(&self, binding: &Binding) -> Option<&'static Info> {
        self.lacks(&binding.rights, binding.project)
    }

    /// Why the caller may not make another role of one; none if they may. `carried` is where and on which conditions it
    /// is bound.
    pub fn cannot_reshape(
        &self,
        old: &Rights,
        new: &Rights,
        carried: &[(Option<ProjectId>, Condition)],
    ) -> Option<&'static Info> {
        let anew = |(project, condition): &(Option<ProjectId>, Condition)| {
            self.cannot_give(&Binding {
                rights: new.clone(),
                project: *project,
                condition: condition.clone(),
            })
        };
        let lacking = self.lacks(old, None).or_else(|| self.lacks(new, None));
        lacking.or_else(|| carried.iter().find_map(anew))
    }

    fn has_for(&self, action: &Info, project: Option<ProjectId>, condition: &Condition) -> bool {
        let lasting = |own: &Binding| own.reaches(action, project) && condition.is_within(&own.condition);
        let own = self.may(action, self.place_of(action, project))
            && (action.roles.contains(Role::Anyone) || self.bindings().iter().any(lasting));
        let appoint = |own: &Binding| own.reaches(Appoint::INFO, None) && condition.is_within(&own.condition);
        own || self.appoints_to(action) && self.bindings().iter().any(appoint)
    }

    /// Does `action` belong to another duty than looking after people, and may the caller appoint to it?
    fn appoints_to(&self, action: &Info) -> bool {
        let here = action.level != Level::Platform || self.tenant() == PLATFORM;
        here && matches!(action.duty(), Some(Duty::System | Duty::Audit))
            && self.may(Appoint::INFO, Place::Tenant(self.tenant()))
    }

    const fn place_of(&self, action: &Info, project: Option<ProjectId>) -> Place {
        match (action.level, project) {
            (Level::Platform, _) => Place::Platform,
            (_, Some(project)) => Place::Project(self.tenant(), project),
            (_, None) => Place::Tenant(self.tenant()),
        }
    }
}
