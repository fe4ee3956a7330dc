//! Whether somebody may do something and why, by the very code that decides it.
//!
//! [`Caller::admit`] is what every request passes before its body is read, [`Caller::verdict`] that and the object. An
//! explanation is the verdict with the grounds for it; it has no rule of its own.

use crate::{Action, Binding, Caller, Info, Level, Moment, Owed, Place, Role, rights::Unmet};

/// Why a caller may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Something must be done before anything else.
    Owes(Owed),
    /// The credential is not good for it, whatever its holder carries.
    Scope,
    /// Nothing that counts carries it there.
    Missing,
    /// It asks for a factor shown within so many minutes.
    StepUp(u16),
}

/// What a binding has to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It carries the action there, and counts now.
    Counts,
    /// It would, if its condition held.
    Unmet(Unmet),
    /// It carries the action on another project, or on a project what is asked of the tenant.
    Elsewhere,
    /// It would, by another credential; or it is new, and will in some seconds.
    Withheld,
    /// It does not carry the action.
    Nothing,
}

impl Caller {
    /// May the caller do this kind of thing, here and now?
    pub fn admit(&self, action: &Info) -> Result<(), Refusal> {
        if let Some(owed) = self.must_first(action) {
            return Err(Refusal::Owes(owed));
        }
        if !self.may_somewhere(action) {
            return Err(if self.in_scope(action) {
                Refusal::Missing
            } else {
                Refusal::Scope
            });
        }
        self.must_step_up(action)
            .map_or(Ok(()), |minutes| Err(Refusal::StepUp(minutes)))
    }

    /// May the caller do this to what stands there, here and now?
    pub fn verdict(&self, action: &Info, place: Place) -> Result<(), Refusal> {
        self.admit(action)?;
        if self.may(action, place) {
            Ok(())
        } else {
            Err(Refusal::Missing)
        }
    }

    /// What each of the bindings that the caller's principal holds has to do with it.
    pub fn parts(&self, held: &[Binding], moment: &Moment, action: &Info, place: Place) -> Vec<Part> {
        held.iter()
            .map(|binding| self.part(binding, moment, action, place))
            .collect()
    }

    fn part(&self, binding: &Binding, moment: &Moment, action: &Info, place: Place) -> Part {
        if !binding.rights.carry(action) {
            return Part::Nothing;
        }
        let project = match place {
            Place::Project(_, project) => Some(project),
            Place::Platform | Place::Tenant(_) => None,
        };
        // What is asked of the tenant is not carried by a role on one of its projects.
        let too_narrow = action.level != Level::Project && binding.project.is_some();
        if too_narrow || !binding.reaches(action, project) {
            return Part::Elsewhere;
        }
        // A key for one project holds what its holder does, cut down to that.
        let narrowed = project.and_then(|project| binding.clone().narrowed(project));
        let own = |one: &Binding| {
            let wide = action.level == Level::Project || one.project.is_none();
            wide && (one == binding || Some(one) == narrowed.as_ref())
        };
        if self.in_scope(action) && self.bindings().iter().any(own) {
            return Part::Counts;
        }
        match binding.condition.judge(moment) {
            Err(unmet) => Part::Unmet(unmet),
            Ok(()) => Part::Withheld,
        }
    }
}

/// Do all who are signed in carry it, bound to nothing?
pub fn is_anyones(action: &Info) -> bool {
    action.roles.contains(Role::Anyone)
}

/// The right to ask about others: whoever may list bindings there.
pub const ABOUT_OTHERS: &Info = crate::action::role_binding::List::INFO;
